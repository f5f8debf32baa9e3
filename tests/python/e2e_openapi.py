"""Holds what a running Countersign answers against its own OpenAPI document."""

import os
import re
import sys

import requests

URL = os.environ["COUNTERSIGN_URL"]
API = f"{URL}/_countersign/api"
KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


def session(name):
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {os.environ['TOKEN_' + name]}"
    return session


ANA, RUTH = session("ANA"), session("RUTH")
DOCUMENT = ANA.get(f"{API}/openapi.json", timeout=30).json()


def resolve(schema):
    while "$ref" in schema:
        found = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def faults(schema, value, at="$"):
    """Where a value differs from a schema, by the keywords that the document uses."""
    schema = resolve(schema)
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r} instead of {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not one of {schema['enum']}")
    if "oneOf" in schema:
        tried = [faults(one, value, at) for one in schema["oneOf"]]
        if sum(not differs for differs in tried) != 1:
            found.append(f"{at}: {value!r} is none of the alternatives, or several: {min(tried, key=len)}")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, KINDS[kind]) for kind in kinds):
        found.append(f"{at}: {value!r} is not {' or '.join(kinds)}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, dict):
        found += [f"{at}: no `{name}`" for name in schema.get("required", []) if name not in value]
        known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
        for name, member in value.items():
            if name in known:
                found += faults(known[name], member, f"{at}.{name}")
            elif other is False:
                found.append(f"{at}: `{name}` is not described")
            elif isinstance(other, dict):
                found += faults(other, member, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            found += faults(schema["items"], item, f"{at}[{index}]")
    return found


def call(caller, method, path, status=200, json=None, params=None, **parts):
    """Calls an operation; its answer must be one that the document has."""
    response = caller.request(method, f"{API}{path.format(**parts)}", json=json, params=params, timeout=60)
    here = f"{method} {path} {response.status_code}"
    assert response.status_code == status, f"{here} instead of {status}: {response.text}"
    described = resolve(DOCUMENT["paths"][path][method.lower()]["responses"][str(status)])["content"]
    kind = response.headers["content-type"]
    assert kind in described, f"{here}: {kind} is not one of {list(described)}"
    answer = response.json() if "json" in kind else response.text
    differs = faults(described[kind]["schema"], answer)
    assert not differs, f"{here}:\n" + "\n".join(differs)
    print("ok", here)
    return answer


def register(model):
    """A version without files, which no check lets through."""
    mlflow = f"{URL}/api/2.0/mlflow"
    run = ANA.post(f"{mlflow}/runs/create", json={"experiment_id": "0"}, timeout=60).json()["run"]["info"]
    ANA.post(f"{mlflow}/registered-models/create", json={"name": model}, timeout=60).raise_for_status()
    version = {"name": model, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
    ANA.post(f"{mlflow}/model-versions/create", json=version, timeout=60).raise_for_status()


def main():
    model = "described"
    register(model)
    action = {"kind": "set-alias", "model": model, "alias": "champion", "version": "1"}
    opened = call(ANA, "POST", "/v1/requests", json={"action": action})
    one = {"id": opened["id"]}
    review = {"vote": "comment", "rationale": "seen", "subject_digest": opened["subject_digest"]}
    call(RUTH, "POST", "/v1/requests/{id}/reviews", json=review, **one)
    call(RUTH, "POST", "/v1/requests/{id}/reviews", json={**review, "rationale": " "}, status=400, **one)
    other = {**review, "vote": "approve", "subject_digest": "sha256:" + "0" * 64}
    call(RUTH, "POST", "/v1/requests/{id}/reviews", json=other, status=409, **one)
    call(ANA, "POST", "/v1/requests/{id}/reviews", json={**review, "vote": "approve"}, status=403, **one)
    call(ANA, "POST", "/v1/requests/{id}/renew", **one)
    for run in opened["check_runs"]:
        call(RUTH, "POST", "/v1/requests/{id}/evidence/{plugin}", plugin=run["plugin"], **one)
    call(RUTH, "POST", "/v1/requests/{id}/evidence/{plugin}", status=404, plugin="none", **one)
    said = call(RUTH, "POST", "/v1/requests/{id}/comments", json={"text": "why?"}, **one)
    here = {**one, "comment": said["id"]}
    answer = {"text": "see the card", "answers": said["id"]}
    call(ANA, "POST", "/v1/requests/{id}/comments", json=answer, **one)
    call(ANA, "POST", "/v1/requests/{id}/comments", json={"text": " "}, status=400, **one)
    call(ANA, "PATCH", "/v1/requests/{id}/comments/{comment}", json={"text": "no"}, status=403, **here)
    call(RUTH, "PATCH", "/v1/requests/{id}/comments/{comment}", json={"text": "why not?"}, **here)
    call(RUTH, "POST", "/v1/requests/{id}/comments/{comment}/resolve", json={"resolved": True}, **here)
    call(RUTH, "DELETE", "/v1/requests/{id}/comments/{comment}", **here)
    call(ANA, "GET", "/v1/requests/{id}/comments", **one)
    call(ANA, "POST", "/v1/requests/{id}/apply", status=409, **one)
    emergency = {"reason": "all scores are zero", "ticket": "INC-7"}
    call(ANA, "POST", "/v1/requests/{id}/break-glass", json=emergency, status=403, **one)
    call(ANA, "GET", "/v1/break-glass")
    waiver = {"model": model, "gate": "production", "seat": "risk", "reason": "leave", "lasts": "14d"}
    asked = call(ANA, "POST", "/v1/waivers", json=waiver)
    word = {"json": {"rationale": "bounded, and watched"}, "id": asked["id"]}
    call(ANA, "POST", "/v1/waivers/{id}/approve", status=403, **word)
    call(RUTH, "POST", "/v1/waivers/{id}/approve", **word)
    call(RUTH, "POST", "/v1/waivers/{id}/revoke", **word)
    call(ANA, "POST", "/v1/waivers", json={**waiver, "check": "both"}, status=400)
    call(ANA, "GET", "/v1/waivers")
    nobody = {"json": {"rationale": "fine"}, "status": 404, "id": opened["id"]}
    for path in ["/v1/waivers/{id}/approve", "/v1/waivers/{id}/revoke", "/v1/break-glass/{id}/review"]:
        call(RUTH, "POST", path, **nobody)
    call(RUTH, "POST", "/v1/requests/{id}/withdraw", status=403, **one)
    call(ANA, "POST", "/v1/requests/{id}/withdraw", **one)
    call(ANA, "POST", "/v1/requests/{id}/withdraw", status=409, **one)
    call(ANA, "GET", "/v1/requests/{id}", **one)
    call(ANA, "GET", "/v1/requests/{id}", status=404, id="0")
    call(ANA, "GET", "/v1/requests", params={"state": "withdrawn", "model": model})
    call(ANA, "GET", "/v1/models/{name}/versions/{version}", name=model, version="1")
    call(RUTH, "POST", "/v1/policy/reload", status=403)
    for path in ["/v1/me", "/v1/plugins", "/v1/policy", "/v1/ledger/checkpoint", "/openapi.json"]:
        call(ANA, "GET", path)
    call(ANA, "GET", "/v1/policy/history", params={"limit": 200})
    call(ANA, "GET", "/v1/decisions", params={"limit": 200})
    call(ANA, "GET", "/v1/ledger/entries", params={"limit": 1000})
    call(ANA, "GET", "/v1/ledger/entries", params={"limit": "many"}, status=400)
    call(ANA, "GET", "/v1/ledger/proof", params={"index": 1})
    call(ANA, "GET", "/v1/ledger/proof", params={"index": 10**9}, status=404)
    call(requests.Session(), "GET", "/v1/me", status=401)


if __name__ == "__main__":
    sys.exit(main())

"""Promotes a real model and has the attestations of it verified by code of others: see `independent.py`."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

URL = os.environ["COUNTERSIGN_URL"]
os.environ["MLFLOW_TRACKING_URI"] = URL
os.environ["MLFLOW_TRACKING_TOKEN"] = os.environ["TOKEN_ANA"]

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

import training

MODEL = "attested"
API = f"{URL}/_countersign/api/v1"
HERE = Path(__file__).parent


def bearer(who):
    return {"Authorization": f"Bearer {os.environ[f'TOKEN_{who}']}"}


def ask(path):
    answer = requests.get(f"{API}/{path}", headers=bearer("RUTH"), timeout=60)
    answer.raise_for_status()
    return answer


def held(client):
    try:
        client.set_registered_model_alias(MODEL, "champion", "1")
    except MlflowException as error:
        return re.search(r"/requests/([0-9a-f-]{36})", str(error)).group(1)
    raise AssertionError("the alias was not held")


def approve(request):
    shown = ask(f"requests/{request}").json()
    vote = {
        "vote": "approve",
        "seat": "risk",
        "rationale": "the held-out metrics are what the card says",
        "subject_digest": shown["binding"],
    }
    answer = requests.post(f"{API}/requests/{request}/reviews", json=vote, headers=bearer("RUTH"), timeout=60)
    assert answer.status_code == 200, answer.text


def verified(request, folder):
    """By code of others, from what the API gives and the verifier key of an approval: here both from one hand."""
    envelopes = ask(f"requests/{request}/attestations").json()["attestations"]
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "attested.intoto.jsonl"
        bundle.write_text("".join(json.dumps(envelope) + "\n" for envelope in envelopes))
        command = [os.environ["ATTESTATIONS_PYTHON"], HERE / "independent.py", bundle, vkey(envelopes), folder]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {statement["predicateType"]: statement["predicate"] for statement in json.loads(done.stdout)}


def vkey(envelopes):
    payloads = [json.loads(base64.b64decode(envelope["payload"])) for envelope in envelopes]
    [ledger] = [it["predicate"]["ledger"] for it in payloads if "ledger" in it["predicate"]]
    return ledger["vkey"]


def main():
    client = MlflowClient()
    training.train_and_register(client, MODEL, training.CANDIDATES[1])
    # From where the files lie: to what it downloads by `models:/…`, MLflow's client adds a file of its own.
    folder = mlflow.artifacts.download_artifacts(client.get_model_version_download_uri(MODEL, "1"))
    print("ok", len([path for path in Path(folder).rglob("*") if path.is_file()]), "files of a model of scikit-learn")
    request = held(client)
    waiting = verified(request, folder)
    assert "COUNTERSIGN_APPROVED" not in waiting["https://in-toto.io/attestation/svr/v0.1"]["properties"], waiting
    print("ok what is held is attested as held")
    approve(request)
    client.set_registered_model_alias(MODEL, "champion", "1")
    said = verified(request, folder)
    assert said["https://in-toto.io/attestation/test-result/v0.1"]["result"] == "PASSED", said
    properties = said["https://in-toto.io/attestation/svr/v0.1"]["properties"]
    assert "COUNTERSIGN_APPROVED" in properties and "COUNTERSIGN_CHECK_PASSED/metric-threshold" in properties, said
    approval = said["https://countersign.dev/attestation/model-approval/v0.1"]
    assert (approval["decision"], approval["state"]) == ("allow", "applied"), approval
    [review] = approval["reviews"]
    assert (review["seat"], review["vote"]) == ("risk", "approve") and review["person"] != "ruth", review
    print("ok securesystemslib, in-toto-attestation and model-signing accept", len(said), "statements about the folder")


main()
sys.exit(0)

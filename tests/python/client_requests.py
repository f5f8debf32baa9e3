"""Print, one JSON object a line, what MLflow's own Python client sends for each call that changes the registry.

Usage: MLFLOW_TRACKING_URI=http://127.0.0.1:PORT python tests/python/client_requests.py > tests/fixtures/client-requests-VERSION.jsonl

The server must be an empty one of the version that the fixture names. Ids and times are replaced by fixed
ones, so that a second run prints the same lines.
"""

import json
import os
import re
import tempfile

import mlflow
import requests
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

CALL = ["setup"]
HEX = re.compile(r"[0-9a-f]{32}")
MILLIS = re.compile(r"\b1[0-9]{12}\b")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
send = requests.Session.send


def stable(text):
    text = UUID.sub("11111111-2222-3333-4444-555555555555", HEX.sub("0" * 32, text))
    return MILLIS.sub("1700000000000", text)


def recording(session, request, **options):
    if CALL[0] != "setup" and request.method != "GET":
        body = request.body
        if hasattr(body, "read"):
            body = None  # a file, streamed
        if isinstance(body, bytes):
            body = body.decode()
        line = {
            "call": CALL[0],
            "method": request.method,
            "target": stable(request.path_url),
            "content_type": request.headers.get("Content-Type"),
            "body": None if body is None else stable(body),
        }
        print(json.dumps(line, ensure_ascii=False))
    return send(session, request, **options)


requests.Session.send = recording
client = mlflow.MlflowClient()


def call(label, function, *arguments, **named):
    CALL[0] = label
    try:
        return function(*arguments, **named)
    finally:
        CALL[0] = "setup"


experiment = client.create_experiment("e")
run = client.create_run(experiment)
call("create_registered_model", client.create_registered_model, "credit", tags={"owner": "ana"}, description="d")
call("create_registered_model bare", client.create_registered_model, "prod.credit")
call("create_registered_model unicode", client.create_registered_model, "模型 é")
source = f"runs:/{run.info.run_id}/model"
call("create_model_version", client.create_model_version, "credit", source, run.info.run_id, {"a": "b"}, None, "d")
call("create_model_version bare", client.create_model_version, "credit", source, run.info.run_id)
model = client.create_logged_model(experiment, source_run_id=run.info.run_id)
client.finalize_logged_model(model.model_id, "READY")
call(
    "create_model_version of a logged model",
    client.create_model_version,
    "credit",
    f"models:/{model.model_id}",
    run.info.run_id,
    model_id=model.model_id,
)
call("copy_model_version", client.copy_model_version, "models:/credit/1", "prod.credit")
call("set_registered_model_alias", client.set_registered_model_alias, "credit", "champion", "1")
call("set_registered_model_alias int", client.set_registered_model_alias, "credit", "champion", 2)
call("delete_registered_model_alias", client.delete_registered_model_alias, "credit", "champion")
stage = client.transition_model_version_stage
call("transition_model_version_stage", stage, "credit", "1", "Production", archive_existing_versions=True)
call("transition_model_version_stage int", stage, "credit", 2, "staging")
call("set_model_version_tag", client.set_model_version_tag, "credit", "1", "k", "v")
call("set_model_version_tag int", client.set_model_version_tag, "credit", 1, "k", 2)
call("set_model_version_tag stage", client.set_model_version_tag, "credit", key="k", value="v", stage="Production")
call("delete_model_version_tag", client.delete_model_version_tag, "credit", "1", "k")
call("set_registered_model_tag", client.set_registered_model_tag, "credit", "k", "v")
call("set_registered_model_tag empty", client.set_registered_model_tag, "credit", "k", "")
call("delete_registered_model_tag", client.delete_registered_model_tag, "credit", "k")
call("update_model_version", client.update_model_version, "credit", "1", "new")
call("update_registered_model", client.update_registered_model, "credit", "new")
call("get_latest_versions", client.get_latest_versions, "credit")
call("rename_registered_model", client.rename_registered_model, "credit", "credit2")
call("delete_model_version", client.delete_model_version, "credit2", "2")
call("delete_registered_model", client.delete_registered_model, "prod.credit")
events = [WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED)]
webhook = call("create_webhook", client.create_webhook, "w", "https://8.8.8.8/h", events, "d", "s3cret")
call("create_webhook bare", client.create_webhook, "w2", "https://8.8.8.8/h", ["model_version.created"])
call("update_webhook", client.update_webhook, webhook.webhook_id, name="w3", status="DISABLED")
call("update_webhook events", client.update_webhook, webhook.webhook_id, events=["registered_model.created"])
call("delete_webhook", client.delete_webhook, webhook.webhook_id)
call("register_prompt", mlflow.genai.register_prompt, "greeting", "Hello {{name}}", "first", {"k": "v"})
call("set_prompt_alias", mlflow.genai.set_prompt_alias, "greeting", "production", 1)
call("delete_prompt_alias", mlflow.genai.delete_prompt_alias, "greeting", "production")
call("set_prompt_tag", client.set_prompt_tag, "greeting", "k", "v")
call("delete_prompt_tag", client.delete_prompt_tag, "greeting", "k")
call("set_prompt_version_tag", client.set_prompt_version_tag, "greeting", 1, "k", "v")
call("delete_prompt_version_tag", client.delete_prompt_version_tag, "greeting", 1, "k")
call("delete_prompt_version", client.delete_prompt_version, "greeting", "1")
call("delete_prompt", client.delete_prompt, "greeting")
with tempfile.TemporaryDirectory() as folder:
    for name in ["MLmodel", "a b+c.txt", "100%.txt", "é.txt"]:
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write("x")
        call(f"log_artifact {name}", client.log_artifact, run.info.run_id, path, "model/sub dir")
call("log_model_artifact", client.log_model_artifact, model.model_id, __file__)
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

repository = get_artifact_repository(client.get_run(run.info.run_id).info.artifact_uri)
call("delete_artifacts path", repository.delete_artifacts, "model")
call("delete_artifacts all", repository.delete_artifacts)
call("set_logged_model_tags", client.set_logged_model_tags, model.model_id, {"k": "v"})
call("delete_logged_model_tag", client.delete_logged_model_tag, model.model_id, "k")
call("log_metric", client.log_metric, run.info.run_id, "auc", 0.9)
call("log_batch", client.log_batch, run.info.run_id, params=[mlflow.entities.Param("p", "1")])
call("set_tag", client.set_tag, run.info.run_id, "k", "v")
call("delete_logged_model", client.delete_logged_model, model.model_id)
call("delete_run", client.delete_run, run.info.run_id)

"""A data scientist, or a colleague, at an unmodified MLflow client.

Who it is comes from MLflow's own environment variables (MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN). Reads one
JSON object per line, `{"do": NAME, ...}`, and answers each with one line:

    {"ok": true,  "value": ...}
    {"ok": false, "exception": "RestException", "error_code": "...", "status": 403, "message": "...", "json": {...}}

`message` is the text of the exception as Python prints it. The commands use the public client only.
"""

import json
import os
import sys
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

import training

client = MlflowClient()


def whoami() -> dict:
    return {"mlflow": mlflow.__version__, "uri": mlflow.get_tracking_uri()}


def train(model: str, experiment: str = "credit") -> list:
    """Trains, logs and registers the models of `training.CANDIDATES`; returns their versions."""
    mlflow.set_experiment(experiment)
    return [training.train_and_register(client, model, candidate) for candidate in training.CANDIDATES]


def set_alias(model: str, alias: str, version: str) -> None:
    client.set_registered_model_alias(model, alias, version)


def delete_alias(model: str, alias: str) -> None:
    client.delete_registered_model_alias(model, alias)


def get_alias(model: str, alias: str) -> str:
    return str(client.get_model_version_by_alias(model, alias).version)


def transition(model: str, version: str, stage: str, archive_existing_versions: bool = False) -> str:
    moved = client.transition_model_version_stage(model, version, stage, archive_existing_versions)
    return moved.current_stage


def stage(model: str, version: str) -> str:
    return client.get_model_version(model, version).current_stage


def copy(source: str, model: str) -> str:
    """What MLflow's *Promote model* does: `source` is a `models:/…` URI."""
    return str(client.copy_model_version(source, model).version)


def versions(model: str) -> list:
    found = client.search_model_versions(f"name = '{model}'")
    return sorted((str(version.version) for version in found), key=int)


def rename(model: str, new_name: str) -> None:
    client.rename_registered_model(model, new_name)


def delete_model(model: str) -> None:
    client.delete_registered_model(model)


def delete_version(model: str, version: str) -> None:
    client.delete_model_version(model, version)


def set_tag(model: str, version: str, key: str, value: str) -> None:
    client.set_model_version_tag(model, version, key, value)


def get_tags(model: str, version: str) -> dict:
    return dict(client.get_model_version(model, version).tags)


def overwrite_artifact(run_id: str, path: str, text: str) -> None:
    """Replaces one file under a run's artifacts, as somebody would who swaps a model after its approval."""
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, os.path.basename(path))
        with open(local, "w", encoding="utf-8") as file:
            file.write(text)
        client.log_artifact(run_id, local, os.path.dirname(path) or None)


def overwrite_model_file(model: str, version: str, path: str, text: str) -> None:
    """The same for a file of the version's own model folder, wherever MLflow keeps it."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    location = client.get_model_version_download_uri(model, version)
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, os.path.basename(path))
        with open(local, "w", encoding="utf-8") as file:
            file.write(text)
        get_artifact_repository(location).log_artifact(local, os.path.dirname(path) or None)


def read_model_file(model: str, version: str, path: str) -> str:
    location = client.get_model_version_download_uri(model, version)
    local = mlflow.artifacts.download_artifacts(artifact_uri=f"{location}/{path}")
    with open(local, encoding="utf-8") as file:
        return file.read()


def predict(uri: str, rows: int = 3) -> list:
    """Loads a model by its URI and uses it: what a consumer of the alias does."""
    return training.predict(mlflow.sklearn.load_model(uri), rows)


COMMANDS = {
    command.__name__.replace("_", "-"): command
    for command in (
        whoami, train, set_alias, delete_alias, get_alias, transition, stage, copy, versions, rename,
        delete_model, delete_version, set_tag, get_tags, overwrite_artifact, overwrite_model_file,
        read_model_file, predict,
    )
}  # fmt: skip


def answer(line: str) -> dict:
    arguments = json.loads(line)
    command = COMMANDS[arguments.pop("do")]
    try:
        return {"ok": True, "value": command(**arguments)}
    except MlflowException as error:
        return {
            "ok": False,
            "exception": type(error).__name__,
            "error_code": error.error_code,
            "status": error.get_http_status_code(),
            "message": str(error),
            "json": getattr(error, "json", None),
        }
    except Exception as error:  # an actor survives what it provokes
        return {"ok": False, "exception": type(error).__name__, "message": str(error)}


def main() -> None:
    # MLflow prints hints and links on standard output; the answers need it for themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()

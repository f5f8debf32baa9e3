"""Plays Databricks' SDK at Countersign: stage transitions are asked for, approved, rejected and deleted."""

import os
import sys

URL = os.environ["COUNTERSIGN_URL"]
os.environ["MLFLOW_TRACKING_URI"] = URL
os.environ["MLFLOW_TRACKING_TOKEN"] = os.environ["TOKEN_ANA"]

import mlflow
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceConflict,
    Unauthenticated,
)
from databricks.sdk.service.ml import ActivityAction, ActivityType, CommentActivityAction
from mlflow import MlflowClient

import training

MODEL = "databricks"
STRONG, OTHER, WEAK = "2", "3", "1"


def person(token):
    config = Config(host=URL, token=token, auth_type="pat", retry_timeout_seconds=5)
    return WorkspaceClient(config=config).model_registry


ANA, RUTH = person(os.environ["TOKEN_ANA"]), person(os.environ["TOKEN_RUTH"])
# Past Countersign, to see what MLflow holds.
DIRECT = MlflowClient(os.environ["MLFLOW_DIRECT_URL"])


def refused(kind, call, *arguments, words="", **named):
    try:
        answer = call(*arguments, **named)
    except DatabricksError as error:
        assert isinstance(error, kind), f"{type(error).__name__} instead of {kind.__name__}: {error}"
        assert words in str(error), f"`{words}` is not in: {error}"
        print("ok", call.__name__, "is refused:", type(error).__name__)
        return
    raise AssertionError(f"{call.__name__} was not refused: {answer}")


def stage(version):
    return DIRECT.get_model_version(MODEL, version).current_stage


def listed(version):
    return list(ANA.list_transition_requests(MODEL, version))


def asks_and_approves():
    asked = ANA.create_transition_request(MODEL, STRONG, "Production", comment="better on the holdout").request
    assert asked.to_stage == "Production" and asked.user_id == "ana" and asked.creation_timestamp > 0, asked
    assert asked.comment == "better on the holdout", asked
    assert asked.available_actions == [ActivityAction.CANCEL_TRANSITION_REQUEST], asked
    [found] = listed(STRONG)
    assert found.activity_type is ActivityType.REQUESTED_TRANSITION and found.user_id == "ana", found
    assert (found.from_stage, found.to_stage) == ("None", "Production"), found
    assert found.comment == "better on the holdout", found
    assert "ruth" in found.system_comment, found
    assert stage(STRONG) == "None"
    mine = "they asked for this promotion"
    refused(PermissionDenied, ANA.approve_transition_request, MODEL, STRONG, "Production", False, comment="mine", words=mine)
    refused(InvalidParameterValue, RUTH.approve_transition_request, MODEL, STRONG, "Production", False, words="rationale")
    refused(
        InvalidParameterValue,
        RUTH.approve_transition_request, MODEL, STRONG, "Production", True, comment="and archive", words="what was asked",
    )
    done = RUTH.approve_transition_request(MODEL, STRONG, "Production", False, comment="metrics are fine").activity
    assert done.activity_type is ActivityType.APPROVED_REQUEST and done.user_id == "ruth", done
    assert (done.from_stage, done.to_stage, done.comment) == ("None", "Production", "metrics are fine"), done
    assert stage(STRONG) == "Production", "the stage has changed in MLflow"
    assert listed(STRONG) == []
    missing = (NotFound, RUTH.approve_transition_request, MODEL, STRONG, "Production", False)
    refused(*missing, comment="again", words="no open request")


def rejects():
    ANA.create_transition_request(MODEL, WEAK, "Production")
    [found] = listed(WEAK)
    assert "failed" in found.system_comment, found
    refused(PermissionDenied, ANA.reject_transition_request, MODEL, WEAK, "Production", comment="mine")
    ended = RUTH.reject_transition_request(MODEL, WEAK, "Production", comment="too weak").activity
    assert ended.activity_type is ActivityType.REJECTED_REQUEST and ended.comment == "too weak", ended
    assert listed(WEAK) == [] and stage(WEAK) == "None"
    refused(ResourceConflict, ANA.create_transition_request, MODEL, WEAK, "Production", words="final")


def deletes():
    ANA.create_transition_request(MODEL, OTHER, "Production")
    refused(NotFound, ANA.delete_transition_request, MODEL, OTHER, "Production", "ruth")
    refused(PermissionDenied, RUTH.delete_transition_request, MODEL, OTHER, "Production", "ana")
    gone = ANA.delete_transition_request(MODEL, OTHER, "Production", "ana", comment="not yet").activity
    assert gone.activity_type is ActivityType.CANCELLED_REQUEST and gone.user_id == "ana", gone
    assert listed(OTHER) == []


def transitions():
    """The call that makes the write itself is governed like MLflow's own."""
    refused(PermissionDenied, ANA.transition_stage, MODEL, OTHER, "Production", True, comment="now", words="is held")
    assert stage(OTHER) == "None"
    done = RUTH.approve_transition_request(MODEL, OTHER, "Production", True, comment="this one, too").activity
    assert (done.from_stage, stage(OTHER), stage(STRONG)) == ("None", "Production", "Archived"), done
    moved = ANA.transition_stage(MODEL, STRONG, "Staging", False, comment="no gate").model_version_databricks
    assert (moved.name, moved.version, moved.current_stage) == (MODEL, STRONG, "Staging"), moved


def comments():
    said = RUTH.create_comment(MODEL, STRONG, "which holdout?").comment
    assert (said.user_id, said.comment) == ("ruth", "which holdout?") and said.creation_timestamp > 0, said
    assert said.available_actions == [CommentActivityAction.EDIT_COMMENT, CommentActivityAction.DELETE_COMMENT], said
    refused(PermissionDenied, ANA.update_comment, said.id, "none", words="only its author")
    again = RUTH.update_comment(said.id, "which holdout, and when?").comment
    assert (again.id, again.comment) == (said.id, "which holdout, and when?"), again
    refused(PermissionDenied, ANA.delete_comment, said.id)
    RUTH.delete_comment(said.id)
    refused(ResourceConflict, RUTH.update_comment, said.id, "still there?", words="was deleted")
    refused(NotFound, RUTH.delete_comment, "0")
    refused(InvalidParameterValue, RUTH.create_comment, MODEL, STRONG, " ")
    refused(NotFound, RUTH.create_comment, "nobody", "1", "hello")


def reads_and_mistakes():
    model = ANA.get_model(MODEL).registered_model_databricks
    assert model.name == MODEL and model.latest_versions, model
    refused(NotFound, ANA.get_model, "nobody")
    refused(NotFound, ANA.create_transition_request, "nobody", "1", "Production")
    refused(InvalidParameterValue, ANA.create_transition_request, MODEL, STRONG, "Live", words="no stage")
    refused(InvalidParameterValue, ANA.create_transition_request, MODEL, STRONG, "Archived", words="no request is needed")
    refused(Unauthenticated, person("nobody's").list_transition_requests, MODEL, STRONG)


def main():
    mlflow.set_experiment("databricks")
    client = MlflowClient()
    for candidate in training.CANDIDATES:
        training.train_and_register(client, MODEL, candidate)
    for act in [asks_and_approves, rejects, deletes, transitions, comments, reads_and_mistakes]:
        print("--", act.__name__)
        act()


if __name__ == "__main__":
    sys.exit(main())

//! What exactly would be sent to MLflow, for people to read before they sign.

use countersign_core::action::{Action, ArtifactPlace, FileWrite};
use serde_json::{Value, json};

use super::App;

/// A write as it goes out.
#[derive(Debug, Clone)]
pub struct Spelling {
    pub method: String,
    pub path: String,
    pub body: String,
}

impl App {
    /// The write that an action stands for. Only what is held is spelled out.
    #[must_use]
    pub fn spelling(action: &Action) -> Spelling {
        let (method, path, body) = match action {
            Action::SetAlias { model, alias, version } => (
                "POST",
                "/api/2.0/mlflow/registered-models/alias",
                json!({ "name": model, "alias": alias, "version": version }),
            ),
            Action::TransitionStage { model, version, stage, archive_existing } => (
                "POST",
                "/api/2.0/mlflow/model-versions/transition-stage",
                json!({
                    "name": model,
                    "version": version,
                    "stage": stage,
                    "archive_existing_versions": archive_existing,
                }),
            ),
            Action::RegisterVersion(registration) => (
                "POST",
                "/api/2.0/mlflow/model-versions/create",
                json!({
                    "name": registration.model,
                    "source": registration.source,
                    "run_id": registration.run_id,
                    "tags": registration.tags,
                }),
            ),
            Action::DeleteAlias { model, alias } => (
                "DELETE",
                "/api/2.0/mlflow/registered-models/alias",
                json!({ "name": model, "alias": alias }),
            ),
            Action::DeleteVersion { model, version } => (
                "DELETE",
                "/api/2.0/mlflow/model-versions/delete",
                json!({ "name": model, "version": version }),
            ),
            Action::DeleteModel { model } => {
                ("DELETE", "/api/2.0/mlflow/registered-models/delete", json!({ "name": model }))
            }
            Action::RenameModel { model, new_name } => (
                "POST",
                "/api/2.0/mlflow/registered-models/rename",
                json!({ "name": model, "new_name": new_name }),
            ),
            Action::SetVersionTag { model, version, key, value } => (
                "POST",
                "/api/2.0/mlflow/model-versions/set-tag",
                json!({ "name": model, "version": version, "key": key, "value": value }),
            ),
            Action::DeleteVersionTag { model, version, key } => (
                "DELETE",
                "/api/2.0/mlflow/model-versions/delete-tag",
                json!({ "name": model, "version": version, "key": key }),
            ),
            Action::UpdateVersion { model, version, description } => (
                "PATCH",
                "/api/2.0/mlflow/model-versions/update",
                json!({ "name": model, "version": version, "description": description }),
            ),
            Action::SetModelTag { model, key, value } => (
                "POST",
                "/api/2.0/mlflow/registered-models/set-tag",
                json!({ "name": model, "key": key, "value": value }),
            ),
            Action::DeleteModelTag { model, key } => (
                "DELETE",
                "/api/2.0/mlflow/registered-models/delete-tag",
                json!({ "name": model, "key": key }),
            ),
            Action::UpdateModel { model, description } => (
                "PATCH",
                "/api/2.0/mlflow/registered-models/update",
                json!({ "name": model, "description": description }),
            ),
            Action::WriteArtifact { place, how } => return files(place, *how),
            other => ("POST", "", serde_json::to_value(other).unwrap_or(Value::Null)),
        };
        Spelling { method: method.to_owned(), path: path.to_owned(), body: body.to_string() }
    }
}

/// Where files go. Their bytes are nobody's to show.
fn files(place: &ArtifactPlace, how: FileWrite) -> Spelling {
    let method = match how {
        FileWrite::Write => "PUT",
        FileWrite::Delete => "DELETE",
        FileWrite::Parts | FileWrite::Presign => "POST",
    };
    let path = match place {
        ArtifactPlace::Root { path } => format!("/api/2.0/mlflow-artifacts/artifacts/{path}"),
        ArtifactPlace::Run { run_id, path } => format!("runs:/{run_id}/{path}"),
        ArtifactPlace::LoggedModel { model_id, path } => format!("models:/{model_id}/{path}"),
    };
    let path = if how == FileWrite::Write { format!("{}/…", path.trim_end_matches('/')) } else { path };
    Spelling { method: method.to_owned(), path, body: String::new() }
}

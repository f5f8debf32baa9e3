//! The governed calls whose meaning is in a JSON body: which fields each has, and what it would change.

use super::body::Fields;
use super::{CanonicalBody, Refusal};
use crate::action::{Action, ArtifactPlace, FileWrite, Registration};
use crate::names::{Alias, ModelName};

/// A governed call that waits for its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    operation: Operation,
    path: String,
    id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    SetAlias,
    DeleteAlias,
    TransitionStage,
    /// The same in Databricks' envelope, which has a comment besides.
    DatabricksTransition,
    CreateVersion,
    UpdateVersion,
    DeleteVersion,
    SetVersionTag,
    DeleteVersionTag,
    CreateModel,
    RenameModel,
    UpdateModel,
    DeleteModel,
    SetModelTag,
    DeleteModelTag,
    CreateWebhook,
    UpdateWebhook,
    DeleteWebhook,
    PresignUpload,
}

impl Route {
    pub(super) fn new(operation: Operation, path: &str, id: Option<&str>) -> Self {
        let path = match operation {
            Operation::DatabricksTransition => super::databricks::upstream(path),
            _ => path.to_owned(),
        };
        Self { operation, path, id: id.map(str::to_owned) }
    }

    /// The path as the client sent it, which is the only spelling of it that gets here; of a call of Databricks'
    /// MLflow's own.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self.operation {
            Operation::UpdateVersion | Operation::UpdateModel | Operation::UpdateWebhook => "PATCH",
            Operation::DeleteAlias
            | Operation::DeleteVersion
            | Operation::DeleteVersionTag
            | Operation::DeleteModel
            | Operation::DeleteModelTag
            | Operation::DeleteWebhook => "DELETE",
            Operation::SetAlias
            | Operation::TransitionStage
            | Operation::DatabricksTransition
            | Operation::CreateVersion
            | Operation::SetVersionTag
            | Operation::CreateModel
            | Operation::RenameModel
            | Operation::SetModelTag
            | Operation::CreateWebhook
            | Operation::PresignUpload => "POST",
        }
    }

    /// Whether whoever called reads Databricks' form of MLflow's answer.
    #[must_use]
    pub fn is_databricks(&self) -> bool {
        self.operation == Operation::DatabricksTransition
    }

    /// MLflow's pages delete a webhook without a body.
    pub(super) fn may_be_empty(&self) -> bool {
        self.operation == Operation::DeleteWebhook
    }

    /// The action, and the canonical body.
    pub(super) fn read(&self, body: &[u8]) -> Result<(Action, CanonicalBody), Refusal> {
        if body.is_empty() && self.may_be_empty() {
            return Ok((self.action(&mut Fields::empty())?, CanonicalBody::Empty));
        }
        let mut fields = Fields::parse(body)?;
        let action = self.action(&mut fields)?;
        Ok((action, CanonicalBody::Json(fields.into_bytes()?)))
    }

    fn action(&self, fields: &mut Fields) -> Result<Action, Refusal> {
        match self.operation {
            Operation::CreateWebhook | Operation::UpdateWebhook | Operation::DeleteWebhook => {
                self.webhook(fields)
            }
            Operation::PresignUpload => presigned_upload(fields),
            operation => on_model(operation, fields),
        }
    }

    fn webhook(&self, fields: &mut Fields) -> Result<Action, Refusal> {
        if self.operation != Operation::CreateWebhook {
            // MLflow takes the id from the path alone.
            fields.ignore("webhook_id");
        }
        if self.operation != Operation::DeleteWebhook {
            for key in ["name", "description", "url", "secret", "status"] {
                fields.optional_text(key)?;
            }
            fields.events()?;
        }
        Ok(Action::ChangeWebhook { webhook_id: self.id.clone() })
    }
}

fn on_model(operation: Operation, fields: &mut Fields) -> Result<Action, Refusal> {
    let model = ModelName::new(fields.text("name")?);
    match operation {
        Operation::SetAlias
        | Operation::TransitionStage
        | Operation::DatabricksTransition
        | Operation::UpdateVersion
        | Operation::DeleteVersion
        | Operation::SetVersionTag
        | Operation::DeleteVersionTag => on_version(operation, model, fields),
        Operation::DeleteAlias => {
            // MLflow's pages send the version that had it; MLflow does not read it.
            fields.ignore("version");
            Ok(Action::DeleteAlias { model, alias: Alias::new(fields.text("alias")?) })
        }
        Operation::CreateVersion => registration(model, fields),
        Operation::CreateModel => {
            let tags = fields.tags()?;
            fields.optional_text("description")?;
            Ok(Action::CreateModel { model, tags })
        }
        Operation::RenameModel => {
            Ok(Action::RenameModel { model, new_name: ModelName::new(fields.text("new_name")?) })
        }
        Operation::SetModelTag => {
            let (key, value) = tag(fields)?;
            Ok(Action::SetModelTag { model, key, value })
        }
        Operation::DeleteModelTag => Ok(Action::DeleteModelTag { model, key: fields.text("key")? }),
        Operation::DeleteModel => Ok(Action::DeleteModel { model }),
        _ => {
            let description = fields.optional_text("description")?;
            Ok(Action::UpdateModel { model, description })
        }
    }
}

fn on_version(operation: Operation, model: ModelName, fields: &mut Fields) -> Result<Action, Refusal> {
    let version = fields.version()?;
    match operation {
        Operation::SetAlias => {
            Ok(Action::SetAlias { model, alias: Alias::new(fields.text("alias")?), version })
        }
        Operation::TransitionStage | Operation::DatabricksTransition => {
            if operation == Operation::DatabricksTransition {
                fields.ignore("comment");
            }
            let stage = fields.stage()?;
            let archive_existing = fields.flag("archive_existing_versions")?;
            Ok(Action::TransitionStage { model, version, stage, archive_existing })
        }
        Operation::SetVersionTag => {
            let (key, value) = tag(fields)?;
            Ok(Action::SetVersionTag { model, version, key, value })
        }
        Operation::DeleteVersionTag => {
            Ok(Action::DeleteVersionTag { model, version, key: fields.text("key")? })
        }
        Operation::DeleteVersion => Ok(Action::DeleteVersion { model, version }),
        _ => {
            let description = fields.optional_text("description")?;
            Ok(Action::UpdateVersion { model, version, description })
        }
    }
}

fn registration(model: ModelName, fields: &mut Fields) -> Result<Action, Refusal> {
    let source = fields.text("source")?;
    let run_id = fields.optional_text("run_id")?.filter(|id| !id.is_empty());
    let model_id = fields.optional_text("model_id")?.filter(|id| !id.is_empty());
    let tags = fields.tags()?;
    fields.optional_text("run_link")?;
    fields.optional_text("description")?;
    Ok(Action::RegisterVersion(Registration { model, source, run_id, model_id, tags }))
}

fn tag(fields: &mut Fields) -> Result<(String, String), Refusal> {
    Ok((fields.text("key")?, fields.optional_text("value")?.unwrap_or_default()))
}

/// A URL that lets its holder write one file straight into the object store.
fn presigned_upload(fields: &mut Fields) -> Result<Action, Refusal> {
    let run_id = fields.optional_text("run_id")?.filter(|id| !id.is_empty());
    let model_id = fields.optional_text("model_id")?.filter(|id| !id.is_empty());
    let path = super::artifact::normal(&fields.text("path")?)?;
    fields.optional_number("expiration")?;
    let place = match (run_id, model_id) {
        (Some(run_id), None) => ArtifactPlace::Run { run_id, path },
        (None, Some(model_id)) => ArtifactPlace::LoggedModel { model_id, path },
        _ => return Err(Refusal::MissingKey { key: "run_id` or `model_id" }),
    };
    Ok(Action::WriteArtifact { place, how: FileWrite::Presign })
}

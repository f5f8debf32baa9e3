//! What a request would change, once classified.

mod files;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::files::{ArtifactPlace, FileWrite};

use crate::names::{Alias, ModelName, Stage, Version, Workspace};

/// A change to the registry, or to files under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    SetAlias {
        model: ModelName,
        alias: Alias,
        version: Version,
    },
    DeleteAlias {
        model: ModelName,
        alias: Alias,
    },
    TransitionStage {
        model: ModelName,
        version: Version,
        stage: Stage,
        archive_existing: bool,
    },
    /// `model-versions/create`; how MLflow's *Promote model* and `copy_model_version` copy.
    RegisterVersion(Registration),
    CreateModel {
        model: ModelName,
        tags: BTreeMap<String, String>,
    },
    RenameModel {
        model: ModelName,
        new_name: ModelName,
    },
    UpdateModel {
        model: ModelName,
        /// `None` as entries of before have it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    DeleteModel {
        model: ModelName,
    },
    UpdateVersion {
        model: ModelName,
        version: Version,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    DeleteVersion {
        model: ModelName,
        version: Version,
    },
    SetModelTag {
        model: ModelName,
        key: String,
        value: String,
    },
    DeleteModelTag {
        model: ModelName,
        key: String,
    },
    SetVersionTag {
        model: ModelName,
        version: Version,
        key: String,
        value: String,
    },
    DeleteVersionTag {
        model: ModelName,
        version: Version,
        key: String,
    },
    /// Writes or deletes files. Which versions lie there is for the shell to find out.
    WriteArtifact {
        place: ArtifactPlace,
        #[serde(default, skip_serializing_if = "FileWrite::is_plain")]
        how: FileWrite,
    },
    /// Creates, changes or deletes a registry webhook.
    ChangeWebhook {
        webhook_id: Option<String>,
    },
}

/// The body of `model-versions/create`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Registration {
    pub model: ModelName,
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl Registration {
    /// The registered version that this copies, where the source names one: `models:/NAME/VERSION`.
    #[must_use]
    pub fn copied_from(&self) -> Option<(ModelName, Version)> {
        let (name, version) = self.source.strip_prefix("models:/")?.rsplit_once('/')?;
        Some((ModelName::new(name), Version::parse(version)?))
    }

    /// The logged model that this registers: `models:/m-…`, or the id that the request carries.
    #[must_use]
    pub fn logged_model(&self) -> Option<&str> {
        let named =
            self.source.strip_prefix("models:/").filter(|id| id.starts_with("m-") && !id.contains('/'));
        named.or(self.model_id.as_deref())
    }
}

/// An action in its workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Placed {
    pub workspace: Workspace,
    pub action: Action,
}

impl Action {
    /// The model that is changed, where one is named.
    #[must_use]
    pub fn model(&self) -> Option<&ModelName> {
        match self {
            Self::RegisterVersion(registration) => Some(&registration.model),
            Self::SetAlias { model, .. }
            | Self::DeleteAlias { model, .. }
            | Self::TransitionStage { model, .. }
            | Self::CreateModel { model, .. }
            | Self::RenameModel { model, .. }
            | Self::UpdateModel { model, .. }
            | Self::DeleteModel { model }
            | Self::UpdateVersion { model, .. }
            | Self::DeleteVersion { model, .. }
            | Self::SetModelTag { model, .. }
            | Self::DeleteModelTag { model, .. }
            | Self::SetVersionTag { model, .. }
            | Self::DeleteVersionTag { model, .. } => Some(model),
            Self::WriteArtifact { .. } | Self::ChangeWebhook { .. } => None,
        }
    }

    /// The version that is changed, where one is named.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        match self {
            Self::SetAlias { version, .. }
            | Self::TransitionStage { version, .. }
            | Self::UpdateVersion { version, .. }
            | Self::DeleteVersion { version, .. }
            | Self::SetVersionTag { version, .. }
            | Self::DeleteVersionTag { version, .. } => Some(*version),
            _ => None,
        }
    }

    /// Whether this gives a version something. What takes something away is allowed once each time.
    #[must_use]
    pub const fn is_promotion(&self) -> bool {
        matches!(self, Self::SetAlias { .. } | Self::TransitionStage { .. } | Self::RegisterVersion(_))
    }

    /// Whether this changes what is said about a version or a model: a tag or a description.
    #[must_use]
    pub const fn describes(&self) -> bool {
        matches!(
            self,
            Self::SetVersionTag { .. }
                | Self::DeleteVersionTag { .. }
                | Self::UpdateVersion { .. }
                | Self::SetModelTag { .. }
                | Self::DeleteModelTag { .. }
                | Self::UpdateModel { .. }
        )
    }

    /// The stable word for this kind of action, as in serialised actions and in the plugins' interface.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SetAlias { .. } => "set-alias",
            Self::DeleteAlias { .. } => "delete-alias",
            Self::TransitionStage { .. } => "transition-stage",
            Self::RegisterVersion(_) => "register-version",
            Self::CreateModel { .. } => "create-model",
            Self::RenameModel { .. } => "rename-model",
            Self::UpdateModel { .. } => "update-model",
            Self::DeleteModel { .. } => "delete-model",
            Self::UpdateVersion { .. } => "update-version",
            Self::DeleteVersion { .. } => "delete-version",
            Self::SetModelTag { .. } => "set-model-tag",
            Self::DeleteModelTag { .. } => "delete-model-tag",
            Self::SetVersionTag { .. } => "set-version-tag",
            Self::DeleteVersionTag { .. } => "delete-version-tag",
            Self::WriteArtifact { .. } => "write-artifact",
            Self::ChangeWebhook { .. } => "change-webhook",
        }
    }

    /// The alias, stage or model that the action is aimed at: what a policy guards.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::SetAlias { alias, .. } | Self::DeleteAlias { alias, .. } => Some(alias.as_str()),
            Self::TransitionStage { stage, .. } => Some(stage.as_str()),
            Self::RegisterVersion(registration) => Some(registration.model.as_str()),
            Self::RenameModel { new_name, .. } => Some(new_name.as_str()),
            _ => None,
        }
    }
}

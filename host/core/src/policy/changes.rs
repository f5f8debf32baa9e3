//! `[gate.changes]`: what becomes of a call that would undo a promotion, or change what was promoted.

use serde::{Deserialize, Serialize};

use super::ProtectedReason;
use crate::action::{Action, FileWrite};

/// What a gate does about changes of what it has let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Changes {
    /// Deleting a guarded alias, or a version or model that holds something guarded.
    pub delete: OnChange,
    /// Leaving a guarded stage.
    pub leave: OnChange,
    /// Renaming a model that holds something guarded.
    pub rename: OnChange,
    /// Setting and deleting tags of a version that holds something guarded.
    pub tags: OnChange,
    /// Changing the description of such a version.
    #[serde(skip_serializing_if = "OnChange::allows")]
    pub description: OnChange,
    /// Setting and deleting tags of a model of which a version holds something guarded.
    #[serde(skip_serializing_if = "OnChange::allows")]
    pub model_tags: OnChange,
    /// Changing the description of such a model.
    #[serde(skip_serializing_if = "OnChange::allows")]
    pub model_description: OnChange,
    /// Writing and deleting files under a version that holds something guarded.
    #[serde(skip_serializing_if = "OnChange::holds")]
    pub artifacts: OnChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnChange {
    /// It goes through, and who made it is remembered.
    Allow,
    /// It opens a request, and after approval the same call succeeds.
    Hold,
    /// Nobody can allow it.
    Refuse,
}

impl Default for Changes {
    fn default() -> Self {
        let (hold, allow) = (OnChange::Hold, OnChange::Allow);
        Self {
            delete: hold,
            leave: hold,
            rename: hold,
            tags: allow,
            description: allow,
            model_tags: allow,
            model_description: allow,
            artifacts: hold,
        }
    }
}

impl Changes {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whether people can allow this, which `why` stands against.
    pub(super) fn holds(self, action: &Action, why: &ProtectedReason) -> bool {
        // What comes into a governed model past its gate, and what nobody could establish, has no subject to judge.
        let settles = matches!(
            why,
            ProtectedReason::DeletesAlias { .. }
                | ProtectedReason::LeavesStage { .. }
                | ProtectedReason::HoldsGoverned { .. }
        );
        let said = match action {
            Action::DeleteAlias { .. } | Action::DeleteVersion { .. } | Action::DeleteModel { .. } => {
                self.delete
            }
            Action::TransitionStage { .. } => self.leave,
            Action::RenameModel { .. } => self.rename,
            Action::WriteArtifact { how: FileWrite::Presign, .. } => OnChange::Refuse,
            Action::WriteArtifact { .. } => self.artifacts,
            action => self.of_description(action).unwrap_or(OnChange::Refuse),
        };
        settles && said == OnChange::Hold
    }

    /// Each with its key in the policy.
    pub(super) const fn all(self) -> [(&'static str, OnChange); 8] {
        [
            ("delete", self.delete),
            ("leave", self.leave),
            ("rename", self.rename),
            ("artifacts", self.artifacts),
            ("tags", self.tags),
            ("description", self.description),
            ("model_tags", self.model_tags),
            ("model_description", self.model_description),
        ]
    }

    /// What becomes of a change of what is said about a version or a model; `None` for any other action.
    pub(super) const fn of_description(self, action: &Action) -> Option<OnChange> {
        match action {
            Action::SetVersionTag { .. } | Action::DeleteVersionTag { .. } => Some(self.tags),
            Action::UpdateVersion { .. } => Some(self.description),
            Action::SetModelTag { .. } | Action::DeleteModelTag { .. } => Some(self.model_tags),
            Action::UpdateModel { .. } => Some(self.model_description),
            _ => None,
        }
    }
}

impl OnChange {
    pub const ALL: [Self; 3] = [Self::Allow, Self::Hold, Self::Refuse];
    /// For what would take a promotion back.
    pub const TAKING_BACK: [Self; 2] = [Self::Hold, Self::Refuse];

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    const fn allows(&self) -> bool {
        matches!(self, Self::Allow)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    const fn holds(&self) -> bool {
        matches!(self, Self::Hold)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

//! `[gate.changes]`: what becomes of a call that would undo a promotion, or change what was promoted.

use serde::{Deserialize, Serialize};

use super::ProtectedReason;
use crate::action::Action;

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
        Self { delete: hold, leave: hold, rename: hold, tags: allow }
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
            action if describes(action) => self.tags,
            _ => OnChange::Refuse,
        };
        settles && said == OnChange::Hold
    }
}

/// Whether this changes a tag of a version. A description is not among them: the action does not say which it is.
pub(super) const fn describes(action: &Action) -> bool {
    matches!(action, Action::SetVersionTag { .. } | Action::DeleteVersionTag { .. })
}

impl OnChange {
    pub const ALL: [Self; 3] = [Self::Allow, Self::Hold, Self::Refuse];
    /// For what would take a promotion back.
    pub const TAKING_BACK: [Self; 2] = [Self::Hold, Self::Refuse];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

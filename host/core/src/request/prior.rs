//! What a governed name holds before a write: what an apply compares with.

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::facts::Facts;
use crate::names::{Stage, Version};

/// What a governed name holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "held", rename_all = "kebab-case")]
pub enum Prior {
    /// Not looked at: a request from before this was recorded, or a write that takes nothing from anybody.
    #[default]
    NotKnown,
    Nothing,
    Version {
        version: Version,
    },
}

impl Prior {
    /// What an action would displace. Of a stage, which many versions may be in, what MLflow gives whoever asks for
    /// it: the newest.
    #[must_use]
    pub fn of(action: &Action, facts: &Facts) -> Self {
        let held = match action {
            Action::SetAlias { alias, .. } => facts.model.aliases.get(alias.as_str()),
            Action::TransitionStage { stage: Stage::Staging | Stage::Production, .. } => {
                action.target().and_then(|stage| facts.model.stages.get(stage))
            }
            _ => return Self::NotKnown,
        };
        held.map_or(Self::Nothing, |&version| Self::Version { version })
    }

    /// Whether the name holds already what the action would give it.
    #[must_use]
    pub fn is_done(self, action: &Action) -> bool {
        matches!(self, Self::Version { version } if action.version() == Some(version))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) const fn is_not_known(&self) -> bool {
        matches!(self, Self::NotKnown)
    }
}

impl std::fmt::Display for Prior {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotKnown => f.write_str("something that nobody recorded"),
            Self::Nothing => f.write_str("nothing"),
            Self::Version { version } => write!(f, "version {version}"),
        }
    }
}

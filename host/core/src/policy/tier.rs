//! The risk class of a subject, computed from facts by CEL conditions.

mod condition;

use serde::{Deserialize, Serialize};

pub use self::condition::Condition;
use crate::names::Tier;

/// One `[[tier]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierRule {
    pub name: Tier,
    /// `None` for the last tier, which takes everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

/// The tier of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum TierOutcome {
    Known {
        tier: Tier,
        /// A sentence fragment for people.
        because: String,
    },
    /// The condition of this tier could not be evaluated, and no earlier tier matched. Such a subject may belong
    /// to this tier or to a later one, so the request must be held.
    Unknown { tier: Tier, reason: String },
}

impl TierOutcome {
    /// The tier, where it is known.
    #[must_use]
    pub const fn known(&self) -> Option<&Tier> {
        match self {
            Self::Known { tier, .. } => Some(tier),
            Self::Unknown { .. } => None,
        }
    }
}

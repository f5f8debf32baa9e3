//! Where a promotion request stands.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{RequestId, TierDrift};
use crate::names::PersonId;
use crate::time::{Millis, Span};

/// From when on an approval that ends is shown to be ending.
const WARNING: Span = Span::from_millis(30 * 86_400_000);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum State {
    /// Something other than a signature is in the way: a failed check, a missing fact.
    Open,
    /// The checks are done; people must sign.
    InReview,
    /// Nothing is needed any more; the write has not been made.
    Approved {
        at: Millis,
    },
    /// The write was made; `intent` is the ledger entry that announced it.
    Applied {
        at: Millis,
        intent: u64,
    },
    Rejected {
        at: Millis,
        by: PersonId,
    },
    Withdrawn {
        at: Millis,
        by: PersonId,
    },
    /// Another request stands in its place.
    Superseded {
        at: Millis,
        by: RequestId,
    },
    /// Countersign makes the write at this moment; `intent` is its id in the ledger.
    Applying {
        at: Millis,
        intent: Uuid,
    },
    /// Nobody settled it in the time that the gate gives.
    Lapsed {
        at: Millis,
    },
    /// The write was made, and what it was approved for has run out: the version must be validated again.
    Expired {
        at: Millis,
        intent: u64,
    },
    /// Not to be relied on until somebody has looked at it; `None`: Countersign itself said so.
    Suspended {
        at: Millis,
        intent: u64,
        by: Option<PersonId>,
        reason: String,
    },
    /// The approval was taken back.
    Revoked {
        at: Millis,
        intent: u64,
        by: Option<PersonId>,
        reason: String,
    },
}

impl State {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InReview => "in-review",
            Self::Approved { .. } => "approved",
            Self::Applied { .. } => "applied",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Superseded { .. } => "superseded",
            Self::Applying { .. } => "applying",
            Self::Lapsed { .. } => "lapsed",
            Self::Expired { .. } => "expired",
            Self::Suspended { .. } => "suspended",
            Self::Revoked { .. } => "revoked",
        }
    }

    /// Whether the request can still lead to its write.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Open | Self::InReview | Self::Approved { .. } | Self::Applying { .. })
    }

    /// Whether its write was made and its approvals may stand for the same write again. One that has run out does
    /// not come back, even where a clock says that it has not.
    #[must_use]
    pub const fn was_made(&self) -> bool {
        matches!(self, Self::Applied { .. })
    }
}

/// How an approval stands whose write was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    Active {
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Millis>,
    },
    /// It runs out within thirty days.
    Expiring {
        until: Millis,
    },
    Expired,
    /// The tier of the version is not the one that this was approved for.
    Stale,
    Suspended,
    Revoked,
}

impl Standing {
    /// What runs out is stale before it has; what has ended otherwise has ended.
    pub(super) const fn of_tier(self, drift: Option<&TierDrift>) -> Self {
        match (self, drift) {
            (Self::Active { .. } | Self::Expiring { .. }, Some(_)) => Self::Stale,
            (standing, _) => standing,
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active { .. } => "active",
            Self::Expiring { .. } => "expiring",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}

pub(super) fn standing(state: &State, until: Option<Millis>, now: Millis) -> Option<Standing> {
    Some(match (state, until) {
        (State::Suspended { .. }, _) => Standing::Suspended,
        (State::Revoked { .. }, _) => Standing::Revoked,
        (State::Expired { .. }, _) => Standing::Expired,
        (State::Applied { .. }, Some(until)) if until <= now => Standing::Expired,
        (State::Applied { .. }, Some(until)) if until <= now.plus(WARNING) => Standing::Expiring { until },
        (State::Applied { .. }, until) => Standing::Active { until },
        _ => return None,
    })
}

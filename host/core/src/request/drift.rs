//! Tier drift: a version is live, and its tier is no longer the one that it was approved for.
//!
//! The approval is stale from then on, and counts again if the tier comes back. This module must not know: how the
//! tier is found, what the version holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Flags, PromotionRequest, RequestId, State};
use crate::difference::Change;
use crate::names::{Seat, Tier};
use crate::policy::FactRead;
use crate::time::Millis;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierDrift {
    pub at: Millis,
    /// What it was approved for.
    pub from: Tier,
    pub to: Tier,
    /// The facts by which the tier is told that are not what they were. None: the policy tells it otherwise now.
    pub changes: Vec<Change>,
    /// What the tier is found by now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<FactRead>,
    /// Who must sign at the tier that it has now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seats: BTreeMap<Seat, u32>,
    /// The request that asks for the same thing again, by that tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RequestId>,
}

impl TierDrift {
    /// Whether this says nothing that was not said before.
    #[must_use]
    pub fn says_the_same(&self, before: Option<&Self>) -> bool {
        before.is_some_and(|before| before.from == self.from && before.to == self.to)
    }
}

impl std::fmt::Display for TierDrift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "its tier is `{}` now, and it was approved for `{}`", self.to, self.from)?;
        for (place, change) in self.changes.iter().enumerate() {
            let or_nothing = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let before = if place == 0 { ": " } else { ", " };
            write!(
                f,
                "{before}{} was {} and is {}",
                change.fact,
                or_nothing(&change.was),
                or_nothing(&change.is)
            )?;
        }
        Ok(())
    }
}

impl PromotionRequest {
    /// Takes in what the tier of the live version is. Only an approval whose write was made can drift.
    #[must_use]
    pub fn drifted(self, drift: Option<TierDrift>) -> Self {
        match self.state {
            State::Applied { .. } | State::Suspended { .. } => {
                let flags = Flags { stale: drift.is_some(), ..self.flags };
                Self { drift: drift.map(Box::new), flags, ..self }
            }
            _ => self,
        }
    }
}

//! What a request rests on at one time: enough to say later what has changed since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Flags, PromotionRequest, RequestId};
use crate::decide::{GateVerdict, TierFound};
use crate::digest::Digest;

/// The facts are kept as evidence, under their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    pub facts: Digest,
    pub policy: Digest,
    /// By gate.
    pub tiers: BTreeMap<String, String>,
}

impl Stood {
    #[must_use]
    pub fn of(facts: Digest, policy: Digest, gates: &[GateVerdict]) -> Self {
        let tiers = gates.iter().filter_map(|gate| match &gate.tier {
            TierFound::None => None,
            TierFound::Known(tier) => Some((gate.gate.to_string(), tier.to_string())),
            TierFound::Unknown(why) => Some((gate.gate.to_string(), format!("unknown: {why}"))),
        });
        Self { facts, policy, tiers: tiers.collect() }
    }
}

impl PromotionRequest {
    /// What it rests on now.
    #[must_use]
    pub fn stands(&self) -> Stood {
        self.undermined.clone().unwrap_or_else(|| Stood::of(self.facts, self.policy, &self.gates))
    }

    /// What it rests on is not what was approved, and its write was made: nobody stands behind it any more.
    #[must_use]
    pub fn undermined(self, found: Stood) -> Self {
        Self { undermined: Some(found), flags: Flags { stale: true, ..self.flags }, ..self }
    }

    /// Says which request for the same write ended before it.
    #[must_use]
    pub fn after(self, previous: Option<RequestId>) -> Self {
        Self { previous, ..self }
    }
}

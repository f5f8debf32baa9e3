//! What a request rests on at one time: enough to say later what has changed since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PromotionRequest;
use crate::decide::TierFound;
use crate::digest::Digest;

/// The facts are kept as evidence, under their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    pub facts: Digest,
    pub policy: Digest,
    /// By gate.
    pub tiers: BTreeMap<String, String>,
}

impl PromotionRequest {
    /// What it rests on now.
    #[must_use]
    pub fn stands(&self) -> Stood {
        let tiers = self.gates.iter().filter_map(|gate| match &gate.tier {
            TierFound::None => None,
            TierFound::Known(tier) => Some((gate.gate.to_string(), tier.to_string())),
            TierFound::Unknown(why) => Some((gate.gate.to_string(), format!("unknown: {why}"))),
        });
        Stood { facts: self.facts, policy: self.policy, tiers: tiers.collect() }
    }
}

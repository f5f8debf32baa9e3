//! What gates say: whether they are satisfied, what they still need, what stands against it. Data only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::TierFound;
use crate::check::FailureClass;
use crate::names::{GateName, PersonId, PluginName, Seat, Tier};
use crate::policy::FactRead;
use crate::time::Span;
use crate::waiver::Waived;

/// What one gate says, and by which measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateVerdict {
    pub gate: GateName,
    pub enforced: bool,
    pub tier: TierFound,
    /// What the tier was found by, as it was then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tier_facts: Vec<FactRead>,
    /// A stricter tier that the same write was judged by before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowered_from: Option<Tier>,
    pub verdict: Verdict,
    /// Who has signed in which seat, and how many are asked for.
    pub seats: BTreeMap<Seat, SeatCount>,
    /// What of the separation of duties nobody can prove.
    pub unproven: Vec<String>,
    /// Requirements that are not met and that a waiver takes out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<Waived>,
    /// How long each of the signatures counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Span>,
    /// Seats that may stop it without being asked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vetoes: BTreeSet<Seat>,
    /// Whether a vote waits until the evidence was opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evidence_first: bool,
    /// Whether an approval counts only with the proof of who gave it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reauthenticate: bool,
    /// Nobody has signed it, and this seat looks at it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Seat>,
    /// Whether Countersign makes the write itself once nothing is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub applies: bool,
}

impl GateVerdict {
    /// Of a gate that is enforced, without tiers, and that asked nobody.
    #[must_use]
    pub const fn new(gate: GateName, verdict: Verdict) -> Self {
        Self {
            gate,
            enforced: true,
            tier: TierFound::None,
            tier_facts: Vec::new(),
            lowered_from: None,
            verdict,
            seats: BTreeMap::new(),
            unproven: Vec::new(),
            waived: Vec::new(),
            expires: None,
            vetoes: BTreeSet::new(),
            evidence_first: false,
            reauthenticate: false,
            sampled: None,
            applies: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCount {
    pub needed: u32,
    pub signed: BTreeSet<PersonId>,
}

impl SeatCount {
    #[must_use]
    pub fn is_lacking(&self) -> bool {
        u32::try_from(self.signed.len()).unwrap_or(u32::MAX) < self.needed
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Satisfied,
    Held(Vec<Need>),
    Denied(Vec<Violation>),
}

impl Verdict {
    /// Whether people can settle what is open by signing and talking.
    #[must_use]
    pub fn wants_only_signatures(&self) -> bool {
        match self {
            Self::Satisfied => true,
            Self::Held(needs) => {
                needs.iter().all(|need| matches!(need, Need::Signatures { .. } | Need::Discussion { .. }))
            }
            Self::Denied(_) => false,
        }
    }
}

/// What is still missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "need", rename_all = "kebab-case")]
pub enum Need {
    Signatures { seat: Seat, missing: u32 },
    CheckRun { plugin: PluginName },
    CheckAgain { plugin: PluginName, message: String },
    Rule { plugin: PluginName, message: String },
    Tier { message: String },
    Author { message: String },
    Discussion { threads: u32 },
}

/// What stands against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "violation", rename_all = "kebab-case")]
pub enum Violation {
    CheckFailed { plugin: PluginName, message: String },
    CheckErrored { plugin: PluginName, class: FailureClass, message: String },
    CheckSkipped { plugin: PluginName, message: String },
    RuleDenied { plugin: PluginName, code: String, message: String },
    Rejected { by: PersonId, rationale: String },
}

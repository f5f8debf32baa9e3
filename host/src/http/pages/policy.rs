//! The policy in force: what guards what, and who must sign.

use askama::Template;

use super::policy_change::PolicyRow;
use super::{Chip, Chrome, When};

#[derive(Debug, Template)]
#[template(path = "policy.html")]
pub struct PolicyPage {
    pub chrome: Chrome,
    pub file: String,
    pub digest: String,
    pub loaded: When,
    /// Why a newer file is not in force.
    pub reload_error: Option<String>,
    /// The viewer may have the file taken up in their name.
    pub may_load: bool,
    /// What came of it.
    pub told: Option<&'static str>,
    /// What is allowed and probably not meant.
    pub remarks: Vec<String>,
    pub gates: Vec<PolicyGate>,
    pub seats: Vec<PolicySeat>,
    /// Name and condition; the last has none.
    pub tiers: Vec<(String, Option<String>)>,
    /// The newest policies that took effect.
    pub history: Vec<PolicyRow>,
    /// The form that asks what would be.
    pub ask: AskFields,
}

#[derive(Debug, Clone)]
pub struct PolicyGate {
    pub name: String,
    pub mode: PolicyMode,
    pub models: Vec<String>,
    /// `alias champion`, `stage Production`, `register into prod.*`.
    pub guards: Vec<String>,
    pub checks: Vec<PolicyPlugin>,
    pub rules: Vec<PolicyPlugin>,
    /// The columns of the matrix: every seat that any tier asks for.
    pub seats: Vec<String>,
    /// Its rows, from the strictest tier down.
    pub tiers: Vec<PolicyTier>,
    /// The rest, as labels and words.
    pub terms: Vec<(&'static str, String)>,
}

/// A check or a rule of a gate.
#[derive(Debug, Clone)]
pub struct PolicyPlugin {
    pub name: String,
    pub required: bool,
    /// As the policy has it.
    pub config: String,
}

#[derive(Debug, Clone)]
pub struct PolicyTier {
    pub name: String,
    /// People by seat, in the order of the columns.
    pub counts: Vec<u32>,
    /// What else it asks: `findings opened first`.
    pub conditions: Vec<&'static str>,
    /// How long an approval holds.
    pub lasts: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyMode {
    Enforce,
    Monitor,
    Off,
}

impl PolicyGate {
    const fn chip(&self) -> Chip {
        match self.mode {
            PolicyMode::Enforce => Chip::of_mode(true),
            PolicyMode::Monitor => Chip::of_mode(false),
            PolicyMode::Off => Chip::new("Off", "dash", super::Tone::Quiet),
        }
    }
}

impl PolicyTier {
    fn asks_nobody(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}

#[derive(Debug, Clone)]
pub struct PolicySeat {
    pub name: String,
    pub members: Vec<String>,
    pub groups: Vec<String>,
    pub veto: bool,
}

/// What is asked about, as it was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct AskFields {
    pub model: String,
    pub version: String,
    /// `alias=champion`.
    pub action: String,
    pub requester: String,
    /// `tag.risk=high`, one a line.
    pub suppose: String,
}

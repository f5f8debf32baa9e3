//! The policy in force.

use askama::Template;

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
    pub gates: Vec<PolicyGate>,
    pub seats: Vec<PolicySeat>,
    /// Name and condition; the last has none.
    pub tiers: Vec<(String, Option<String>)>,
}

#[derive(Debug, Clone)]
pub struct PolicyGate {
    pub name: String,
    pub mode: PolicyMode,
    pub models: Vec<String>,
    /// `alias champion`, `stage Production`, `register into prod.*`.
    pub guards: Vec<String>,
    /// Plugin, and whether it is required.
    pub checks: Vec<(String, bool)>,
    /// Tier, and its seats: `2 × risk`.
    pub approvals: Vec<(String, Vec<String>)>,
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

#[derive(Debug, Clone)]
pub struct PolicySeat {
    pub name: String,
    pub members: Vec<String>,
    pub groups: Vec<String>,
}

//! What would be asked of a version, and of whom.

use askama::Template;

use super::policy::AskFields;
use super::{Chip, Chrome, Tone};

#[derive(Debug, Template)]
#[template(path = "what_if.html")]
pub struct WhatIfPage {
    pub chrome: Chrome,
    pub ask: AskFields,
    /// Why there is no answer.
    pub error: Option<String>,
    pub answer: Option<AskAnswer>,
}

#[derive(Debug, Clone)]
pub struct AskAnswer {
    /// One sentence.
    pub verdict: String,
    pub refused: bool,
    pub tier: Option<AskTier>,
    pub gates: Vec<AskGate>,
    pub seats: Vec<AskSeat>,
    /// What could not be read, and why.
    pub missing: Vec<(String, String)>,
}

/// The tier, and the facts that made it so.
#[derive(Debug, Clone)]
pub struct AskTier {
    /// `None` where it cannot be told.
    pub name: Option<String>,
    pub because: String,
}

#[derive(Debug, Clone)]
pub struct AskGate {
    pub name: String,
    pub enforced: bool,
    pub guard: String,
    /// Plugin, whether it is required, and what it last said.
    pub checks: Vec<(String, bool, Option<Chip>)>,
    pub rules: Vec<String>,
    /// `2 of seat risk`.
    pub seats: Vec<String>,
    pub conditions: Vec<&'static str>,
    pub lasts: Option<String>,
}

#[derive(Debug, Clone)]
pub struct AskSeat {
    pub name: String,
    pub needed: u32,
    /// Name, for whom they stand in, and why they could not.
    pub people: Vec<(String, Vec<String>, Option<String>)>,
}

impl AskAnswer {
    const fn chip(&self) -> Chip {
        match (self.refused, self.gates.is_empty()) {
            (true, _) => Chip::new("Refused", "cross", Tone::Bad),
            (false, true) => Chip::new("Not governed", "dash", Tone::Quiet),
            (false, false) => Chip::new("Governed", "lock", Tone::Waiting),
        }
    }
}

impl AskSeat {
    fn free(&self) -> usize {
        self.people.iter().filter(|(_, _, barred)| barred.is_none()).count()
    }

    fn is_short(&self) -> bool {
        self.free() < usize::try_from(self.needed).unwrap_or(usize::MAX)
    }
}

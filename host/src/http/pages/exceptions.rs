//! Waivers and emergencies: what is let through that the policy would not let through, and who answers for it.

use askama::Template;

use super::{Chip, Chrome, ModelAt, Person, Tone, When};
use crate::app::WordRights;

#[derive(Debug, Template)]
#[template(path = "exceptions.html")]
pub struct ExceptionsPage {
    pub chrome: Chrome,
    /// Newest first.
    pub waivers: Vec<WaiverRow>,
    pub emergencies: Vec<EmergencyRow>,
    /// Told once after a form was sent.
    pub told: Option<String>,
    /// A word that was not taken.
    pub typed: Option<TypedWord>,
}

#[derive(Debug, Clone)]
pub struct TypedWord {
    /// Of the waiver or the emergency.
    pub id: String,
    pub rationale: String,
    pub error: String,
}

#[derive(Debug, Clone)]
pub struct WaiverRow {
    pub id: String,
    /// `Check fairness of gate production`.
    pub what: String,
    pub model: ModelAt,
    /// `None`: every version.
    pub version: Option<String>,
    pub reason: String,
    pub author: Person,
    pub owner: Person,
    pub until: When,
    pub chip: Chip,
    pub approved_by: Vec<Person>,
    /// Whether a word on it still changes something.
    pub open: bool,
    pub may: WordRights,
}

#[derive(Debug, Clone)]
pub struct EmergencyRow {
    pub id: String,
    pub request: String,
    pub by: Person,
    pub at: When,
    pub until: When,
    pub reason: String,
    pub ticket: String,
    pub drill: bool,
    /// What it opened the way for.
    pub action: String,
    pub reviewed_by: Option<Person>,
    pub may: WordRights,
}

impl WaiverRow {
    /// Whether the viewer can say anything on it.
    const fn takes_words(&self) -> bool {
        self.open && (self.may.why_not.is_none() || self.may.end)
    }
}

impl EmergencyRow {
    const fn chip(&self) -> Chip {
        match (self.drill, self.reviewed_by.is_some()) {
            (_, true) => Chip::new("Reviewed", "check", Tone::Quiet),
            (true, false) => Chip::new("Drill", "note", Tone::Quiet),
            (false, false) => Chip::new("To be reviewed", "clock", Tone::Waiting),
        }
    }

    const fn takes_words(&self) -> bool {
        self.reviewed_by.is_none() && self.may.why_not.is_none()
    }
}

impl ExceptionsPage {
    fn typed_for(&self, id: &str) -> Option<&TypedWord> {
        self.typed.as_ref().filter(|typed| typed.id == id)
    }

    fn waiver_url(&self, waiver: &WaiverRow) -> String {
        format!("{}/exceptions/waivers/{}", self.chrome.base, waiver.id)
    }

    fn emergency_url(&self, emergency: &EmergencyRow) -> String {
        format!("{}/exceptions/break-glass/{}", self.chrome.base, emergency.id)
    }
}

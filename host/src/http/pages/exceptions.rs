//! Waivers and emergencies: what is let through that the policy would not let through, and who answers for it.

use askama::Template;

use super::{Chip, Chrome, Person, When};

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
    /// `check fairness of gate production`.
    pub what: String,
    /// `credit, version 7`.
    pub about: String,
    pub reason: String,
    pub author: Person,
    pub owner: Person,
    pub until: When,
    pub chip: Chip,
    pub approved_by: Vec<Person>,
    /// Whether a word on it still changes something.
    pub open: bool,
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
    pub reviewed_by: Option<Person>,
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

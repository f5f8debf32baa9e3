//! How long evidence is kept, and what is kept longer.

use askama::Template;

use super::{Chrome, ModelAt, Person, When};

#[derive(Debug, Template)]
#[template(path = "retention.html")]
pub struct RetentionPage {
    pub chrome: Chrome,
    pub rules: Vec<RuleRow>,
    /// In force, newest first.
    pub holds: Vec<HoldRow>,
    pub may_hold: bool,
    pub may_release: bool,
    /// Told once after a form was sent.
    pub told: Option<&'static str>,
    pub form: HoldFields,
}

#[derive(Debug, Clone)]
pub struct RuleRow {
    pub tier: String,
    /// `None`: for ever.
    pub keep: Option<String>,
}

#[derive(Debug, Clone)]
pub struct HoldRow {
    pub id: String,
    pub model: ModelAt,
    /// Only what this request is about.
    pub request: Option<String>,
    pub reason: String,
    pub by: Person,
    pub since: When,
}

/// As it was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct HoldFields {
    pub workspace: String,
    pub model: String,
    pub request: String,
    pub reason: String,
    /// The hold whose release was not taken, and its reason.
    #[serde(skip)]
    pub release: String,
    #[serde(skip)]
    pub release_reason: String,
    /// Why it was not taken.
    #[serde(skip)]
    pub error: Option<String>,
}

impl HoldFields {
    fn error_of(&self, release: &str) -> Option<&String> {
        self.error.as_ref().filter(|_| self.release == release)
    }

    fn reason_of(&self, release: &str) -> &str {
        if self.release == release { &self.release_reason } else { "" }
    }
}

impl RetentionPage {
    fn release_url(&self, id: &str) -> String {
        format!("{}/retention/holds/{id}/release", self.chrome.base)
    }
}

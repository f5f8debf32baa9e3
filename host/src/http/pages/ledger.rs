//! The ledger, a page at a time, with what is needed to check it without us.

use askama::Template;

use super::{Chrome, Person, When};

#[derive(Debug, Template)]
#[template(path = "ledger.html")]
pub struct LedgerPage {
    pub chrome: Chrome,
    /// Number of entries in the signed tree.
    pub size: u64,
    /// The signed note, as it is.
    pub checkpoint: String,
    pub signed: Option<When>,
    /// The C2SP verifier key.
    pub vkey: String,
    /// Newest first.
    pub rows: Vec<LedgerRow>,
    pub newer: Option<String>,
    pub older: Option<String>,
    pub filter: FilterFields,
    /// Why the filter cannot be used as it is.
    pub wrong: Option<String>,
    /// Looking ended before the page was full.
    pub gave_up: bool,
}

/// What was asked for, as it was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct FilterFields {
    pub kind: String,
    pub model: String,
    pub person: String,
    pub request: String,
}

impl FilterFields {
    #[must_use]
    pub fn is_set(&self) -> bool {
        [&self.kind, &self.model, &self.person, &self.request].iter().any(|field| !field.trim().is_empty())
    }
}

/// The kinds to choose from; any other can be typed into the address.
pub const KINDS: &[&str] = &[
    "request-opened",
    "refused",
    "reviewed",
    "review-refused",
    "evidence-opened",
    "intent",
    "outcome",
    "withdrawn",
    "stale",
    "expiring",
    "expired",
    "lapsed",
    "bypassed",
    "would-refuse",
    "version-created",
    "check-run",
    "rule-run",
    "commented",
    "waiver-asked",
    "waiver-approved",
    "waiver-revoked",
    "broke-glass",
    "break-glass-reviewed",
    "exception-refused",
    "plugin-unstable",
    "evidence-collected",
    "held",
    "released",
    "profile-erased",
    "policy-loaded",
    "policy-refused",
    "started",
];

#[derive(Debug, Clone)]
pub struct LedgerRow {
    pub index: u64,
    pub when: When,
    /// The entry's kind, as in its JSON.
    pub kind: String,
    pub summary: String,
    pub actor: Option<Person>,
    /// The request's id.
    pub request: Option<String>,
    /// The first digits of the leaf hash.
    pub leaf: String,
}

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
}

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

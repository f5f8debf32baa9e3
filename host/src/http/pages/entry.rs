//! One entry of the ledger: what it says, its exact bytes, and the proof that it is there.

use askama::Template;

use super::{Chrome, ModelAt, Person, When};

#[derive(Debug, Template)]
#[template(path = "entry.html")]
pub struct EntryPage {
    pub chrome: Chrome,
    pub index: u64,
    pub kind: String,
    /// What happened, in one sentence.
    pub summary: String,
    pub actor: Option<Person>,
    pub when: When,
    /// The request's id.
    pub request: Option<String>,
    pub model: Option<ModelAt>,
    /// Ids that the entry holds, and whom they stand for.
    pub people: Vec<(String, Person)>,
    /// The entry for people to read.
    pub pretty: String,
    /// The bytes that are hashed.
    pub exact: String,
    pub leaf: String,
    pub prev: String,
    /// From the leaf's sibling up.
    pub path: Vec<String>,
    pub root: String,
    /// Number of entries under the checkpoint.
    pub size: u64,
    pub checkpoint: String,
    pub vkey: String,
}

impl EntryPage {
    fn older(&self) -> Option<u64> {
        self.index.checked_sub(1)
    }

    fn newer(&self) -> Option<u64> {
        Some(self.index + 1).filter(|newer| *newer < self.size)
    }
}

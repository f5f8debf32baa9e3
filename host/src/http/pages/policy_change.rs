//! Policies that took effect, and what each of them changed.

use askama::Template;

use super::{Chrome, Person, When};

/// One in the list on the policy's page.
#[derive(Debug, Clone)]
pub struct PolicyRow {
    pub index: u64,
    pub when: When,
    /// The beginning of a digest.
    pub digest: String,
    pub previous: Option<String>,
    /// How it came to be taken up, and what is claimed of by whom.
    pub by: Option<String>,
    pub person: Option<Person>,
    /// The beginning of the commit's id, and its author.
    pub commit: Option<(String, String)>,
}

#[derive(Debug, Template)]
#[template(path = "policy_change.html")]
pub struct PolicyChangePage {
    pub chrome: Chrome,
    pub index: u64,
    pub when: When,
    pub digest: String,
    pub previous: Option<String>,
    pub by: Option<String>,
    pub person: Option<Person>,
    pub commit: Option<(String, String)>,
    /// Whether the text before it is there to compare with.
    pub previous_kept: bool,
    /// `None`: its text was not kept.
    pub difference: Option<Vec<DiffLine>>,
}

/// A line with its sign in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// `added`, `removed`, or nothing.
    pub class: &'static str,
    pub text: String,
}

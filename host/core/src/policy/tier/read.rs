//! What a tier was found by: the facts that the conditions looked at, as they were at that time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::difference::Change;
use crate::digest::Digest;

/// Longer values are cut, and their digest added: what was read stays told apart.
const SHOWN: usize = 500;

/// One fact that a condition looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactRead {
    /// As it is written in a condition: `model.tags["risk"]`.
    pub fact: String,
    /// As JSON; `None`: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl FactRead {
    pub(super) fn new(fact: String, value: Option<String>) -> Self {
        Self { fact, value: value.map(cut) }
    }
}

fn cut(text: String) -> String {
    if text.len() <= SHOWN {
        return text;
    }
    let digest = Digest::of(text.as_bytes());
    let shown: String = text.chars().take(SHOWN / 4).collect();
    format!("{shown}… ({} bytes, {digest})", text.len())
}

impl fmt::Display for FactRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}", self.fact),
            None => write!(f, "{} is not there", self.fact),
        }
    }
}

/// What is not as it was when a tier was found before. A fact that was not looked at then says nothing.
#[must_use]
pub fn changed(was: &[FactRead], is: &[FactRead]) -> Vec<Change> {
    let before = |fact: &str| was.iter().find(|read| read.fact == fact);
    let change = |now: &FactRead| {
        let then = before(&now.fact)?;
        let change = Change { fact: now.fact.clone(), was: then.value.clone(), is: now.value.clone() };
        (change.was != change.is).then_some(change)
    };
    is.iter().filter_map(change).collect()
}

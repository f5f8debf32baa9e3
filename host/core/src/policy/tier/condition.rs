//! One CEL condition.

use serde::Serialize;

/// A condition as the operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Condition {
    text: String,
}

impl Condition {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

//! What a plugin's author implements.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{AccessError, CheckInput, ConfigError, DecimalError, Report, RuleInput, Ruling};

/// A validation of one model version. The implementing type is the configuration of one gate.
pub trait Check: DeserializeOwned {
    /// What serde and the schema cannot see, such as `min` above `max`. Called when the policy is loaded.
    fn problems(&self) -> Vec<ConfigError> {
        Vec::new()
    }

    /// # Errors
    /// When the check could not judge: it is recorded as an error and never counts as a pass.
    fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge>;
}

/// An approval rule: it may ask for more or refuse. It cannot relax what the policy asks.
pub trait Rule: DeserializeOwned {
    /// What serde and the schema cannot see. Called when the policy is loaded.
    fn problems(&self) -> Vec<ConfigError> {
        Vec::new()
    }

    /// # Errors
    /// When the rule could not decide: the request is held.
    fn decide(&self, input: &RuleInput) -> Result<Ruling, CannotJudge>;
}

/// Why a plugin has no verdict. Made by `?` from text, from an [`AccessError`] and from the errors of the
/// standard library's readers and of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotJudge(String);

impl CannotJudge {
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_reason(self) -> String {
        self.0
    }
}

impl fmt::Display for CannotJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotJudge {}

impl From<String> for CannotJudge {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl From<&str> for CannotJudge {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl From<AccessError> for CannotJudge {
    fn from(error: AccessError) -> Self {
        Self(error.sentence())
    }
}

impl From<DecimalError> for CannotJudge {
    fn from(error: DecimalError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for CannotJudge {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for CannotJudge {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl ConfigError {
    /// `pointer` is a JSON pointer into the configuration: `/relative/max_drop`, or `""` for the whole.
    #[must_use]
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

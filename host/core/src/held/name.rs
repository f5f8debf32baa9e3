//! What can hold a version: an alias, or a stage.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::{Version, fold};

/// A governed name of a model. Written `alias:champion` or `stage:Production`. An alias holds one version at a time;
/// in a stage there may be several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Name {
    Alias(String),
    Stage(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name that holds versions: write `alias:champion` or `stage:Production`")]
pub struct NameError(String);

impl Name {
    /// As in a sentence: `alias champion`.
    #[must_use]
    pub fn words(&self) -> String {
        let (kind, name) = self.parts();
        format!("{kind} {name}")
    }

    /// Without its kind.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.parts().1
    }

    #[must_use]
    pub const fn is_alias(&self) -> bool {
        matches!(self, Self::Alias(_))
    }

    /// Whether somebody who writes `other` means this: MLflow does not tell cases apart.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.is_alias() == other.is_alias() && fold(self.bare()) == fold(other.bare())
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Alias(name) => ("alias", name),
            Self::Stage(name) => ("stage", name),
        }
    }

    /// What an entry calls it, and the version whose stage it is: `alias:champion`, `stage:Production:7`.
    pub(crate) fn of_entry(what: &str) -> Option<(Self, Option<Version>)> {
        let (kind, rest) = what.split_once(':')?;
        match kind {
            "alias" => Some((Self::Alias(rest.to_owned()), None)),
            "stage" => {
                let (stage, version) = rest.split_once(':').unwrap_or((rest, ""));
                Some((Self::Stage(stage.to_owned()), Version::parse(version)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.parts();
        write!(f, "{kind}:{name}")
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once(':') {
            Some(("alias", name)) if !name.is_empty() => Ok(Self::Alias(name.to_owned())),
            Some(("stage", name)) if !name.is_empty() => Ok(Self::Stage(name.to_owned())),
            _ => Err(NameError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

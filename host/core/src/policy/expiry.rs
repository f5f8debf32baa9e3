//! What becomes of a name when the approval of the version that holds it has run out.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{Alias, Stage, Version};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnExpiry {
    /// It is shown everywhere, and the name stays where it is.
    #[default]
    Flag,
    /// The alias or stage goes to another version, if the gate allows that one; or the version leaves its stage.
    Fallback(FallbackTo),
}

/// Which version takes the place. Serialises as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FallbackTo {
    Version(Version),
    /// The version that holds this alias of the same model at that time.
    Alias(Alias),
    /// None does: the version leaves for this stage.
    Stage(Stage),
}

impl OnExpiry {
    pub(super) const fn is_flag(&self) -> bool {
        matches!(self, Self::Flag)
    }
}

impl fmt::Display for FallbackTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version}"),
            Self::Alias(alias) => write!(f, "the version with alias `{alias}`"),
            Self::Stage(stage) => write!(f, "stage `{stage}`"),
        }
    }
}

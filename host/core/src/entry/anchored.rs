//! That a checkpoint was put where others can find it.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// A checkpoint, and the places that took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchored {
    /// How many entries it signs.
    pub size: u64,
    pub root: Digest,
    pub places: Vec<AnchoredAt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchoredAt {
    /// `file`, `git` or `webhook`: which one, the configuration says.
    pub place: String,
    /// What it is found by there: git's commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

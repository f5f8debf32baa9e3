//! What an entry keeps of one execution of a check.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::{ModelName, PluginName, Version, Workspace};

/// What a check says, and where its outcome is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSays {
    pub plugin: PluginName,
    pub conclusion: String,
    pub outcome: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRunRecord {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    pub plugin: PluginName,
    pub plugin_digest: Digest,
    pub config_digest: Digest,
    pub input_digest: Digest,
    pub transcript_digest: Digest,
    pub outcome_digest: Digest,
    pub conclusion: String,
    /// What it cost and found. Entries of version 0.1 do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// What one execution of a check cost, and how much it found. No replay gives the same times: they are beside what
/// is replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub wall_us: u64,
    pub cpu_us: u64,
    /// Findings by severity.
    pub errors: u32,
    pub warnings: u32,
}

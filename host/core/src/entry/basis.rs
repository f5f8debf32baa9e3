//! What a decision rested on, by digest: whoever has the evidence can decide it again, by the same policy or another.

use serde::{Deserialize, Serialize};

use crate::check::CheckRun;
use crate::decide::TierFound;
use crate::digest::Digest;
use crate::facts::Subject;
use crate::names::PluginName;
use crate::review::{Authors, Roster};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The facts, as they were then.
    pub facts: Digest,
    /// The checks that its gates asked for.
    pub checks: Vec<RanCheck>,
    /// Threads that nobody had settled, where that counted.
    #[serde(default, skip_serializing_if = "is_none")]
    pub open_threads: u32,
    /// Whose work it was, where the entry does not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authors: Option<Authors>,
    /// By which policy, where the entry does not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// The further versions that it would change, in the order in which they were judged. Entries of before do not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Beside>,
    /// Where those sat then who had spoken. Entries of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sat: Option<Roster>,
}

/// One more version that a write would change, and what it was judged by. What rules said of it stands in entries of
/// their own; no check is asked about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    pub subject: Subject,
    pub facts: Digest,
    pub tier: TierFound,
}

/// One check, by which bytes and configuration it ran, and where its outcome is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanCheck {
    pub plugin: PluginName,
    pub plugin_digest: Digest,
    pub config_digest: Digest,
    pub outcome_digest: Digest,
    pub conclusion: String,
}

impl From<&CheckRun> for RanCheck {
    fn from(run: &CheckRun) -> Self {
        Self {
            plugin: run.plugin.clone(),
            plugin_digest: run.plugin_digest,
            config_digest: run.config_digest,
            outcome_digest: run.outcome_digest,
            conclusion: run.outcome.conclusion().as_str().to_owned(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_none(threads: &u32) -> bool {
    *threads == 0
}

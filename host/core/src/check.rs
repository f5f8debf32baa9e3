//! Check runs: what a plugin found, and under exactly which circumstances.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::{GateName, PluginName, Seat};
use crate::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    Pass,
    Warn,
    Fail,
    /// The check could not judge. Never counts as a pass.
    Error,
    Skipped,
}

impl Conclusion {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a required check with this conclusion lets a promotion go on.
    #[must_use]
    pub const fn satisfies(self) -> bool {
        matches!(self, Self::Pass | Self::Warn)
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// One line of a report. Quantities are decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// kebab-case and stable.
    pub code: String,
    pub severity: Severity,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Name and JSON text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<(String, String)>,
}

/// What a check plugin returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub conclusion: Conclusion,
    pub summary: String,
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<(String, String)>,
}

/// Why an evaluation gave no result. Told by type, never by text; the policy maps each class to deny or hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    Panicked,
    Trapped,
    CpuBudget,
    WallBudget,
    Memory,
    StackOverflow,
    HostCallBudget,
    InvalidResult,
    PoolExhausted,
    HostBug,
    /// The plugin itself said that it could not judge.
    Undecided,
}

impl FailureClass {
    pub const ALL: [Self; 11] = [
        Self::Panicked,
        Self::Trapped,
        Self::CpuBudget,
        Self::WallBudget,
        Self::Memory,
        Self::StackOverflow,
        Self::HostCallBudget,
        Self::InvalidResult,
        Self::PoolExhausted,
        Self::HostBug,
        Self::Undecided,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::Trapped => "trapped",
            Self::CpuBudget => "cpu-budget",
            Self::WallBudget => "wall-budget",
            Self::Memory => "memory",
            Self::StackOverflow => "stack-overflow",
            Self::HostCallBudget => "host-call-budget",
            Self::InvalidResult => "invalid-result",
            Self::PoolExhausted => "pool-exhausted",
            Self::HostBug => "host-bug",
            Self::Undecided => "undecided",
        }
    }
}

/// An evaluation that gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub class: FailureClass,
    /// One sentence for people: what happened and what to do.
    pub message: String,
}

/// How an evaluation of a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Reported(Report),
    Failed(Failure),
}

impl Outcome {
    #[must_use]
    pub const fn conclusion(&self) -> Conclusion {
        match self {
            Self::Reported(report) => report.conclusion,
            Self::Failed(_) => Conclusion::Error,
        }
    }

    #[must_use]
    pub fn summary(&self) -> &str {
        match self {
            Self::Reported(report) => &report.summary,
            Self::Failed(failure) => &failure.message,
        }
    }

    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Reported(report) => &report.findings,
            Self::Failed(_) => &[],
        }
    }
}

/// One execution of a check, with everything that its replay needs, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRun {
    pub plugin: PluginName,
    pub required: bool,
    /// Digest of the component's bytes.
    pub plugin_digest: Digest,
    /// Digest of the configuration's canonical JSON.
    pub config_digest: Digest,
    /// Digest of the recorded input: facts, action, tier, configuration, clock.
    pub input_digest: Digest,
    /// Digest of the recorded host calls.
    pub transcript_digest: Digest,
    /// Digest of the outcome's canonical JSON: what a replay must give again.
    pub outcome_digest: Digest,
    pub outcome: Outcome,
    pub started_at: Millis,
    /// Wall time in microseconds. Not part of any digest.
    pub took_us: u64,
}

/// What an approval rule asks on top of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub summary: String,
    pub seats: Vec<SeatRequirement>,
    pub denials: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRequirement {
    pub seat: Seat,
    pub count: u32,
    pub reason: String,
}

/// One execution of an approval rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRun {
    pub plugin: PluginName,
    /// Whose rule this was, by whose configuration; `None` in records of version 0.1, and outside of any gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateName>,
    pub plugin_digest: Digest,
    pub input_digest: Digest,
    pub transcript_digest: Digest,
    pub outcome: RuleOutcome,
    pub started_at: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleOutcome {
    Ruled(Ruling),
    Failed(Failure),
}

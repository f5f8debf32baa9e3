//! Where a guest's questions are answered. The application answers them live; a replay from what was recorded.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use countersign_core::facts::{Metric, VersionFacts};
use countersign_core::reads::Reads;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

/// A question to the registry. The workspace is the subject's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum RegistryQuery {
    GetVersion { model: String, version: String },
    VersionByAlias { model: String, alias: String },
    VersionInStage { model: String, stage: String },
    MetricHistory { run_id: String, metric: String },
}

/// Its answer. `Version(None)` says that there is no such version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryAnswer {
    Version(Option<Box<VersionFacts>>),
    History(Vec<Metric>),
}

impl RegistryAnswer {
    /// As it is told to a check: of other versions, too, it is shown what it reads.
    #[must_use]
    pub fn shown(self, reads: Option<&Reads>) -> Self {
        match (self, reads) {
            (Self::Version(Some(version)), Some(reads)) => Self::Version(Some(Box::new(reads.of(&version)))),
            (answer, _) => answer,
        }
    }
}

/// A question to Countersign's own records. The workspace is the subject's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum HistoryQuery {
    AliasHoldings { model: String, version: String },
    Decisions { model: String, version: String },
}

/// Its answer, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryAnswer {
    Holdings(Vec<AliasHolding>),
    Decisions(Vec<PastDecision>),
}

/// One time without a break during which a version held an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasHolding {
    pub alias: String,
    pub since: Millis,
    /// `None` while it lasts.
    pub until: Option<Millis>,
    pub bypassed: bool,
}

/// One earlier request to promote a version, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDecision {
    pub kind: String,
    pub target: Option<String>,
    pub state: String,
    pub opened: Millis,
}

/// Why a capability gave nothing. Reaches the guest as a typed result, never as a trap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum AccessError {
    #[error("not found: {0}")]
    NotFound(String),
    #[error("denied: {0}")]
    Denied(String),
    #[error("budget used up: {0}")]
    Budget(String),
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// An answer that may have to be waited for.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, AccessError>> + Send>>;

/// What a guest can ask beyond its input. Implementations answer the same question the same way throughout one
/// evaluation.
pub trait Sources: Send + Sync + 'static {
    fn query(&self, query: RegistryQuery) -> Answer<RegistryAnswer>;

    /// What Countersign itself has recorded.
    fn history(&self, query: HistoryQuery) -> Answer<HistoryAnswer> {
        let _ = query;
        Box::pin(async { Err(unavailable("the history")) })
    }

    /// Exactly `len` bytes of one of the subject's files from `offset`; the caller has clipped the range to the
    /// file's size.
    fn read(&self, path: &str, offset: u64, len: u32) -> Answer<Bytes>;

    /// In what blocks, in bytes, files are best read; 0 to be asked for exactly what the guest asked for.
    fn block_bytes(&self) -> u32 {
        1 << 20
    }
}

/// Sources for evaluations that have none: everything is unavailable.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn query(&self, _: RegistryQuery) -> Answer<RegistryAnswer> {
        Box::pin(async { Err(unavailable("the registry")) })
    }

    fn read(&self, path: &str, _: u64, _: u32) -> Answer<Bytes> {
        let error = unavailable(&format!("the file `{path}`"));
        Box::pin(async { Err(error) })
    }
}

fn unavailable(what: &str) -> AccessError {
    AccessError::Unavailable(format!("{what} cannot be asked in this evaluation"))
}

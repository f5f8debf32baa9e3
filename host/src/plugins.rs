//! Plugins: sandboxed components that judge a version, and the machinery that keeps them from harming anything
//! but their own verdict.
//!
//! Reading order: [`engine`] (one per process), [`loader`] (bytes to a [`Plugin`]), [`input`], [`evaluate`]
//! (one fresh instance per evaluation), [`transcript`] and [`replay`] (the same bytes again, years later).
//! Nothing here knows HTTP, the store, the ledger or MLflow: facts come in as values, and what a guest asks
//! beyond them is answered through [`Sources`].

mod bindings;
mod blocks;
mod cache;
mod calls;
mod capabilities;
mod cases;
mod convert;
mod counters;
mod cpu;
mod engine;
mod evaluate;
mod failure;
mod input;
mod limits;
mod loader;
mod log;
mod manifest;
mod package;
mod replay;
mod schema;
mod sink;
mod sources;
mod state;
mod ticks;
mod transcript;
mod turns;
mod verdict;
mod wasi;

pub use cache::{CacheError, CodeCache};
pub use cases::{Case, CaseFailure, Trial, TrialError};
pub use counters::{Counters, CountersSnapshot};
pub use engine::{Engine, EngineConfig, EngineError, give_way};
pub use evaluate::Evaluation;
pub use input::{CheckInput, CheckRecord, RuleCheck, RuleInput, RuleRecord, RuleReview, Vote};
pub use limits::{Limits, LimitsError};
pub use loader::{Load, LoadError, Plugin, ValidateError};
pub use log::{Level, LogLine};
pub use manifest::{Kind, MAX_COMPONENT_BYTES, Manifest, ManifestError, Outline};
pub use package::{PackageError, embed, read_manifest};
pub use replay::{Difference, Recorded, Replay, ReplayError, repeatable};
pub use schema::{ConfigError, ConfigErrors};
pub use sources::{
    AccessError, AliasHolding, Answer, HistoryAnswer, HistoryQuery, NoSources, PastDecision, RegistryAnswer,
    RegistryQuery, Sources,
};
pub use transcript::{Call, Recording, Transcript};

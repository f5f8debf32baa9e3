//! The use cases, one per file: everything between a classified request and its answer.
//!
//! The app owns the store, the ledger, the plugins, the upstream and the clock, and turns their answers into the
//! arguments of the pure core. It must not know: routes, status codes, cookies, pages.

mod account;
mod affected;
mod age;
mod anchor;
mod apply;
mod attest;
mod audit;
mod authors;
mod backtest;
mod browse;
mod bypass;
mod compare;
mod conclude;
mod delegate;
mod differ;
mod discussion;
mod emergency;
mod error;
mod events;
mod evidence;
pub mod evidence_file;
mod expire;
mod explain;
mod fall_back;
mod files;
mod generation;
mod glance;
mod govern;
mod health;
mod held_after;
mod history;
mod holdings;
mod holds;
mod insights;
mod judge;
mod kept;
mod known_evidence;
mod known_runs;
mod listed;
mod lists;
mod look;
mod notices;
mod packs;
mod people;
mod policies;
mod policy_history;
mod precheck;
mod profiles;
mod provenance;
mod query;
mod reconcile;
mod record_linked;
mod records;
mod refuse;
mod registry;
mod reload;
mod replay;
mod replay_sample;
mod retention;
mod review;
mod rights;
mod rules;
mod run_checks;
mod sampled;
mod signature;
mod sources;
mod spelling;
mod standing;
mod sweep;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tier_drift;
mod transitions;
mod try_config;
mod turns;
mod undermine;
mod ungoverned;
mod waiting;
mod waivers;
mod webhook;
mod words;

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_core::names::Workspace;
use tokio::sync::Semaphore;

pub use self::account::{AccountReader, Named, account_of};
pub use self::anchor::{AnchorFile, AnchorGit, AnchorState, AnchorWebhook, Anchors, Place};
pub use self::attest::{Attestable, Attestation, attestations};
pub use self::audit::{audit_of, audit_without_evidence, made};
pub use self::backtest::{Backtest, BacktestReport};
pub use self::browse::{Browsed, LedgerFilter, ProvenEntry};
pub use self::conclude::Concluding;
pub use self::delegate::NewDelegation;
pub use self::discussion::{NewComment, Said};
pub use self::emergency::NewEmergency;
pub use self::error::AppError;
pub use self::events::{Event, Events};
pub use self::evidence::blob;
pub use self::explain::{Asks, Explained, Question};
pub use self::files::Passage;
pub use self::generation::{Generation, LoadGenerationError};
pub use self::glance::{AliasGlance, ModelGlance, Spoken, VersionGlance};
pub use self::govern::{Answer, Call};
pub use self::health::{Doctor, Finding, Verdict};
pub use self::holds::NewHold;
pub use self::insights::KeptInsights;
pub use self::known_evidence::KnownEvidence;
pub use self::known_runs::KnownRuns;
pub use self::listed::{check_lists, has_lists, list_again, list_entries, lists_of, unlisted};
pub use self::lists::{COUNTED, Counts};
pub use self::packs::{packs, packs_named};
pub use self::people::{Candidate, People};
pub use self::policies::RecordedPolicy;
pub use self::policy_history::PolicyHistory;
pub use self::profiles::{Forgotten, KeptProfiles, kept_name};
pub use self::query::{HeldName, RequestFilter, RequestPage, VersionStatus};
pub use self::refuse::Refusal;
pub use self::registry::{Registry, RegistryError};
pub use self::reload::{Reloaded, Reloads};
pub use self::replay::{ReplayReport, ReplaySubject, replay};
pub use self::replay_sample::{FoundUnstable, Replayed, all_unstable};
pub use self::retention::{Due, RetentionRule};
pub use self::review::{NewReview, seats_asked};
pub use self::rights::{Rights, WordRights};
pub use self::signature::{about, is_asked_for};
pub use self::standing::Word;
pub use self::transitions::{Asked, Transition};
pub use self::turns::Turns;
pub use self::waiting::{InLine, Lines, Waiting};
pub use self::waivers::NewWaiver;
pub use self::webhook::Delivered;

use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::mlflow::Upstream;
use crate::notify::Notify;
use crate::plugins::Engine;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// Everything that a use case can reach.
pub struct App {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn Store>,
    pub ledger: Ledger,
    pub engine: Engine,
    pub registry: Arc<Registry>,
    pub proxy: Upstream,
    pub generation: ArcSwap<Generation>,
    pub people: People,
    pub metrics: Arc<Metrics>,
    /// Where people reach us, with MLflow's static prefix and without a trailing slash: used in links.
    pub public_url: String,
    /// The workspaces that the reconciler looks at.
    pub workspaces: Vec<Workspace>,
    /// What MLflow signs its webhooks with.
    pub webhook_secret: Option<String>,
    /// Where people are told of what they should look at.
    pub notify: Option<Arc<Notify>>,
    /// Where checkpoints go.
    pub anchors: Anchors,
    /// Outcomes that are on their way to the disk.
    pub concluding: Concluding,
    /// One place: for the write whose head is sent ahead of its announcement.
    pub ahead: Semaphore,
    /// Versions whose checks run before anybody has asked.
    pub prechecking: Turns,
    /// The keys that what is said of people is read by.
    pub vault: Arc<Vault>,
    pub known_evidence: KnownEvidence,
    pub known_runs: KnownRuns,
    /// What the ledger says about how approval flows.
    pub insights: KeptInsights,
    /// Pages that want to know what changes.
    pub events: Events,
    pub reloads: Reloads,
}

impl App {
    /// The page of a promotion request.
    #[must_use]
    pub fn request_url(&self, id: countersign_core::request::RequestId) -> String {
        format!("{}/_countersign/requests/{id}", self.public_url)
    }
}

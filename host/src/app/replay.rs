//! Replay: a recorded run of a check or a rule is executed again from its evidence alone, and must give the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry};
use countersign_core::names::PluginName;
use countersign_core::policy::Grant;
use countersign_core::request::RequestId;
use serde::Serialize;

use crate::ledger::Ledger;
use crate::plugins::{
    CheckInput, CheckRecord, Engine, Load, Recorded, Recording, Replay, ReplayError, RuleInput, RuleRecord,
    Transcript,
};
use crate::store::{Store, codec, keys};

use super::AppError;
use super::evidence::blob;

/// What to replay.
#[derive(Debug, Clone, Copy)]
pub enum ReplaySubject {
    /// A `check-run` or `rule-run` entry.
    Entry(u64),
    /// Every check run of a request.
    Request(RequestId),
}

/// How one replay went.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayReport {
    pub plugin: PluginName,
    pub plugin_digest: Digest,
    pub input_digest: Digest,
    pub recorded: Digest,
    pub replayed: Option<Digest>,
    pub same: bool,
    /// Where the two first differ, or why there was nothing to run.
    pub difference: Option<String>,
}

/// Replays runs of a store. Needs no server, no MLflow and no policy.
///
/// # Errors
/// When there is no such run, or the store cannot be read.
pub async fn replay(
    store: &dyn Store,
    ledger: &Ledger,
    engine: &Engine,
    subject: ReplaySubject,
) -> Result<Vec<ReplayReport>, AppError> {
    let mut reports = Vec::new();
    for run in runs(store, ledger, subject)? {
        reports.push(replay_one(store, engine, &run).await?);
    }
    Ok(reports)
}

#[derive(Clone, Copy)]
enum Kind {
    Check,
    Rule,
}

struct Run {
    kind: Kind,
    plugin: PluginName,
    plugin_digest: Digest,
    input: Digest,
    transcript: Digest,
    outcome: Digest,
}

fn runs(store: &dyn Store, ledger: &Ledger, subject: ReplaySubject) -> Result<Vec<Run>, AppError> {
    match subject {
        ReplaySubject::Entry(index) => Ok(vec![run_of_entry(ledger, index)?]),
        ReplaySubject::Request(id) => {
            let key = keys::request(id.0);
            let value = store.get(&key)?;
            let value = value.ok_or_else(|| AppError::NotFound(format!("there is no request {id}")))?;
            let request: countersign_core::request::PromotionRequest = codec::decode(&key, &value)?;
            Ok(request.check_runs.into_iter().map(Run::from).collect())
        }
    }
}

impl From<countersign_core::check::CheckRun> for Run {
    fn from(run: countersign_core::check::CheckRun) -> Self {
        Self {
            kind: Kind::Check,
            plugin: run.plugin,
            plugin_digest: run.plugin_digest,
            input: run.input_digest,
            transcript: run.transcript_digest,
            outcome: run.outcome_digest,
        }
    }
}

fn run_of_entry(ledger: &Ledger, index: u64) -> Result<Run, AppError> {
    let record = ledger.get(index)?;
    let record = record.ok_or_else(|| AppError::NotFound(format!("the ledger has no entry {index}")))?;
    match serde_json::from_str::<Entry>(&record.json)? {
        Entry::CheckRun(CheckRunRecord {
            plugin,
            plugin_digest,
            input_digest,
            transcript_digest,
            outcome_digest,
            ..
        }) => Ok(Run {
            kind: Kind::Check,
            plugin,
            plugin_digest,
            input: input_digest,
            transcript: transcript_digest,
            outcome: outcome_digest,
        }),
        // The outcome itself stands in the entry, so that its digest need not.
        Entry::RuleRun { run, .. } => Ok(Run {
            kind: Kind::Rule,
            outcome: Digest::of_json(&run.outcome)?,
            plugin: run.plugin,
            plugin_digest: run.plugin_digest,
            input: run.input_digest,
            transcript: run.transcript_digest,
        }),
        other => Err(AppError::Invalid(format!(
            "entry {index} is `{}`: only `check-run` and `rule-run` entries can be replayed; `countersign ledger export` \
             lists them",
            other.kind()
        ))),
    }
}

async fn replay_one(store: &dyn Store, engine: &Engine, run: &Run) -> Result<ReplayReport, AppError> {
    let component = evidence(store, run.plugin_digest)?;
    let input = evidence(store, run.input)?;
    let transcript: Transcript = serde_json::from_slice(&evidence(store, run.transcript)?)?;
    let blobs = blobs(store, &transcript)?;
    let load = Load {
        name: run.plugin.clone(),
        component,
        pinned: run.plugin_digest,
        // What it may ask was settled when it ran: it is answered from the recording alone.
        grants: Grant::ALL.into_iter().collect(),
        limits: transcript.limits.clone(),
    };
    let plugin = engine.load(load).await.map_err(|error| AppError::Invalid(error.to_string()))?;
    let recorded =
        Recorded { recording: Recording::from_parts(transcript, blobs), outcome_digest: run.outcome };
    let (replayed, difference) = match run.kind {
        Kind::Check => {
            let input = Arc::new(CheckInput::new(serde_json::from_slice::<CheckRecord>(&input)?));
            ended(engine.replay_check(&plugin, &input, &recorded, None).await)
        }
        Kind::Rule => {
            let input = Arc::new(RuleInput::new(serde_json::from_slice::<RuleRecord>(&input)?));
            ended(engine.replay_rule(&plugin, &input, &recorded).await)
        }
    };
    let same = replayed == Some(run.outcome) && difference.is_none();
    Ok(ReplayReport {
        plugin: run.plugin.clone(),
        plugin_digest: run.plugin_digest,
        input_digest: run.input,
        recorded: run.outcome,
        replayed,
        same,
        difference,
    })
}

/// What came out, and where it differs.
fn ended<T>(replayed: Result<Replay<T>, ReplayError>) -> (Option<Digest>, Option<String>) {
    match replayed {
        Ok(replay) => (Some(replay.outcome_digest), replay.difference.map(|d| d.to_string())),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// The answers that the transcript names and that were kept.
fn blobs(store: &dyn Store, transcript: &Transcript) -> Result<BTreeMap<Digest, Bytes>, AppError> {
    let mut blobs = BTreeMap::new();
    for call in &transcript.calls {
        let Ok(digest) = call.answer() else { continue };
        if let Ok(bytes) = evidence(store, *digest) {
            blobs.insert(*digest, bytes);
        }
    }
    Ok(blobs)
}

fn evidence(store: &dyn Store, digest: Digest) -> Result<Bytes, AppError> {
    blob(store, digest).map(Bytes::from)
}

//! Replay: a recorded run of a check or a rule is executed again from its evidence alone, and must give the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::canonical::CanonicalError;
use countersign_core::check::{Outcome, RuleOutcome};
use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry};
use countersign_core::names::PluginName;
use countersign_core::policy::Grant;
use countersign_core::request::RequestId;
use countersign_core::time::Span;
use serde::Serialize;

use crate::ledger::Ledger;
use crate::plugins::{
    CheckInput, CheckRecord, Engine, Limits, Load, Plugin, Recorded, Recording, Replay, ReplayError,
    RuleInput, RuleRecord, Transcript, repeatable,
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
    let mut machine = Machine::new(engine);
    let mut reports = Vec::new();
    for run in runs(store, ledger, subject)? {
        reports.push(machine.replay(&|digest| evidence(store, digest), &run).await?);
    }
    Ok(reports)
}

/// Where evidence is read by its digest: a store, or a file.
pub(super) type Blobs<'b> = dyn Fn(Digest) -> Result<Bytes, AppError> + Send + Sync + 'b;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Check,
    /// The outcome of a rule stands in its entry, and nowhere else.
    Rule {
        ended_by_time: bool,
    },
}

/// What was executed, by digest.
#[derive(Debug, Clone)]
pub(super) struct Run {
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
    let entry = serde_json::from_str::<Entry>(&record.json)?;
    Run::of(&entry)?.ok_or_else(|| {
        AppError::Invalid(format!(
            "entry {index} is `{}`: only `check-run` and `rule-run` entries can be replayed; `countersign ledger export` \
             lists them",
            entry.kind()
        ))
    })
}

impl Run {
    /// The run that an entry tells of. `None` where it tells of none.
    pub(super) fn of(entry: &Entry) -> Result<Option<Self>, CanonicalError> {
        Ok(match entry {
            Entry::CheckRun(run) => Some(Self::of_check(run)),
            // The outcome itself stands in the entry, so that its digest need not.
            Entry::RuleRun { run, .. } => Some(Self {
                kind: Kind::Rule { ended_by_time: by_time(&run.outcome) },
                outcome: Digest::of_json(&run.outcome)?,
                plugin: run.plugin.clone(),
                plugin_digest: run.plugin_digest,
                input: run.input_digest,
                transcript: run.transcript_digest,
            }),
            _ => None,
        })
    }

    /// Whether it had no result because of time, which depends on the machine.
    pub(super) fn ended_by_time(&self, blobs: &Blobs<'_>) -> bool {
        match self.kind {
            Kind::Rule { ended_by_time } => ended_by_time,
            Kind::Check => {
                let outcome = blobs(self.outcome).ok();
                let outcome = outcome.and_then(|bytes| serde_json::from_slice::<Outcome>(&bytes).ok());
                matches!(outcome, Some(Outcome::Failed(failure)) if !repeatable(failure.class))
            }
        }
    }

    fn of_check(run: &CheckRunRecord) -> Self {
        Self {
            kind: Kind::Check,
            plugin: run.plugin.clone(),
            plugin_digest: run.plugin_digest,
            input: run.input_digest,
            transcript: run.transcript_digest,
            outcome: run.outcome_digest,
        }
    }
}

/// Executes runs again. A component is compiled once, however many of its runs there are.
pub(super) struct Machine<'e> {
    engine: &'e Engine,
    loaded: BTreeMap<Digest, Arc<Plugin>>,
}

/// How many times as long as was granted a run may take: the machine may be much slower than the one that recorded, or
/// busy. A guest sees no time, so that more of it changes nothing but whether there is a result.
const PATIENCE: i64 = 40;

/// No run may take longer than this, whatever its evidence says that it was granted.
const LONGEST: Span = Span::from_millis(600_000);

impl<'e> Machine<'e> {
    pub(super) const fn new(engine: &'e Engine) -> Self {
        Self { engine, loaded: BTreeMap::new() }
    }

    /// # Errors
    /// When there is nothing that can be executed. How an execution ended is in the report.
    pub(super) async fn replay(&mut self, blobs: &Blobs<'_>, run: &Run) -> Result<ReplayReport, AppError> {
        let input = blobs(run.input)?;
        let mut transcript: Transcript = serde_json::from_slice(&blobs(run.transcript)?)?;
        if !run.ended_by_time(blobs) {
            transcript.limits = patient(transcript.limits);
        }
        let answers = answers(blobs, &transcript);
        let plugin = self.plugin(blobs, run, transcript.limits.clone()).await?;
        let recording = Recording::from_parts(transcript, answers);
        let recorded = Recorded { recording, outcome_digest: run.outcome };
        let (replayed, difference) = match run.kind {
            Kind::Check => {
                let record = serde_json::from_slice::<CheckRecord>(&input)?;
                let replayed = match CheckInput::recorded(record, &plugin) {
                    Ok(input) => self.engine.replay_check(&plugin, &Arc::new(input), &recorded, None).await,
                    Err(error) => Err(error),
                };
                ended(replayed)
            }
            Kind::Rule { .. } => {
                let input = Arc::new(RuleInput::new(serde_json::from_slice::<RuleRecord>(&input)?));
                ended(self.engine.replay_rule(&plugin, &input, &recorded).await)
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

    async fn plugin(
        &mut self,
        blobs: &Blobs<'_>,
        run: &Run,
        limits: Limits,
    ) -> Result<Arc<Plugin>, AppError> {
        if let Some(plugin) = self.loaded.get(&run.plugin_digest) {
            return Ok(Arc::clone(plugin));
        }
        let load = Load {
            name: run.plugin.clone(),
            component: blobs(run.plugin_digest)?,
            pinned: run.plugin_digest,
            // What it may ask was settled when it ran: it is answered from the recording alone.
            grants: Grant::ALL.into_iter().collect(),
            limits,
        };
        let plugin = self.engine.load(load).await.map_err(|error| AppError::Invalid(error.to_string()))?;
        self.loaded.insert(run.plugin_digest, Arc::clone(&plugin));
        Ok(plugin)
    }
}

fn patient(limits: Limits) -> Limits {
    let longer = |span: Span| {
        let longer = span.as_millis().saturating_mul(PATIENCE);
        Span::from_millis(longer.min(LONGEST.as_millis()))
    };
    Limits { cpu: longer(limits.cpu), wall: longer(limits.wall), ..limits }
}

fn by_time(outcome: &RuleOutcome) -> bool {
    matches!(outcome, RuleOutcome::Failed(failure) if !repeatable(failure.class))
}

/// What came out, and where it differs.
fn ended<T>(replayed: Result<Replay<T>, ReplayError>) -> (Option<Digest>, Option<String>) {
    match replayed {
        Ok(replay) => (Some(replay.outcome_digest), replay.difference.map(|d| d.to_string())),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// The answers that the transcript names and that were kept.
fn answers(blobs: &Blobs<'_>, transcript: &Transcript) -> BTreeMap<Digest, Bytes> {
    let named = transcript.calls.iter().filter_map(|call| call.answer().as_ref().ok());
    named.filter_map(|digest| Some((*digest, blobs(*digest).ok()?))).collect()
}

fn evidence(store: &dyn Store, digest: Digest) -> Result<Bytes, AppError> {
    blob(store, digest).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_may_take_longer_and_nothing_else_changes() {
        let granted = Limits::default();
        let longer = patient(granted.clone());
        assert_eq!(longer.cpu.as_millis(), granted.cpu.as_millis() * PATIENCE);
        assert_eq!(Limits { cpu: granted.cpu, wall: granted.wall, ..longer }, granted);
        let endless = Limits { wall: Span::from_millis(i64::MAX), ..granted };
        assert_eq!(patient(endless).wall, LONGEST);
    }
}

//! Check runs: used again while everything that they read is as it was, executed otherwise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::action::Action;
use countersign_core::canonical;
use countersign_core::check::{CheckRun, Outcome, Severity};
use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry, Spent};
use countersign_core::facts::{Subject, VersionFacts};
use countersign_core::names::Tier;
use countersign_core::reads::Reads;
use futures_util::future::join_all;
use serde::Serialize;

use super::evidence::Evidence;
use super::generation::LoadedCheck;
use super::history::recall;
use super::known_runs::Latest;
use super::records::KeptRun;
use super::sources::{LiveSources, answer};
use super::{App, AppError};
use crate::facts::Snapshot;
use crate::plugins::{AccessError, Call, CheckInput, CheckRecord, Evaluation};
use crate::store::{Batch, Key, codec, keys};

/// What the checks of one subject gave.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) runs: Vec<CheckRun>,
    pub(super) fresh: Fresh,
}

/// What must be recorded, because it was executed just now.
#[derive(Default)]
pub(super) struct Fresh {
    pub(super) entries: Vec<Entry>,
    pub(super) evidence: Evidence,
    kept: Vec<(Key, KeptRun)>,
    latest: Vec<(Key, Latest)>,
}

impl Fresh {
    pub(super) fn put(self, app: &App, batch: Batch) -> Result<(Vec<Entry>, Batch), AppError> {
        self.evidence.pin(app);
        let mut batch = self.evidence.put(batch);
        for (key, kept) in self.kept {
            batch = batch.put(key, codec::encode(&kept)?);
        }
        for (key, latest) in self.latest {
            batch = batch.put(key, codec::encode(&latest)?);
        }
        Ok((self.entries, batch))
    }

    fn absorb(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.evidence.absorb(other.evidence);
        self.kept.extend(other.kept);
        self.latest.extend(other.latest);
    }
}

/// What is checked.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) action: &'a Action,
    pub(super) tier: Option<&'a Tier>,
}

impl Target<'_> {
    pub(super) fn version(&self) -> &VersionFacts {
        &self.snapshot.facts.version
    }
}

/// What a run was about, and what its check reads of a version.
type Of<'a> = (&'a Subject, Option<&'a Reads>);

/// All that a check run depends on, but for the clock and for what it asks.
#[derive(Serialize)]
struct RunInputs<'a> {
    /// Says what is read, too.
    plugin: Digest,
    config: Digest,
    /// Those that are read.
    facts: Digest,
    kind: &'a str,
    target: Option<&'a str>,
    tier: Option<&'a Tier>,
}

impl App {
    /// Runs every check, at once, each at most once per plugin and configuration.
    pub(super) async fn run_checks(
        &self,
        checks: &[LoadedCheck],
        target: Target<'_>,
    ) -> Result<Checked, AppError> {
        let all = join_all(checks.iter().map(|check| self.run_check(check, target))).await;
        let mut checked = Checked::default();
        for one in all {
            let (run, fresh) = one?;
            checked.runs.push(run);
            checked.fresh.absorb(fresh);
        }
        Ok(checked)
    }

    async fn run_check(
        &self,
        check: &LoadedCheck,
        target: Target<'_>,
    ) -> Result<(CheckRun, Fresh), AppError> {
        let reads = check.plugin.reads();
        let inputs = Digest::of_json(&RunInputs {
            plugin: check.plugin.digest(),
            config: check.config_digest,
            facts: target.snapshot.shown_digest(reads)?,
            kind: target.action.kind(),
            target: target.action.target(),
            tier: target.tier,
        })?;
        if let Some(run) = self.kept_run(inputs, (&target.version().subject, reads)).await? {
            return Ok((CheckRun { required: check.required, ..run }, Fresh::default()));
        }
        self.execute(check, target, inputs).await
    }

    /// A run over the same inputs that still holds. What was read before may have been replaced by one that does.
    async fn kept_run(&self, inputs: Digest, of: Of<'_>) -> Result<Option<CheckRun>, AppError> {
        if let Some(known) = self.known_runs.get(&inputs)
            && self.is_kept_whole(&known.run)?
            && self.still_holds(of, &known).await
        {
            return Ok(Some(known.run.clone()));
        }
        let Some(kept) = self.read::<KeptRun>(&keys::check_run(&inputs))? else { return Ok(None) };
        if !self.is_kept_whole(&kept.run)? || !self.still_holds(of, &kept).await {
            return Ok(None);
        }
        let run = kept.run.clone();
        self.known_runs.keep(inputs, Arc::new(kept));
        Ok(Some(run))
    }

    /// Whether the evidence of a run is there, and stays there while the run is used again.
    fn is_kept_whole(&self, run: &CheckRun) -> Result<bool, AppError> {
        // A plugin that is in force is never taken out.
        let named = [run.input_digest, run.transcript_digest, run.outcome_digest];
        self.known_evidence.pin_present(&*self.store, &named, self.clock.now())
    }

    /// Whether the registry and our own records would answer the run's questions as they did.
    async fn still_holds(&self, (subject, reads): Of<'_>, kept: &KeptRun) -> bool {
        if matches!(kept.run.outcome, Outcome::Failed(_)) {
            return false;
        }
        for call in &kept.transcript.calls {
            let now = match call {
                Call::Registry { query, .. } => {
                    let now = answer(&self.registry, &subject.workspace, query.clone()).await;
                    digest_of(now.map(|now| now.shown(reads)))
                }
                Call::History { query, .. } => digest_of(recall(&*self.store, &subject.workspace, query)),
                // The files are in the facts, by their digests, and are read by whoever may open one.
                Call::Artifacts { .. } => continue,
            };
            if &now != call.answer() {
                return false;
            }
        }
        true
    }

    async fn execute(
        &self,
        check: &LoadedCheck,
        target: Target<'_>,
        inputs: Digest,
    ) -> Result<(CheckRun, Fresh), AppError> {
        let (started_at, reads) = (self.clock.now(), check.plugin.reads());
        let record = CheckRecord {
            format: 1,
            version: target.version().clone(),
            action: target.action.clone(),
            tier: target.tier.cloned(),
            config: check.config.to_string(),
            now: started_at,
            reads: reads.cloned(),
        };
        let input = Arc::new(CheckInput::around(record, &target.snapshot.shown_json(reads)?)?);
        let sources = LiveSources::new(self, target.snapshot);
        let began = Instant::now();
        let evaluation = self.engine.evaluate_check(&check.plugin, &input, Arc::new(sources)).await;
        let took = began.elapsed();
        let outcome = evaluation.outcome.clone();
        self.metrics.check_run(&check.name, outcome.conclusion(), took);
        let mut evidence = Evidence::default();
        let transcript = keep_transcript(&evaluation, &mut evidence)?;
        let outcome_digest = evidence.keep(canonical::to_vec(&outcome)?);
        let (head, tail) = around_aliases(input.canonical()?);
        let tail = evidence.keep(tail);
        evidence.leave_out_known(self)?;
        // The clock is in it: it is always another.
        let input_digest = evidence.keep_head(input.digest()?, head, tail);
        let run = CheckRun {
            plugin: check.name.clone(),
            required: check.required,
            plugin_digest: check.plugin.digest(),
            config_digest: check.config_digest,
            input_digest,
            transcript_digest: transcript,
            outcome_digest,
            outcome,
            started_at,
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        };
        let spent = spent(&run, evaluation.cpu);
        let entry = Entry::CheckRun(record_of(&run, &target.version().subject, spent));
        let latest = vec![(latest_key(&run, &target.version().subject), Latest::Under(inputs))];
        let kept = KeptRun { run: run.clone(), transcript: evaluation.recording.transcript };
        let kept = vec![(keys::check_run(&inputs), kept)];
        Ok((run, Fresh { entries: vec![entry], evidence, kept, latest }))
    }
}

/// An input up to the version's aliases, and what follows: the facts that stay when aliases move. The canonical order
/// has `version` last and `aliases` first in it. Cut elsewhere it would be the same input, and share less.
fn around_aliases(input: &[u8]) -> (&[u8], &[u8]) {
    const ALIASES: &[u8] = br#""version":{"aliases":["#;
    let position = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|window| window == part);
    let begin = position(input, ALIASES).unwrap_or_default();
    let end = position(input.get(begin..).unwrap_or_default(), b"],").unwrap_or_default();
    input.split_at_checked(begin + end).unwrap_or((input, &[]))
}

fn digest_of<T: Serialize>(answer: Result<T, AccessError>) -> Result<Digest, AccessError> {
    Digest::of_json(&answer?).map_err(|error| AccessError::Unavailable(error.to_string()))
}

/// The transcript and every answer that it names.
pub(super) fn keep_transcript<T>(
    evaluation: &Evaluation<T>,
    evidence: &mut Evidence,
) -> Result<Digest, AppError> {
    for (digest, blob) in &evaluation.recording.blobs {
        evidence.keep_as(*digest, blob);
    }
    Ok(evidence.keep(evaluation.recording.transcript.canonical()?))
}

fn latest_key(run: &CheckRun, subject: &Subject) -> Key {
    let version = subject.version.get().into();
    keys::check_runs_of(subject.workspace.as_str(), subject.model.as_str(), version)
        .text(run.plugin.as_str())
        .digest(&run.config_digest)
}

fn spent(run: &CheckRun, cpu: Duration) -> Spent {
    let found = |severity: Severity| {
        let count = run.outcome.findings().iter().filter(|finding| finding.severity == severity).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    Spent {
        wall_us: run.took_us,
        cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
        errors: found(Severity::Error),
        warnings: found(Severity::Warning),
    }
}

fn record_of(run: &CheckRun, subject: &Subject, spent: Spent) -> CheckRunRecord {
    CheckRunRecord {
        workspace: subject.workspace.clone(),
        model: subject.model.clone(),
        version: subject.version,
        plugin: run.plugin.clone(),
        plugin_digest: run.plugin_digest,
        config_digest: run.config_digest,
        input_digest: run.input_digest,
        transcript_digest: run.transcript_digest,
        outcome_digest: run.outcome_digest,
        conclusion: run.outcome.conclusion().to_string(),
        spent: Some(spent),
    }
}

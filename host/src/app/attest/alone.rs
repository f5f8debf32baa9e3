//! A decision that no request is about: its tier asked nobody, so that nothing was held and nothing opened. What is said
//! of it is read from the entry that announced its write, the runs that this names, and the entry that says how it ended.
//!
//! It is told in the form of a request that was decided at once, because statements know no other; the statement itself
//! names the entry instead of a request.

use countersign_core::action::{Action, Placed};
use countersign_core::attest::Recorded;
use countersign_core::check::{CheckRun, Conclusion, Outcome, Report};
use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry, Intent, OutcomeResult, RanCheck};
use countersign_core::facts::Subject;
use countersign_core::policy::Policy;
use countersign_core::request::{Judgement, Prior, PromotionRequest, RequestId, State};
use countersign_core::time::Millis;
use uuid::Uuid;

use super::super::bypass::{alias_name, stage_name};
use super::super::records::Holding;
use super::super::{AppError, evidence};
use crate::ledger::{Checkpoint, Ledger, LedgerError};
use crate::store::{Store, codec, keys};

/// How many entries are read at a time.
const STEP: u64 = 256;

/// What an entry announces, and when.
pub(super) struct Announced {
    pub(super) index: u64,
    at: Millis,
    pub(super) intent: Intent,
}

impl Announced {
    /// # Errors
    /// When there is no such entry, or it announces no decided write.
    pub(super) fn read(ledger: &Ledger, index: u64) -> Result<Self, AppError> {
        let missing = || AppError::NotFound(format!("there is no entry {index}: see the end of the ledger"));
        let record = ledger.get(index)?.ok_or_else(missing)?;
        let at = record.parse()?.at;
        match serde_json::from_str(&record.json)? {
            Entry::Intent(intent) if intent.subject.is_some() && !intent.in_window => {
                Ok(Self { index, at, intent })
            }
            other => Err(AppError::Invalid(format!(
                "entry {index} is `{}` and announces no write that was decided: name an `intent`, or a request",
                other.kind()
            ))),
        }
    }

    /// As a request that was decided at once, and where the ledger has it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn told(
        self,
        store: &dyn Store,
        ledger: &Ledger,
    ) -> Result<(PromotionRequest, Recorded), AppError> {
        let checkpoint = ledger.checkpoint().await?;
        let key = ledger.verifier();
        let size = Checkpoint::open(&checkpoint, key).map_err(LedgerError::from)?.size;
        let (ended, runs) = (self.ended(ledger, size)?, self.runs(store, ledger)?);
        let entries = std::iter::once(self.index).chain(ended.as_ref().map(|(index, ..)| *index));
        let recorded = Recorded {
            origin: key.name().to_owned(),
            vkey: key.to_string(),
            entries: entries.collect(),
            checkpoint,
            alone: true,
        };
        let state = self.state(store, ended)?;
        Ok((self.request(store, runs, state)?, recorded))
    }

    fn request(
        self,
        store: &dyn Store,
        check_runs: Vec<CheckRun>,
        state: State,
    ) -> Result<PromotionRequest, AppError> {
        let Self { at, index, intent } = self;
        let none = || AppError::Invalid(format!("entry {index} says nothing of what it is about"));
        let facts = intent.basis.as_ref().map_or_else(|| Digest::of(&[]), |basis| basis.facts);
        let holding = holding(store, &intent.placed)?;
        let bypassed = holding.is_some_and(|holding| holding.bypassed && holding.intent == Some(index));
        let found = Judgement {
            subject: intent.subject.ok_or_else(none)?,
            binding: intent.binding,
            policy: intent.policy,
            facts,
            gates: intent.gates,
            check_runs,
            prior: Prior::default(),
            authors: intent.authors,
            expires: None,
            also: intent.also,
        };
        let mut request = PromotionRequest::open(RequestId(intent.id), at, intent.placed, found);
        request.flags.bypassed = bypassed;
        request.flags.break_glass = intent.break_glass.is_some();
        Ok(PromotionRequest { state, ..request })
    }

    /// The entry that says how it ended, where there is one.
    fn ended(&self, ledger: &Ledger, size: u64) -> Result<Option<(u64, Millis, OutcomeResult)>, AppError> {
        let (mut next, id) = (self.index + 1, self.intent.id.to_string());
        while next < size {
            let page = ledger.range(next, usize::try_from(STEP.min(size - next)).unwrap_or_default())?;
            let Some(last) = page.last().map(|record| record.index) else { break };
            for record in page.iter().filter(|record| record.json.contains(&id)) {
                if let Entry::Outcome { intent, result } = serde_json::from_str(&record.json)?
                    && intent == self.intent.id
                {
                    return Ok(Some((record.index, record.parse()?.at, result)));
                }
            }
            next = last + 1;
        }
        Ok(None)
    }

    /// Where it stands: a name that somebody else has moved since is not what was decided any more.
    fn state(
        &self,
        store: &dyn Store,
        ended: Option<(u64, Millis, OutcomeResult)>,
    ) -> Result<State, AppError> {
        let applying = State::Applying { at: self.at, intent: self.intent.id };
        let Some((_, at, result)) = ended else { return Ok(applying) };
        if matches!(result, OutcomeResult::Unknown { .. }) {
            return Ok(applying);
        }
        if !result.may_have_acted() {
            return Ok(State::Approved { at: self.at });
        }
        Ok(match holding(store, &self.intent.placed)? {
            Some(holding) if holding.intent != Some(self.index) => {
                State::Superseded { at: holding.since, by: RequestId(Uuid::nil()) }
            }
            _ => State::Applied { at, intent: self.index },
        })
    }

    /// The runs that it names, as the entries before it tell of them.
    fn runs(&self, store: &dyn Store, ledger: &Ledger) -> Result<Vec<CheckRun>, AppError> {
        let Some(basis) = &self.intent.basis else { return Ok(Vec::new()) };
        let Some(subject) = &self.intent.subject else { return Ok(Vec::new()) };
        let mut wanted: Vec<(&RanCheck, Option<CheckRun>)> =
            basis.checks.iter().map(|run| (run, None)).collect();
        let policy = policy(store, self.intent.policy)?;
        let mut before = Some(self.index);
        while wanted.iter().any(|(_, found)| found.is_none()) {
            let page = ledger.newest(before, usize::try_from(STEP).unwrap_or_default())?;
            let Some(last) = page.last().map(|record| record.index) else { break };
            for record in page.iter().filter(|record| record.json.contains("\"kind\":\"check-run\"")) {
                let Ok(Entry::CheckRun(run)) = serde_json::from_str(&record.json) else { continue };
                let at = record.parse()?.at;
                for (named, found) in wanted.iter_mut().filter(|(named, _)| is(named, &run, subject)) {
                    let required = is_required(policy.as_ref(), &self.intent, named);
                    found.get_or_insert_with(|| as_run(&run, at, required));
                }
            }
            before = Some(last);
        }
        Ok(wanted.into_iter().filter_map(|(_, found)| found).collect())
    }
}

fn is(named: &RanCheck, run: &CheckRunRecord, subject: &Subject) -> bool {
    (&run.plugin, run.plugin_digest, run.config_digest, run.outcome_digest)
        == (&named.plugin, named.plugin_digest, named.config_digest, named.outcome_digest)
        && (&run.workspace, &run.model, run.version) == (&subject.workspace, &subject.model, subject.version)
}

fn as_run(run: &CheckRunRecord, started_at: Millis, required: bool) -> CheckRun {
    // A conclusion that this version does not know is none that passes.
    let conclusion = serde_json::from_value(run.conclusion.clone().into()).unwrap_or(Conclusion::Error);
    let report = Report { conclusion, summary: String::new(), findings: Vec::new(), extensions: Vec::new() };
    CheckRun {
        plugin: run.plugin.clone(),
        required,
        plugin_digest: run.plugin_digest,
        config_digest: run.config_digest,
        input_digest: run.input_digest,
        transcript_digest: run.transcript_digest,
        outcome_digest: run.outcome_digest,
        outcome: Outcome::Reported(report),
        started_at,
        took_us: 0,
    }
}

/// Whether a gate of it required that; without the policy's text it is taken to have.
fn is_required(policy: Option<&Policy>, intent: &Intent, named: &RanCheck) -> bool {
    let Some(policy) = policy else { return true };
    let gates = intent.gates.iter().filter_map(|verdict| policy.gate(&verdict.gate));
    let mut checks = gates.flat_map(|gate| &gate.checks).filter(|check| check.plugin == named.plugin);
    checks.any(|check| check.required && Digest::of_json(&check.config).ok() == Some(named.config_digest))
}

fn policy(store: &dyn Store, digest: Digest) -> Result<Option<Policy>, AppError> {
    let text = evidence::policy_text(store, &digest)?;
    Ok(text.and_then(|text| Policy::parse("a recorded policy", &text).ok()))
}

/// Who holds the name that a write gives, where it gives one that is kept.
fn holding(store: &dyn Store, placed: &Placed) -> Result<Option<Holding>, AppError> {
    let (model, name) = match &placed.action {
        Action::SetAlias { model, alias, .. } => (model, alias_name(alias.as_str())),
        Action::TransitionStage { model, version, stage, .. } => (model, stage_name(*stage, *version)),
        _ => return Ok(None),
    };
    let key = keys::holding(placed.workspace.as_str(), model.as_str(), &name);
    Ok(store.get(&key)?.map(|value| codec::decode(&key, &value)).transpose()?)
}

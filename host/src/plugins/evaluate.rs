//! One evaluation: a fresh store, a fresh instance, one call, and nothing left behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::canonical::CanonicalError;
use countersign_core::check::{CheckRun, Failure, FailureClass, Outcome, RuleOutcome};
use countersign_core::digest::Digest;
use serde::Serialize;
use wasmtime::Store;

use super::bindings::{Check, Rule, checks, rules, types as wit};
use super::convert;
use super::counters::Used;
use super::cpu::{CpuMeter, Metered};
use super::engine::Engine;
use super::failure::{self, Seen, failure};
use super::input::{CheckInput, Input, RuleInput};
use super::limits::Limits;
use super::loader::Plugin;
use super::log::LogLine;
use super::sources::Sources;
use super::state::{Birth, State};
use super::transcript::Recording;
use super::turns::{TooLate, Until};
use super::verdict::{bounded, undecided};

/// How an evaluation went. `outcome` and `recording` follow from the input alone; the rest is for people.
#[derive(Debug, Clone)]
pub struct Evaluation<T> {
    pub outcome: T,
    pub recording: Recording,
    pub logs: Vec<LogLine>,
    /// Lines that the guest logged past its limit.
    pub logs_dropped: u64,
    pub stdout: String,
    pub stderr: String,
    /// Wall time, waiting for a place left out.
    pub took: Duration,
    /// Time on a thread.
    pub cpu: Duration,
    pub artifact_bytes: u64,
}

impl<T: Serialize> Evaluation<T> {
    /// The digest of the outcome's canonical JSON: what a replay must give again.
    ///
    /// # Errors
    /// When a number has no canonical form.
    pub fn outcome_digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(&self.outcome)
    }
}

impl Evaluation<Outcome> {
    /// The check run that this evaluation makes.
    ///
    /// # Errors
    /// When a number in the input has no canonical form.
    pub fn check_run(
        &self,
        plugin: &Plugin,
        input: &CheckInput,
        required: bool,
    ) -> Result<CheckRun, CanonicalError> {
        Ok(CheckRun {
            plugin: plugin.name().clone(),
            required,
            plugin_digest: plugin.digest(),
            config_digest: input.config_digest(),
            input_digest: input.digest()?,
            transcript_digest: self.recording.transcript.digest()?,
            outcome_digest: self.outcome_digest()?,
            outcome: self.outcome.clone(),
            started_at: input.record().now,
            took_us: u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
        })
    }
}

impl Engine {
    /// Evaluates a check in a fresh instance, at first on this thread. Never an error: whatever goes wrong is an
    /// outcome. Dropping the future ends the evaluation.
    pub async fn evaluate_check(
        &self,
        plugin: &Arc<Plugin>,
        input: &Arc<CheckInput>,
        sources: Arc<dyn Sources>,
    ) -> Evaluation<Outcome> {
        self.evaluate_check_within(plugin, input, sources, plugin.limits()).await
    }

    /// As [`Engine::evaluate_check`], for an approval rule.
    pub async fn evaluate_rule(
        &self,
        plugin: &Arc<Plugin>,
        input: &Arc<RuleInput>,
        sources: Arc<dyn Sources>,
    ) -> Evaluation<RuleOutcome> {
        self.evaluate_rule_within(plugin, input, sources, plugin.limits()).await
    }

    pub(super) async fn evaluate_check_within(
        &self,
        plugin: &Arc<Plugin>,
        input: &Arc<CheckInput>,
        sources: Arc<dyn Sources>,
        limits: &Arc<Limits>,
    ) -> Evaluation<Outcome> {
        let call = CallCheck { plugin: Arc::clone(plugin), input: Arc::clone(input) };
        let evaluation = if plugin.reads() == input.record().reads.as_ref() {
            self.evaluate(call, Input::Check(Arc::clone(input)), sources, limits).await
        } else {
            // It would be shown more than it reads, or less.
            Evaluation::without_guest(failure::host_bug("the input was made for another check"), limits)
        };
        let evaluation = evaluation.finish(plugin, |answer: Result<wit::Report, Failure>| match answer {
            Ok(report) => Outcome::Reported(convert::report(report)),
            Err(failure) => Outcome::Failed(failure),
        });
        plugin.counters().said(&evaluation.outcome);
        evaluation
    }

    pub(super) async fn evaluate_rule_within(
        &self,
        plugin: &Arc<Plugin>,
        input: &Arc<RuleInput>,
        sources: Arc<dyn Sources>,
        limits: &Arc<Limits>,
    ) -> Evaluation<RuleOutcome> {
        let call = CallRule { plugin: Arc::clone(plugin), input: Arc::clone(input) };
        let evaluation = self.evaluate(call, Input::Rule(Arc::clone(input)), sources, limits).await;
        let evaluation = evaluation.finish(plugin, |answer: Result<rules::Ruling, Failure>| match answer {
            Ok(ruling) => RuleOutcome::Ruled(convert::ruling(ruling)),
            Err(failure) => RuleOutcome::Failed(failure),
        });
        plugin.counters().ruled(&evaluation.outcome);
        evaluation
    }

    pub(super) async fn evaluate<C: Call>(
        &self,
        call: C,
        input: Input,
        sources: Arc<dyn Sources>,
        limits: &Arc<Limits>,
    ) -> Evaluation<Result<C::Answer, Failure>> {
        let Some(place) = self.place().await else {
            return Evaluation::without_guest(failure::pool_exhausted(), limits);
        };
        let (engine, quick) = (self.clone(), call.plugin().is_quick());
        let birth = Birth { limits: Arc::clone(limits), input, sources, meter: CpuMeter::new() };
        let evaluation = Box::pin(async move {
            let evaluation = run(&engine, call, birth).await;
            drop(place);
            evaluation
        });
        let lost = || Evaluation::without_guest(failure::host_bug("the evaluation ended early"), limits);
        self.take_turns(quick, evaluation).await.unwrap_or_else(lost)
    }
}

/// One export of a guest and how it is called.
pub(super) trait Call: Send + 'static {
    type Answer: Send + 'static;

    fn plugin(&self) -> &Plugin;

    /// Instantiates and calls. The inner error is the guest's own "could not judge".
    fn call(
        &self,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Answer, Failure>>> + Send;
}

struct CallCheck {
    plugin: Arc<Plugin>,
    input: Arc<CheckInput>,
}

impl Call for CallCheck {
    type Answer = wit::Report;

    fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    async fn call(&self, store: &mut Store<State>) -> wasmtime::Result<Result<wit::Report, Failure>> {
        let Some(pre) = self.plugin.check() else { return Ok(Err(wrong_kind("check"))) };
        let instance: Check = pre.instantiate_async(&mut *store).await?;
        let limits = Arc::clone(&store.data().calls.limits);
        let answer = instance.countersign_plugin_checks().call_check(&mut *store, self.input.wit()).await?;
        let refused = store.data().calls.refused;
        Ok(answer.map_err(undecided(&limits, refused)).and_then(|report| bounded(report, &limits)))
    }
}

struct CallRule {
    plugin: Arc<Plugin>,
    input: Arc<RuleInput>,
}

impl Call for CallRule {
    type Answer = rules::Ruling;

    fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    async fn call(&self, store: &mut Store<State>) -> wasmtime::Result<Result<rules::Ruling, Failure>> {
        let Some(pre) = self.plugin.rule() else { return Ok(Err(wrong_kind("rule"))) };
        let instance: Rule = pre.instantiate_async(&mut *store).await?;
        let limits = Arc::clone(&store.data().calls.limits);
        let answer = instance.countersign_plugin_rules().call_decide(&mut *store, self.input.wit()).await?;
        let refused = store.data().calls.refused;
        Ok(answer.map_err(undecided(&limits, refused)).and_then(|ruling| bounded(ruling, &limits)))
    }
}

/// What a manifest is compared with, and what the guest says to a configuration.
pub(super) struct CallValidate {
    pub(super) plugin: Arc<Plugin>,
    pub(super) config: String,
}

/// The guest's own account: who it is, and what is wrong with the configuration.
pub(super) type Account = (wit::Description, Result<(), Vec<wit::ConfigError>>);

impl Call for CallValidate {
    type Answer = Account;

    fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    async fn call(&self, store: &mut Store<State>) -> wasmtime::Result<Result<Account, Failure>> {
        if let Some(pre) = self.plugin.check() {
            let instance: Check = pre.instantiate_async(&mut *store).await?;
            let exports: &checks::Guest = instance.countersign_plugin_checks();
            let described = exports.call_describe(&mut *store).await?;
            return Ok(Ok((described, exports.call_validate_config(store, &self.config).await?)));
        }
        let Some(pre) = self.plugin.rule() else { return Ok(Err(wrong_kind("check or rule"))) };
        let instance: Rule = pre.instantiate_async(&mut *store).await?;
        let exports: &rules::Guest = instance.countersign_plugin_rules();
        let described = exports.call_describe(&mut *store).await?;
        Ok(Ok((described, exports.call_validate_config(store, &self.config).await?)))
    }
}

/// Runs a call in a store of its own, with every limit on.
pub(super) async fn run<C: Call>(
    engine: &Engine,
    call: C,
    birth: Birth,
) -> Evaluation<Result<C::Answer, Failure>> {
    let started = Instant::now();
    let (limits, meter) = (Arc::clone(&birth.limits), Arc::clone(&birth.meter));
    let mut store = birth.store(engine);
    let calling = Metered::new(engine, Arc::clone(&meter), call.call(&mut store));
    let ended = Until::new(engine.threads().clone(), started + limits.wall_time(), calling).await;
    call.plugin().note_time(meter.spent(), engine.config().tick);
    let state = store.into_data();
    let stderr = state.wasi.stderr.text();
    let seen = Seen { limits: &limits, stderr: &stderr, logs: &state.calls.log.lines };
    let outcome = match ended {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(failure::classify(&error, &seen)),
        Err(TooLate) => Err(failure::wall_budget(&limits)),
    };
    Evaluation {
        outcome,
        stdout: state.wasi.stdout.text(),
        recording: state.calls.recording,
        logs: state.calls.log.lines,
        logs_dropped: state.calls.log.dropped,
        stderr,
        took: started.elapsed(),
        cpu: meter.spent(),
        artifact_bytes: state.calls.artifact_bytes,
    }
}

impl<T> Evaluation<Result<T, Failure>> {
    fn without_guest(failure: Failure, limits: &Limits) -> Self {
        Self {
            outcome: Err(failure),
            recording: Recording::new(limits.clone()),
            logs: Vec::new(),
            logs_dropped: 0,
            stdout: String::new(),
            stderr: String::new(),
            took: Duration::ZERO,
            cpu: Duration::ZERO,
            artifact_bytes: 0,
        }
    }

    fn finish<O>(self, plugin: &Plugin, outcome: impl FnOnce(Result<T, Failure>) -> O) -> Evaluation<O> {
        let class = self.outcome.as_ref().err().map(|failure| failure.class);
        let calls = self.recording.transcript.calls.len() as u64;
        let (took, cpu, artifact_bytes) = (self.took, self.cpu, self.artifact_bytes);
        plugin.counters().count(class, &Used { took, cpu, artifact_bytes, host_calls: calls });
        Evaluation {
            outcome: outcome(self.outcome),
            recording: self.recording,
            logs: self.logs,
            logs_dropped: self.logs_dropped,
            stdout: self.stdout,
            stderr: self.stderr,
            took: self.took,
            cpu: self.cpu,
            artifact_bytes: self.artifact_bytes,
        }
    }
}

fn wrong_kind(kind: &str) -> Failure {
    let text = format!("the plugin is not a {kind}: look at `kinds` with `countersign plugin inspect`");
    failure(FailureClass::InvalidResult, text)
}

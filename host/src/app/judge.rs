//! Judging: from a promotion that a gate guards to a decision about it, with everything that it rests on.

use std::collections::BTreeSet;

use countersign_core::action::{Action, Placed};
use countersign_core::break_glass::BreakGlass;
use countersign_core::canonical;
use countersign_core::check::CheckRun;
use countersign_core::decide::{self, Case, Decision, Exceptions, GateVerdict, TierFound, Verdict};
use countersign_core::digest::Digest;
use countersign_core::entry::{Basis, RanCheck};
use countersign_core::facts::{Facts, Subject};
use countersign_core::lowered::Lowered;
use countersign_core::names::PersonId;
use countersign_core::policy::GateMatch;
use countersign_core::request::{Judgement, Prior};
use countersign_core::review::{Authors, Review, Roster};
use countersign_core::time::Span;
use countersign_core::waiver::Waiver;

use super::affected::{Also, demands};
use super::generation::Generation;
use super::rules::Circumstances;
use super::run_checks::{Checked, Fresh, Target};
use super::{App, AppError};
use crate::facts::Snapshot;

/// What was found, and what must be recorded with it.
pub(super) struct Judged {
    pub(super) facts: std::sync::Arc<Facts>,
    pub(super) facts_digest: Digest,
    pub(super) binding: Digest,
    pub(super) policy: Digest,
    pub(super) runs: Vec<CheckRun>,
    pub(super) authors: Authors,
    pub(super) decision: Decision,
    pub(super) fresh: Fresh,
    pub(super) prior: Prior,
    /// How long a request may stay open.
    pub(super) expires: Option<Span>,
    /// The emergency without which this would not be allowed.
    pub(super) break_glass: Option<uuid::Uuid>,
    /// Further versions that it would change.
    pub(super) also: Vec<Also>,
    /// Threads that nobody has settled, where a gate asks.
    pub(super) open_threads: u32,
    /// Where those sit who have spoken.
    pub(super) sat: Option<Roster>,
}

impl Judged {
    /// Keeps the facts themselves, so that what changes later can be shown.
    pub(super) fn keep_facts(&mut self) -> Result<(), AppError> {
        let facts = canonical::to_vec(&(&self.facts.version, &self.facts.model))?;
        // Under the digest that the request names: it is over the same bytes.
        self.fresh.evidence.keep(facts);
        Ok(())
    }

    /// As [`Self::keep_facts`], those of every version that it is about.
    pub(super) fn keep_all_facts(&mut self) -> Result<(), AppError> {
        for Also { facts, .. } in &self.also {
            self.fresh.evidence.keep(canonical::to_vec(&(&facts.version, &facts.model))?);
        }
        self.keep_facts()
    }

    /// The further versions that it would change.
    pub(super) fn also(&self) -> Vec<Subject> {
        self.also.iter().map(|also| also.beside.subject.clone()).collect()
    }

    /// What it rests on, by digest: the facts must be kept with it.
    pub(super) fn basis(&self) -> Basis {
        let checks = self.runs.iter().map(RanCheck::from).collect();
        Basis {
            facts: self.facts_digest,
            checks,
            open_threads: self.open_threads,
            authors: None,
            policy: None,
            also: self.also.iter().map(|also| also.beside.clone()).collect(),
            sat: self.sat.clone(),
        }
    }

    /// The part that a promotion request keeps.
    pub(super) fn judgement(&self) -> Judgement {
        Judgement {
            subject: self.facts.version.subject.clone(),
            binding: self.binding,
            policy: self.policy,
            facts: self.facts_digest,
            gates: self.decision.gates().to_vec(),
            check_runs: self.runs.clone(),
            prior: self.prior,
            authors: self.authors.clone(),
            expires: self.expires,
            also: self.also(),
        }
    }
}

/// Who asks, and what has been said so far.
#[derive(Clone, Default)]
pub(super) struct Asked<'a> {
    pub(super) requester: Option<PersonId>,
    pub(super) reviews: &'a [Review],
    /// What the same write displaced when it was made before.
    pub(super) prior: Option<Prior>,
    /// Whether the name goes back to what was made before, whatever it holds now.
    pub(super) going_back: bool,
    pub(super) before: Before<'a>,
}

/// How the gates judged the same write before, whatever became of its request.
#[derive(Clone, Copy, Default)]
pub(super) enum Before<'a> {
    /// Nothing where it was never asked for.
    Known(&'a [GateVerdict]),
    #[default]
    Unread,
}

impl App {
    /// Keeps the facts of a decision that its entry names, unless they are kept already.
    pub(super) fn keep_basis(&self, judged: &mut Judged) -> Result<(), AppError> {
        // Facts are often those of the request, or of a call before.
        let also = judged.also.iter().map(|also| also.beside.facts);
        let all: Vec<Digest> = std::iter::once(judged.facts_digest).chain(also).collect();
        if self.known_evidence.pin_present(&*self.store, &all, self.clock.now())? {
            return Ok(());
        }
        judged.keep_all_facts()
    }

    /// As [`App::judge`], for a write that is made at once where nothing stands against it. Remembered facts are
    /// good enough to refuse by. What lets a write through is read anew, unless the operator has said otherwise
    /// (`[facts] at_write`).
    pub(super) async fn judge_to_write(
        &self,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        placed: &Placed,
        asked: Asked<'_>,
    ) -> Result<Judged, AppError> {
        let began = self.clock.now();
        let judged = Box::pin(self.judge(generation, gates, placed, asked.clone())).await?;
        let remembered = judged.facts.taken_at < began;
        if !remembered || self.registry.trusts_memory() || !matches!(judged.decision, Decision::Allow(..)) {
            return Ok(judged);
        }
        self.registry.look_again(placed);
        Box::pin(self.judge(generation, gates, placed, asked)).await
    }

    /// Judges a promotion by the policy in force and what is known of the registry.
    pub(super) async fn judge(
        &self,
        generation: &Generation,
        gates: &[GateMatch<'_>],
        placed: &Placed,
        asked: Asked<'_>,
    ) -> Result<Judged, AppError> {
        let affected = self.affected(generation, placed, gates).await?;
        let (snapshot, tier) = (affected.snapshot(), affected.tier());
        let facts = std::sync::Arc::clone(&snapshot.facts);
        let authors = self.authors_of_all(asked.requester, &affected, asked.reviews)?;
        let lowered = match asked.before {
            Before::Known(gates) => Lowered::find(&generation.policy, gates, tier),
            Before::Unread => self.lowered(generation, placed, tier)?,
        };
        let (mut demands, checks) = demands(generation, gates, &affected)?;
        if let Some(lowered) = &lowered {
            demands = demands.into_iter().map(|d| lowered.demand(&generation.policy, d)).collect();
        }
        let target = Target { snapshot, action: &placed.action, tier: tier.known() };
        let Checked { runs, mut fresh } = self.run_checks(&checks, target).await?;
        let around = Circumstances { runs: &runs, reviews: asked.reviews, authors: &authors };
        let ruled_on = (&affected, &placed.action);
        let rule_runs = self.rule_on(generation, gates, ruled_on, around, &mut fresh).await?;
        let policy = generation.policy.digest().0;
        let facts_digest = snapshot.facts_digest()?;
        let (subject, now) = (&facts.version.subject, self.clock.now());
        let prior = prior(placed, &facts, (asked.prior, asked.going_back));
        let bound = demands.iter().any(|demand| demand.enforced && demand.applies).then_some(prior);
        // Whoever agreed before it was lowered has not agreed to that.
        let from = lowered.map(|lowered| TierFound::Known(lowered.from));
        let tiers: Vec<TierFound> = affected.tiers().cloned().chain(from).collect();
        let also = affected.also()?;
        let changed: Vec<Subject> = also.iter().map(|also| also.beside.subject.clone()).collect();
        let binding = decide::binding(placed, subject, policy, &tiers, (bound, &changed))?;
        let asks = demands.iter().any(|demand| demand.unresolved_blocks);
        let open_threads = if asks { self.open_threads(placed)? } else { 0 };
        let waivers = self.waivers_about(&generation.policy, subject)?;
        let broken = self.emergency_for(&generation.policy, placed)?;
        // An approval would hold whatever such files become. An emergency cannot wait for them.
        if broken.is_none() && placed.action.is_promotion() && demands.iter().any(|demand| demand.enforced) {
            snapshot.bytes_known()?;
        }
        let waiver_rule = generation.policy.waivers();
        let roster = self.people.roster(&generation.policy, now);
        let sat = sat(&roster, asked.reviews, (&waivers, broken.as_ref()));
        let exceptions = Exceptions { waivers: &waivers, waiver_rule, break_glass: broken.as_ref() };
        let decision = decide::decide(&Case {
            placed,
            binding,
            subject,
            policy,
            demands: &demands,
            check_runs: &runs,
            rule_runs: &rule_runs,
            reviews: asked.reviews,
            open_threads,
            roster: &roster,
            authors: &authors,
            exceptions,
            now,
        });
        let authors = decide::accountable(&authors, decision.gates(), &waivers);
        let break_glass = broken.filter(|_| overrides(&decision)).map(|broken| broken.id);
        let expires = gates.iter().filter_map(|matched| matched.gate.expires).min();
        Ok(Judged {
            facts,
            facts_digest,
            binding,
            policy,
            runs,
            authors,
            decision,
            fresh,
            prior,
            expires,
            break_glass,
            also,
            open_threads,
            sat,
        })
    }

    /// Whether a request for the same write, whatever became of it, was judged by a stricter tier.
    fn lowered(
        &self,
        generation: &Generation,
        placed: &Placed,
        tier: &TierFound,
    ) -> Result<Option<Lowered>, AppError> {
        let before = self.current_request(placed)?;
        Ok(before.and_then(|seen| Lowered::find(&generation.policy, &seen.value.gates, tier)))
    }

    /// The facts about what an action would promote: the version that it names, or the source that it registers.
    pub(super) async fn subject_facts(&self, placed: &Placed) -> Result<std::sync::Arc<Snapshot>, AppError> {
        let workspace = &placed.workspace;
        if let Action::RegisterVersion(registration) = &placed.action {
            return match registration.copied_from() {
                Some((model, version)) => Ok(self.registry.get(workspace, &model, version).await?),
                None => Ok(self.registry.of_source(workspace, registration).await?),
            };
        }
        match (placed.action.model(), placed.action.version()) {
            (Some(model), Some(version)) => Ok(self.registry.get(workspace, model, version).await?),
            _ => Err(AppError::Invalid("this action names no model version".to_owned())),
        }
    }
}

/// What the name holds; where the write was made already, what it held before that.
fn prior(placed: &Placed, facts: &Facts, (before, going_back): (Option<Prior>, bool)) -> Prior {
    let now = Prior::of(&placed.action, facts);
    before.filter(|_| going_back || now.is_done(&placed.action)).unwrap_or(now)
}

/// Where those sit who have spoken; nothing where nobody has.
fn sat(
    roster: &Roster,
    reviews: &[Review],
    (waivers, broken): (&[Waiver], Option<&BreakGlass>),
) -> Option<Roster> {
    let approved = waivers.iter().flat_map(|waiver| &waiver.approvals).map(|word| &word.by);
    let spoke: BTreeSet<&PersonId> = reviews
        .iter()
        .map(|review| &review.reviewer)
        .chain(approved)
        .chain(broken.map(|broken| &broken.by))
        .collect();
    (!spoke.is_empty()).then(|| roster.about(&spoke))
}

/// Whether a write is allowed that an enforced gate does not let through.
fn overrides(decision: &Decision) -> bool {
    let stands = |gate: &GateVerdict| gate.enforced && gate.verdict != Verdict::Satisfied;
    matches!(decision, Decision::Allow(..)) && decision.gates().iter().any(stands)
}

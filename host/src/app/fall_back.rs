//! Falling back: the approval of what holds an alias has run out, and the policy names another version. That one
//! goes the way of every governed write, with nobody's word for it but what was said about it before.
//!
//! choose ► judge ► permit ► intent ► carry out ► outcome, or an entry that says why it stays

use countersign_core::action::{Action, Placed};
use countersign_core::decide::Decision;
use countersign_core::digest::Digest;
use countersign_core::entry::{Entry, Intent, OutcomeResult};
use countersign_core::explain;
use countersign_core::names::{Alias, ModelName, Version};
use countersign_core::policy::{FallbackTo, GateMatch, Governance, Mode, OnExpiry};
use countersign_core::request::{Fallback, PromotionRequest};

use super::govern::outcome_of;
use super::judge::{Asked, Judged};
use super::records::{Seen, put_request};
use super::{App, AppError};
use crate::facts::FactsError;
use crate::mlflow::Canonical;
use crate::store::{Batch, keys};

/// What is to become of the alias.
enum Choice {
    Stays(String),
    Moves(Placed, Version, Box<Judged>),
}

impl App {
    /// Marks an approval that has just run out, where the policy in force names a fallback for its alias.
    pub(super) fn with_fallback(
        &self,
        expired: Seen<PromotionRequest>,
    ) -> Result<Seen<PromotionRequest>, AppError> {
        let generation = self.generation.load_full();
        let guarding = generation.policy.gates_for(&expired.value.placed.action);
        let named = guarding.iter().any(|gate| fallback(gate.mode, &gate.on_expiry).is_some());
        let is_alias = matches!(expired.value.placed.action, Action::SetAlias { .. });
        if named && is_alias {
            expired.try_map(|request| Ok(request.falling_back(Fallback::Due)))
        } else {
            Ok(expired)
        }
    }

    /// Moves the alias, or says why not. Whether anything was decided.
    pub(super) async fn fall_back(&self, seen: Seen<PromotionRequest>) -> Result<bool, AppError> {
        if let Some(Fallback::Moving { intent, to }) = seen.value.fallback.clone() {
            // It was announced before, by a process that ended, or MLflow did not answer: the sweeper finds out first.
            if self.store.get(&keys::open_intent(intent))?.is_some() {
                return Ok(false);
            }
            if self.has_moved(&seen.value, to).await? {
                return self.moved_to(seen, to).await;
            }
        }
        match self.choose(&seen.value).await? {
            Choice::Stays(reason) => self.stay(seen, reason).await,
            Choice::Moves(placed, to, judged) => self.move_to(seen, placed, to, *judged).await,
        }
    }

    async fn choose(&self, request: &PromotionRequest) -> Result<Choice, AppError> {
        let generation = self.generation.load_full();
        let Action::SetAlias { model, alias, version } = &request.placed.action else {
            return Ok(Choice::Stays("only an alias can fall back".to_owned()));
        };
        let holdings = self.holdings(&generation.policy, &request.placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&request.placed.action, &holdings) else {
            return Ok(Choice::Stays(format!("no gate guards alias `{alias}` any more")));
        };
        let Some(to) = named(&gates) else {
            return Ok(Choice::Stays("the policy in force names no fallback any more".to_owned()));
        };
        if !self.rests_on(request).await? {
            return Ok(Choice::Stays(format!("alias `{alias}` has moved on since")));
        }
        match self.version_of(request, model, to).await? {
            None => Ok(Choice::Stays(format!("{to} of {model} does not exist"))),
            Some(found) if found == *version => {
                Ok(Choice::Stays(format!("{to} is version {version} itself")))
            }
            Some(found) => self.judge_fallback(&generation, &gates, request, (model, alias, found)).await,
        }
    }

    async fn version_of(
        &self,
        request: &PromotionRequest,
        model: &ModelName,
        to: &FallbackTo,
    ) -> Result<Option<Version>, AppError> {
        let workspace = &request.placed.workspace;
        match to {
            FallbackTo::Version(version) => Ok(Some(*version)),
            FallbackTo::Alias(alias) => {
                match self.registry.client.version_by_alias(workspace, model, alias).await {
                    Err(error) if error.is_not_found() => Ok(None),
                    found => Ok(found?),
                }
            }
        }
    }

    /// It may take the place only where its own gate lets it, by what was said about it before.
    async fn judge_fallback(
        &self,
        generation: &super::Generation,
        gates: &[GateMatch<'_>],
        request: &PromotionRequest,
        (model, alias, version): (&ModelName, &Alias, Version),
    ) -> Result<Choice, AppError> {
        let action = Action::SetAlias { model: model.clone(), alias: alias.clone(), version };
        let placed = Placed { workspace: request.placed.workspace.clone(), action };
        let earlier = self.earlier(&placed)?;
        self.registry.look_again(&placed);
        let (requester, reviews, prior) = (earlier.requester(), earlier.reviews(), earlier.prior());
        let asked = Asked { requester, reviews: &reviews, prior, going_back: true };
        let judged = match self.judge(generation, gates, &placed, asked).await {
            Err(AppError::Facts(FactsError::NotFound { .. })) => {
                return Ok(Choice::Stays(format!("version {version} of {model} does not exist")));
            }
            judged => judged?,
        };
        let refused = earlier.rejects(judged.binding).is_some();
        if refused || !matches!(judged.decision, Decision::Allow(..)) {
            let missing = explain::headline(judged.decision.gates(), &|_| Vec::new());
            let why = if refused { "it was rejected".to_owned() } else { missing };
            return Ok(Choice::Stays(format!("version {version} is not allowed to take its place. {why}")));
        }
        Ok(Choice::Moves(placed, version, Box::new(judged)))
    }

    async fn move_to(
        &self,
        seen: Seen<PromotionRequest>,
        placed: Placed,
        to: Version,
        mut judged: Judged,
    ) -> Result<bool, AppError> {
        let odd = || AppError::Invalid("only an alias can fall back".to_owned());
        let canonical = Canonical::of_action(&placed).ok_or_else(odd)?;
        let intent = Intent {
            id: self.clock.new_id()?,
            request: self.earlier(&placed)?.id(),
            placed: placed.clone(),
            subject: Some(judged.facts.version.subject.clone()),
            binding: judged.binding,
            policy: judged.policy,
            by: None,
            gates: judged.decision.gates().to_vec(),
            authors: judged.authors.clone(),
            body: Digest::of(&canonical.body),
            break_glass: judged.break_glass,
        };
        let request = seen.value.id;
        let decided = Entry::FallingBack { request, placed: placed.clone(), intent: intent.id };
        judged.fresh.entries.push(decided);
        let moving = Fallback::Moving { intent: intent.id, to };
        let seen = seen.try_map(|request| Ok(request.falling_back(moving)))?;
        // Of two that move it at once, one finds that the other was first.
        let (permit, index, seen) = self.announce(judged, &intent, Some(seen)).await?;
        crash_point!(FallBackAnnounced);
        tracing::warn!(request.id = %request, fallback.version = %to, "an approval has run out: its alias falls back");
        let answered = self.proxy.carry_out_ourselves(permit, canonical, &placed.workspace).await;
        crash_point!(FallBackForwarded);
        let result = outcome_of(&answered);
        match &result {
            OutcomeResult::Applied => self.registry.made(&placed),
            _ => self.registry.touch(&placed),
        }
        self.conclude(&intent, index, self.approved_request(&intent)?, &result).await;
        crash_point!(FallBackConcluded);
        self.metrics.approval_ending("falling-back");
        match (result, seen) {
            (OutcomeResult::Applied, Some(seen)) => self.moved_to(seen, to).await,
            (OutcomeResult::Refused { status, message }, Some(seen)) => {
                self.stay(seen, format!("MLflow did not make the change ({status}: {message})")).await
            }
            _ => Ok(true),
        }
    }

    /// Whether MLflow has made what was announced. Where it has not, it is decided anew.
    async fn has_moved(&self, request: &PromotionRequest, to: Version) -> Result<bool, AppError> {
        let mut placed = request.placed.clone();
        if let Action::SetAlias { version, .. } = &mut placed.action {
            *version = to;
        }
        self.shows(&placed).await
    }

    async fn moved_to(&self, seen: Seen<PromotionRequest>, to: Version) -> Result<bool, AppError> {
        let seen = seen.try_map(|request| Ok(request.falling_back(Fallback::Moved { to })))?;
        self.store.commit(put_request(Batch::new(), &seen)?).await?;
        crash_point!(FallBackMoved);
        Ok(true)
    }

    async fn stay(&self, seen: Seen<PromotionRequest>, reason: String) -> Result<bool, AppError> {
        let request = seen.value.id;
        tracing::warn!(request.id = %request, reason, "an approval has run out, and its alias stays");
        let stayed = Fallback::Stayed { reason: reason.clone() };
        let seen = seen.try_map(|request| Ok(request.falling_back(stayed)))?;
        self.record(&[Entry::NotFallenBack { request, reason }], put_request(Batch::new(), &seen)?).await?;
        self.metrics.approval_ending("not-fallen-back");
        Ok(true)
    }
}

fn named<'p>(gates: &[GateMatch<'p>]) -> Option<&'p FallbackTo> {
    gates.iter().find_map(|matched| fallback(matched.gate.mode, &matched.gate.on_expiry))
}

/// A gate that only monitors moves nothing.
fn fallback(mode: Mode, on_expiry: &OnExpiry) -> Option<&FallbackTo> {
    match on_expiry {
        OnExpiry::Fallback(to) if mode == Mode::Enforce => Some(to),
        _ => None,
    }
}

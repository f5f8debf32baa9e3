//! Falling back: the approval of what holds an alias or a stage has run out, and the policy names another version. That
//! one goes the way of every governed write, with nobody's word for it but what was said about it before. Where the
//! policy names a stage, the version leaves for it, which gives nothing to anybody.
//!
//! choose ► judge ► permit ► intent ► carry out ► outcome, or an entry that says why it stays

use bytes::Bytes;
use countersign_core::action::{Action, Placed};
use countersign_core::decide::{self, Decision};
use countersign_core::digest::Digest;
use countersign_core::entry::{Entry, Intent, OutcomeResult};
use countersign_core::explain;
use countersign_core::names::{ModelName, Stage, Version};
use countersign_core::policy::{FallbackTo, GateMatch, Governance, Mode, OnExpiry};
use countersign_core::request::{Fallback, Prior, PromotionRequest};
use http::Response;

use super::govern::outcome_of;
use super::judge::{Asked, Judged};
use super::records::{Seen, put_request};
use super::{App, AppError};
use crate::facts::FactsError;
use crate::mlflow::{Canonical, UpstreamError};
use crate::store::{Batch, keys};

/// What is to become of the name.
enum Choice {
    Stays(String),
    Moves(Placed, Version, Box<Judged>),
    Leaves(Stage),
}

impl App {
    /// Marks an approval that has just run out, where the policy in force names a fallback for its alias.
    pub(super) fn with_fallback(
        &self,
        expired: Seen<PromotionRequest>,
    ) -> Result<Seen<PromotionRequest>, AppError> {
        let generation = self.generation.load_full();
        let guarding = generation.policy.gates_for(&expired.value.placed.action);
        let action = &expired.value.placed.action;
        if guarding.iter().any(|gate| fallback(gate.mode, &gate.on_expiry, action).is_some()) {
            expired.try_map(|request| Ok(request.falling_back(Fallback::Due)))
        } else {
            Ok(expired)
        }
    }

    /// Moves the alias or the stage, or says why not. Whether anything was decided.
    pub(super) async fn fall_back(&self, seen: Seen<PromotionRequest>) -> Result<bool, AppError> {
        if let Some(Fallback::Moving { intent, to, leaves_for }) = seen.value.fallback.clone() {
            // It was announced before, by a process that ended, or MLflow did not answer: the sweeper finds out first.
            if self.store.get(&keys::open_intent(intent))?.is_some() {
                return Ok(false);
            }
            if self.has_moved(&seen.value, (to, leaves_for)).await? {
                return self.moved_to(seen, (to, leaves_for)).await;
            }
        }
        match self.choose(&seen.value).await? {
            Choice::Stays(reason) => self.stay(seen, reason).await,
            Choice::Moves(placed, to, judged) => Box::pin(self.move_to(seen, placed, to, *judged)).await,
            Choice::Leaves(stage) => Box::pin(self.leave_for(seen, stage)).await,
        }
    }

    async fn choose(&self, request: &PromotionRequest) -> Result<Choice, AppError> {
        let generation = self.generation.load_full();
        let action = &request.placed.action;
        let (Some(model), Some(version), Some(name)) = (action.model(), action.version(), name(action))
        else {
            return Ok(Choice::Stays("only an alias or a stage can fall back".to_owned()));
        };
        let holdings = self.holdings(&generation.policy, &request.placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&request.placed.action, &holdings) else {
            return Ok(Choice::Stays(format!("no gate guards {name} any more")));
        };
        let Some(to) = named(&gates, action) else {
            return Ok(Choice::Stays("the policy in force names no fallback any more".to_owned()));
        };
        if !self.rests_on(request).await? {
            return Ok(Choice::Stays(format!("{name} has moved on since")));
        }
        if let FallbackTo::Stage(stage) = to {
            return Ok(Choice::Leaves(*stage));
        }
        match self.version_of(request, model, to).await? {
            None => Ok(Choice::Stays(format!("{to} of {model} does not exist"))),
            Some(found) if found == version => Ok(Choice::Stays(format!("{to} is version {version} itself"))),
            Some(found) => self.judge_fallback(&generation, &gates, request, (model, found)).await,
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
            FallbackTo::Stage(_) => Ok(None),
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
        (model, version): (&ModelName, Version),
    ) -> Result<Choice, AppError> {
        let action = taking(&request.placed.action, version);
        let placed = Placed { workspace: request.placed.workspace.clone(), action };
        let earlier = self.earlier(&placed)?;
        self.registry.look_again(&placed);
        let (requester, reviews, prior) = (earlier.requester(), earlier.reviews(), earlier.prior());
        let asked = Asked { requester, reviews: &reviews, prior, going_back: true, ..Asked::default() };
        let judged = match self.judge(generation, gates, &placed, asked).await {
            Err(AppError::Facts(FactsError::NotFound { .. })) => {
                return Ok(Choice::Stays(format!("version {version} of {model} does not exist")));
            }
            judged => judged?,
        };
        let held = Prior::of(&request.placed.action, &judged.facts);
        if !held.is_done(&request.placed.action) {
            return Ok(Choice::Stays(format!("{held} has been promoted beside it since")));
        }
        let standing = earlier.stands_against(&judged).map(|request| request.state.as_str());
        if standing.is_some() || !matches!(judged.decision, Decision::Allow(..)) {
            let missing = explain::headline(judged.decision.gates(), &|_| Vec::new());
            let why = standing.map_or(missing, |state| format!("it was {state}"));
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
        let odd = || AppError::Invalid("only an alias or a stage can fall back".to_owned());
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
            in_window: false,
            also: judged.also(),
            basis: Some(Box::new(judged.basis())),
        };
        let request = seen.value.id;
        let decided = Entry::FallingBack { request, placed: placed.clone(), intent: intent.id };
        judged.fresh.entries.push(decided);
        let moving = Fallback::Moving { intent: intent.id, to, leaves_for: None };
        let seen = seen.try_map(|request| Ok(request.falling_back(moving)))?;
        // Of two that move it at once, one finds that the other was first.
        let (permit, index, seen) = self.announce(judged, &intent, Some(seen)).await?;
        crash_point!(FallBackAnnounced);
        tracing::warn!(request.id = %request, fallback.version = %to, "an approval has run out: its name falls back");
        let answered = self.proxy.carry_out_ourselves(permit, canonical, &placed.workspace).await;
        crash_point!(FallBackForwarded);
        self.made(answered, (&intent, index), seen, (to, None)).await
    }

    /// The version leaves its stage. Nothing is judged: it loses what nobody stands behind any more.
    async fn leave_for(&self, seen: Seen<PromotionRequest>, stage: Stage) -> Result<bool, AppError> {
        let odd = || AppError::Invalid("only an expired approval of a stage is given up".to_owned());
        let policy = self.generation.load().policy.digest().0;
        let (placed, permit) = decide::give_up(&seen.value, stage, policy).ok_or_else(odd)?;
        let canonical = Canonical::of_action(&placed).ok_or_else(odd)?;
        let to = seen.value.subject.version;
        let intent = Intent {
            id: self.clock.new_id()?,
            request: Some(seen.value.id),
            placed: placed.clone(),
            subject: Some(seen.value.subject.clone()),
            binding: seen.value.binding,
            policy,
            by: None,
            gates: Vec::new(),
            authors: seen.value.authors.clone(),
            body: Digest::of(&canonical.body),
            break_glass: None,
            in_window: false,
            also: Vec::new(),
            basis: None,
        };
        let decided = Entry::FallingBack { request: seen.value.id, placed, intent: intent.id };
        let moving = Fallback::Moving { intent: intent.id, to, leaves_for: Some(stage) };
        let seen = seen.try_map(|request| Ok(request.falling_back(moving)))?;
        let index = self.record_intent(vec![decided], &intent, put_request(Batch::new(), &seen)?).await?;
        crash_point!(FallBackAnnounced);
        tracing::warn!(request.id = %seen.value.id, "an approval has run out: its version leaves its stage");
        let seen = Some(seen.written()?);
        let answered = self.proxy.carry_out_ourselves(permit, canonical, &intent.placed.workspace).await;
        crash_point!(FallBackForwarded);
        self.made(answered, (&intent, index), seen, (to, Some(stage))).await
    }

    /// What came of it.
    async fn made(
        &self,
        answered: Result<Response<Bytes>, UpstreamError>,
        (intent, index): (&Intent, u64),
        seen: Option<Seen<PromotionRequest>>,
        to: (Version, Option<Stage>),
    ) -> Result<bool, AppError> {
        let placed = &intent.placed;
        let result = outcome_of(&answered);
        match &result {
            OutcomeResult::Applied => self.registry.made(placed),
            _ => self.registry.touch(placed),
        }
        self.conclude(intent, index, self.approved_request(intent)?, &result).await;
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
    async fn has_moved(
        &self,
        request: &PromotionRequest,
        (to, leaves_for): (Version, Option<Stage>),
    ) -> Result<bool, AppError> {
        let mut action = taking(&request.placed.action, to);
        if let (Action::TransitionStage { stage, .. }, Some(left)) = (&mut action, leaves_for) {
            *stage = left;
        }
        self.shows(&Placed { workspace: request.placed.workspace.clone(), action }).await
    }

    async fn moved_to(
        &self,
        seen: Seen<PromotionRequest>,
        (to, leaves_for): (Version, Option<Stage>),
    ) -> Result<bool, AppError> {
        let seen = seen.try_map(|request| Ok(request.falling_back(Fallback::Moved { to, leaves_for })))?;
        self.store.commit(put_request(Batch::new(), &seen)?).await?;
        crash_point!(FallBackMoved);
        Ok(true)
    }

    async fn stay(&self, seen: Seen<PromotionRequest>, reason: String) -> Result<bool, AppError> {
        let request = seen.value.id;
        tracing::warn!(request.id = %request, reason, "an approval has run out, and its name stays");
        let stayed = Fallback::Stayed { reason: reason.clone() };
        let seen = seen.try_map(|request| Ok(request.falling_back(stayed)))?;
        self.record(&[Entry::NotFallenBack { request, reason }], put_request(Batch::new(), &seen)?).await?;
        self.metrics.approval_ending("not-fallen-back");
        Ok(true)
    }
}

fn named<'p>(gates: &[GateMatch<'p>], action: &Action) -> Option<&'p FallbackTo> {
    gates.iter().find_map(|matched| fallback(matched.gate.mode, &matched.gate.on_expiry, action))
}

/// A gate that only monitors moves nothing, and an alias cannot leave for a stage.
fn fallback<'p>(mode: Mode, on_expiry: &'p OnExpiry, action: &Action) -> Option<&'p FallbackTo> {
    match (on_expiry, action) {
        _ if mode != Mode::Enforce => None,
        (OnExpiry::Fallback(to @ FallbackTo::Stage(_)), Action::TransitionStage { .. })
        | (
            OnExpiry::Fallback(to @ (FallbackTo::Version(_) | FallbackTo::Alias(_))),
            Action::SetAlias { .. } | Action::TransitionStage { .. },
        ) => Some(to),
        _ => None,
    }
}

/// What an approval gave a version, in words.
fn name(action: &Action) -> Option<String> {
    match action {
        Action::SetAlias { alias, .. } => Some(format!("alias `{alias}`")),
        Action::TransitionStage { stage, .. } => Some(format!("stage `{stage}`")),
        _ => None,
    }
}

/// The same for another version, which takes the place of the one that is there.
fn taking(action: &Action, version: Version) -> Action {
    match action.clone() {
        Action::SetAlias { model, alias, .. } => Action::SetAlias { model, alias, version },
        Action::TransitionStage { model, stage, .. } => {
            Action::TransitionStage { model, version, stage, archive_existing: true }
        }
        other => other,
    }
}

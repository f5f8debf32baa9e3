//! Applying: Countersign makes an approved write itself, through the same pipe as everybody else's.
//!
//! judge again ► compare what the name holds ► permit ► intent ► carry out ► outcome

use countersign_core::action::Placed;
use countersign_core::decide::Decision;
use countersign_core::digest::Digest;
use countersign_core::entry::{Intent, OutcomeResult};
use countersign_core::explain;
use countersign_core::names::PersonId;
use countersign_core::policy::Governance;
use countersign_core::request::{Prior, PromotionRequest, RequestId, State};

use super::govern::outcome_of;
use super::judge::{Asked, Judged};
use super::records::Seen;
use super::review::{must_be_live, seats_asked, signed_in};
use super::{App, AppError};
use crate::auth::{Caller, Identity};
use crate::mlflow::Canonical;

impl App {
    /// Makes the write of an approved request, as its requester or one of those who sign it asks.
    ///
    /// # Errors
    /// `Conflict` when it is not approved, what the name holds has moved since it was reviewed, or somebody else is
    /// applying it; MLflow's own answer when MLflow does not make it. None of that reads as applied.
    pub async fn apply(&self, caller: &Caller, id: RequestId) -> Result<PromotionRequest, AppError> {
        let identity = signed_in(caller, "a change needs a name under it")?;
        let seen = self.load_request(id)?;
        must_be_live(&seen.value)?;
        if !self.may_apply(identity, &seen.value) {
            let who = "only who asked for a promotion, or signs in one of its seats, can apply it";
            return Err(AppError::Forbidden(who.to_owned()));
        }
        Box::pin(self.apply_for(Some(identity.person.clone()), seen)).await
    }

    /// Whether Countersign can make such a write itself.
    #[must_use]
    pub fn applies(placed: &Placed) -> bool {
        Canonical::of_action(placed).is_some()
    }

    /// Whether somebody may apply a request, once nothing is missing.
    #[must_use]
    pub fn may_apply(&self, identity: &Identity, request: &PromotionRequest) -> bool {
        let policy = &self.generation.load().policy;
        let (theirs, asked) =
            (self.people.seats_of(policy, identity, self.clock.now()), seats_asked(request));
        request.authors.requester.as_ref() == Some(&identity.person)
            || theirs.iter().any(|seat| asked.contains(seat))
    }

    /// Makes the write where the policy says `on_approval = "apply"` and nothing is missing. The vote that made it
    /// so is recorded whatever becomes of the write.
    pub(super) async fn apply_where_due(
        &self,
        request: PromotionRequest,
    ) -> Result<PromotionRequest, AppError> {
        if !is_due(&request) {
            return Ok(request);
        }
        let seen = self.load_request(request.id)?;
        if let Err(error) = Box::pin(self.apply_for(None, seen)).await {
            tracing::warn!(%error, request.id = %request.id, "approved, and not applied");
        }
        self.request(request.id)
    }

    async fn apply_for(
        &self,
        by: Option<PersonId>,
        seen: Seen<PromotionRequest>,
    ) -> Result<PromotionRequest, AppError> {
        let (id, placed) = (seen.value.id, seen.value.placed.clone());
        let canonical = Canonical::of_action(&placed).ok_or_else(|| {
            let what = explain::action_phrase(&placed.action);
            AppError::Invalid(format!("Countersign cannot {what} itself: its requester repeats the call"))
        })?;
        let judged = self.judge_to_apply(&seen.value).await?;
        let intent = Intent {
            id: self.clock.new_id()?,
            request: Some(id),
            placed: placed.clone(),
            subject: Some(judged.facts.version.subject.clone()),
            binding: judged.binding,
            policy: judged.policy,
            by,
            gates: judged.decision.gates().to_vec(),
            authors: judged.authors.clone(),
            body: Digest::of(&canonical.body),
            break_glass: judged.break_glass,
            in_window: false,
            also: judged.also(),
            basis: Some(Box::new(judged.basis())),
        };
        let (found, now) = (judged.judgement(), self.clock.now());
        let seen = seen.try_map(|request| Ok(request.judged(found, now)?.applying(intent.id, now)?))?;
        // Whoever comes second finds the request changed, and nothing is sent.
        let (permit, index, request) = self.announce(judged, &intent, Some(seen)).await.map_err(raced)?;
        crash_point!(ApplyAnnounced);
        let answered = self.proxy.carry_out_ourselves(permit, canonical, &placed.workspace).await;
        crash_point!(ApplyForwarded);
        let result = outcome_of(&answered);
        match &result {
            OutcomeResult::Applied => self.registry.made(&placed),
            _ => self.registry.touch(&placed),
        }
        self.conclude(&intent, index, request, &result).await;
        crash_point!(ApplyConcluded);
        match result {
            OutcomeResult::Refused { status, message } => Err(AppError::Conflict(format!(
                "MLflow did not make the change ({status}: {message}): the approval stands, apply it again"
            ))),
            _ => answered.map_err(AppError::from).and_then(|_| self.request(id)),
        }
    }

    /// What was approved, as it is at this moment, if it still is what was approved.
    async fn judge_to_apply(&self, request: &PromotionRequest) -> Result<Judged, AppError> {
        let generation = self.generation.load_full();
        let placed = &request.placed;
        let holdings = self.holdings(&generation.policy, placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&placed.action, &holdings) else {
            let why = "the policy in force no longer guards this write: make the call again";
            return Err(AppError::Conflict(why.to_owned()));
        };
        self.registry.look_again(placed);
        let requester = request.authors.requester.clone();
        let asked = Asked { requester, reviews: &request.reviews, ..Asked::default() };
        let judged = Box::pin(self.judge(&generation, &gates, placed, asked)).await?;
        if request.prior != Prior::NotKnown && judged.prior != request.prior {
            let name = placed.action.target().unwrap_or("it");
            return Err(AppError::Conflict(format!(
                "`{name}` held {} when this was reviewed, and holds {} now: look at it again and renew the request",
                request.prior, judged.prior
            )));
        }
        if !matches!(judged.decision, Decision::Allow(..)) {
            let missing = explain::headline(judged.decision.gates(), &|_| Vec::new());
            return Err(AppError::Conflict(format!("this cannot be applied yet. {missing}")));
        }
        Ok(judged)
    }
}

fn is_due(request: &PromotionRequest) -> bool {
    let mut enforced = request.gates.iter().filter(|gate| gate.enforced).peekable();
    let asked = enforced.peek().is_some() && enforced.all(|gate| gate.applies);
    asked && matches!(request.state, State::Approved { .. }) && App::applies(&request.placed)
}

fn raced(error: AppError) -> AppError {
    match error {
        AppError::Conflict(_) => {
            let why = "somebody else is applying this, or has changed it, at this moment: look at it again";
            AppError::Conflict(why.to_owned())
        }
        other => other,
    }
}

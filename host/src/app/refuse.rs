//! Refusals: what a caller is told whose write was not made, and the entry that says so.

use countersign_core::action::Placed;
use countersign_core::digest::Digest;
use countersign_core::entry::{Basis, Entry};
use countersign_core::explain;
use countersign_core::policy::{Governance, Mode};
use countersign_core::request::{PromotionRequest, RequestId};
use serde::Serialize;

use super::govern::{Answer, Call};
use super::judge::{Asked, Before, Judged};
use super::records::{Earlier, Seen, point_to_request, put_request};
use super::{App, AppError, Generation};
use crate::auth::Caller;
use crate::store::Batch;

/// Why a write was not made, for people and for machines.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// One paragraph.
    #[serde(skip)]
    pub message: String,
    /// `hold` or `deny`.
    pub decision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What approvals bind to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_digest: Option<Digest>,
    pub gates: Vec<countersign_core::decide::GateVerdict>,
}

impl App {
    /// Opens a request for a write that is not let through, or brings the one that there is up to date.
    pub(super) async fn hold(
        &self,
        generation: &Generation,
        (caller, placed): (&Caller, Placed),
        judged: Judged,
        earlier: Earlier,
    ) -> Result<Answer, AppError> {
        let decision = judged.decision.as_str().to_owned();
        let request = self.keep_request(caller, placed, judged, earlier, &decision).await?;
        let members = self.people.signers(&generation.policy, &request.authors, self.clock.now());
        let of_seat = |seat: &countersign_core::names::Seat| members.get(seat).cloned().unwrap_or_default();
        let url = self.request_url(request.id);
        let asked = explain::touching_phrase(&request.placed.action, &request.subject, &request.also);
        let mut message = explain::refusal(&asked, &request.gates, &request.check_runs, &of_seat, &url);
        if let Some(drift) = self.stale_before(&request.placed)? {
            message = format!("{message}. The approval that it had is stale: {drift}");
        }
        let refusal = Refusal {
            message,
            decision,
            request_id: Some(request.id),
            url: Some(url),
            subject_digest: Some(request.binding),
            gates: request.gates,
        };
        Ok(Answer::Refused(Box::new(refusal)))
    }

    /// Two callers may open at once: whoever comes second finds the first one's request.
    pub(super) async fn keep_request(
        &self,
        caller: &Caller,
        placed: Placed,
        mut judged: Judged,
        earlier: Earlier,
        decision: &str,
    ) -> Result<PromotionRequest, AppError> {
        judged.keep_all_facts()?;
        let now = self.clock.now();
        let (before, found) = (earlier.id(), judged.judgement());
        let (authors, policy) = (Some(judged.authors.clone()), Some(judged.policy));
        let basis = Basis { authors, policy, ..judged.basis() };
        let (mut entries, mut batch) = judged.fresh.put(self, Batch::new())?;
        let seen = match earlier {
            Earlier::Live(seen) => {
                let was = seen.value.binding;
                let seen = (*seen).try_map(|request| Ok(request.judged(found, now)?))?;
                let (request, is) = (seen.value.id, seen.value.binding);
                if was != is {
                    entries.push(Entry::Stale { request, was, is });
                }
                seen
            }
            _ => {
                let id = RequestId(self.clock.new_id()?);
                let request = PromotionRequest::open(id, now, placed.clone(), found).after(before);
                batch = point_to_request(batch, &request, before)?;
                entries.push(opened(&request));
                Seen::fresh(request)
            }
        };
        batch = put_request(batch, &seen)?;
        if decision != "allow" {
            entries.push(refused_entry(
                caller,
                &placed,
                Some(&seen.value),
                (decision, ""),
                Some(Box::new(basis)),
            ));
        }
        match self.record(&entries, batch).await {
            Err(AppError::Conflict(error)) => {
                self.current_request(&placed)?.map(|seen| seen.value).ok_or(AppError::Conflict(error))
            }
            recorded => {
                recorded?;
                crash_point!(RequestKept);
                Ok(seen.value)
            }
        }
    }

    /// Opens a request without making the write: for those who ask before they act.
    ///
    /// # Errors
    /// `Invalid` for an action that no gate guards.
    pub async fn open(&self, caller: &Caller, placed: Placed) -> Result<PromotionRequest, AppError> {
        let placed = placed.asked();
        let identity = super::review::signed_in(caller, "a request needs a name under it")?;
        let generation = self.generation.load_full();
        let holdings = self.holdings(&generation.policy, &placed).await;
        let governance = generation.policy.governs(&placed.action, &holdings);
        let Governance::Gates(gates) = &governance else {
            return Err(AppError::Invalid(format!("no request is needed or possible: {governance}")));
        };
        let earlier = self.earlier(&placed)?;
        let requester = earlier.requester().or_else(|| Some(identity.person.clone()));
        let (reviews, prior) = (earlier.reviews(), earlier.prior());
        let before = Before::Known(earlier.gates());
        let asked = Asked { requester, reviews: &reviews, prior, before, ..Asked::default() };
        let judged = Box::pin(self.judge(&generation, gates, &placed, asked)).await?;
        if let Some(standing) = earlier.stands_against(&judged) {
            return Ok(standing.clone());
        }
        let decision = judged.decision.as_str();
        self.keep_request(caller, placed, judged, earlier, decision).await
    }

    /// Asks for the same write once more, with nothing signed yet. Where somebody has asked already, that is it.
    pub(super) async fn open_again(
        &self,
        caller: &Caller,
        placed: Placed,
    ) -> Result<PromotionRequest, AppError> {
        let identity = super::review::signed_in(caller, "a request needs a name under it")?;
        let generation = self.generation.load_full();
        let holdings = self.holdings(&generation.policy, &placed).await;
        let governance = generation.policy.governs(&placed.action, &holdings);
        let Governance::Gates(gates) = &governance else {
            return Err(AppError::Invalid(format!("no request is needed or possible: {governance}")));
        };
        let earlier = self.earlier(&placed)?;
        if let Earlier::Live(seen) = earlier {
            return Ok(seen.value);
        }
        self.registry.look_again(&placed);
        let requester = Some(identity.person.clone());
        let asked = Asked { requester, ..Asked::default() };
        let judged = Box::pin(self.judge(&generation, gates, &placed, asked)).await?;
        if let Some(standing) = earlier.stands_against(&judged) {
            return Ok(standing.clone());
        }
        let decision = judged.decision.as_str();
        self.keep_request(caller, placed, judged, earlier, decision).await
    }

    /// A change that no workflow allows yet.
    pub(super) async fn refuse_outright(&self, reason: &str, call: &Call) -> Result<Answer, AppError> {
        let action = &call.classified.placed.action;
        let message = format!("\"{}\" was refused: {reason}", explain::action_phrase(action));
        self.metrics.decision(action.kind(), "deny", Mode::Enforce);
        tracing::info!(
            action.kind = action.kind(),
            model.name = action.model().map(tracing::field::display),
            decision = "deny",
            "protected write refused"
        );
        let entry = refused_entry(&call.caller, &call.classified.placed, None, ("deny", reason), None);
        self.record(std::slice::from_ref(&entry), Batch::new()).await?;
        let refusal = Refusal {
            message,
            decision: "deny".to_owned(),
            request_id: None,
            url: None,
            subject_digest: None,
            gates: Vec::new(),
        };
        Ok(Answer::Refused(Box::new(refusal)))
    }

    /// The same thing was rejected before, or its approval was taken back.
    pub(super) async fn refuse_standing(
        &self,
        call: &Call,
        rejected: &PromotionRequest,
    ) -> Result<Answer, AppError> {
        let url = self.request_url(rejected.id);
        let action = &rejected.placed.action;
        let why = explain::stands_against(&rejected.state);
        let message = format!("\"{}\" was refused: {why} {url}", explain::action_phrase(action));
        let entry = refused_entry(
            &call.caller,
            &call.classified.placed,
            Some(rejected),
            ("deny", &format!("{} before", rejected.state.as_str())),
            None,
        );
        self.record(std::slice::from_ref(&entry), Batch::new()).await?;
        let refusal = Refusal {
            message,
            decision: "deny".to_owned(),
            request_id: Some(rejected.id),
            url: Some(url),
            subject_digest: Some(rejected.binding),
            gates: rejected.gates.clone(),
        };
        Ok(Answer::Refused(Box::new(refusal)))
    }
}

fn refused_entry(
    caller: &Caller,
    placed: &Placed,
    request: Option<&PromotionRequest>,
    (decision, reason): (&str, &str),
    basis: Option<Box<Basis>>,
) -> Entry {
    Entry::Refused {
        request: request.map(|request| request.id),
        placed: placed.clone(),
        by: caller.identity().map(|identity| identity.person.clone()),
        decision: decision.to_owned(),
        gates: request.map(|request| request.gates.clone()).unwrap_or_default(),
        reason: reason.to_owned(),
        basis,
    }
}

pub(super) fn opened(request: &PromotionRequest) -> Entry {
    Entry::RequestOpened {
        request: request.id,
        placed: request.placed.clone(),
        subject: request.subject.clone(),
        binding: request.binding,
        policy: request.policy,
        facts: request.facts,
        authors: request.authors.clone(),
        previous: request.previous,
    }
}

//! Reviews: a person says yes, no or something, about exactly what they saw.

use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::names::Seat;
use countersign_core::policy::Governance;
use countersign_core::request::{PromotionRequest, RequestId};
use countersign_core::review::{Review, Vote, may_fill};

use super::judge::Asked;
use super::records::{Seen, put_request};
use super::{App, AppError, Generation};
use crate::auth::{Caller, Identity, Proof};
use crate::store::Batch;

/// A review as it is handed in.
#[derive(Debug, Clone)]
pub struct NewReview {
    pub vote: Vote,
    /// Needed only where the reviewer has more than one.
    pub seat: Option<Seat>,
    pub rationale: String,
    /// What the reviewer saw.
    pub subject_digest: Digest,
}

impl App {
    /// Takes a review and judges the request again.
    ///
    /// # Errors
    /// `Forbidden` for those who may not sign (which is recorded), `Conflict` when the subject is no longer what
    /// the reviewer saw.
    pub async fn review(
        &self,
        caller: &Caller,
        id: RequestId,
        new: NewReview,
    ) -> Result<PromotionRequest, AppError> {
        self.sign(caller, id, new, Proof::None).await
    }

    /// As [`App::review`], with a proof of who signs, for tiers that ask for one.
    ///
    /// # Errors
    /// As [`App::review`]; `Forbidden` also when a proof is asked for and does not hold.
    pub async fn sign(
        &self,
        caller: &Caller,
        id: RequestId,
        new: NewReview,
        proof: Proof,
    ) -> Result<PromotionRequest, AppError> {
        let identity = signed_in(caller, "a review needs a name under it")?;
        let generation = self.generation.load_full();
        let seen = self.load_request(id)?;
        must_be_live(&seen.value)?;
        if new.rationale.trim().is_empty() {
            return Err(AppError::Invalid("a review needs a rationale: say why, in a sentence".to_owned()));
        }
        let seat = self.seat_for(&generation, identity, &seen.value, &new).await?;
        let request = self.freshen(&generation, seen).await?;
        if request.value.binding != new.subject_digest {
            return Err(AppError::Conflict(format!(
                "what you looked at has changed since: it was {}, it is {} now. Look at the request again, then vote",
                new.subject_digest.short(),
                request.value.binding.short()
            )));
        }
        let at = self.clock.now();
        let policy = &generation.policy;
        let signature = self.signature(policy, &request.value, identity, new.vote, proof, at).await?;
        let review = Review {
            id: self.clock.new_id()?,
            reviewer: identity.person.clone(),
            seat,
            vote: new.vote,
            rationale: new.rationale.trim().to_owned(),
            at,
            binding: new.subject_digest,
            signature,
        };
        self.take(&generation, request, review).await
    }

    /// Ends a request that its own requester no longer wants.
    ///
    /// # Errors
    /// `Forbidden` for anybody else.
    pub async fn withdraw(&self, caller: &Caller, id: RequestId) -> Result<PromotionRequest, AppError> {
        let identity = signed_in(caller, "only the requester can withdraw")?;
        let seen = self.load_request(id)?;
        if seen.value.authors.requester.as_ref() != Some(&identity.person) {
            return Err(AppError::Forbidden("only who asked for a promotion can withdraw it".to_owned()));
        }
        let (by, now) = (identity.person.clone(), self.clock.now());
        let seen = seen.try_map(|request| Ok(request.withdrawn(by.clone(), now)?))?;
        let batch = put_request(Batch::new(), &seen)?;
        self.record(&[Entry::Withdrawn { request: id, by }], batch).await?;
        Ok(seen.value)
    }

    /// Judges a live request again, by the registry and the policy of this moment, and keeps what was found.
    /// One click to renew a stale one.
    ///
    /// # Errors
    /// When the facts cannot be read.
    pub async fn renew(&self, id: RequestId) -> Result<PromotionRequest, AppError> {
        let generation = self.generation.load_full();
        let seen = self.load_request(id)?;
        must_be_live(&seen.value)?;
        Ok(self.freshen(&generation, seen).await?.value)
    }

    /// A comment needs no seat; a vote needs one that this person may fill.
    async fn seat_for(
        &self,
        generation: &Generation,
        identity: &Identity,
        request: &PromotionRequest,
        new: &NewReview,
    ) -> Result<Option<Seat>, AppError> {
        if new.vote == Vote::Comment {
            return Ok(None);
        }
        let refused = match choose_seat(self.people.seats_of(&generation.policy, identity), request, new) {
            Ok(seat) => {
                let roster = self.people.roster(&generation.policy);
                match may_fill(&identity.person, &seat, &roster, &request.authors) {
                    Ok(()) => return Ok(Some(seat)),
                    Err(barred) => format!("{} cannot fill seat {seat}: {barred}", identity.name),
                }
            }
            Err(reason) => format!("{} cannot sign: {reason}", identity.name),
        };
        let (by, reason) = (identity.person.clone(), refused.clone());
        self.record(&[Entry::ReviewRefused { request: request.id, by, reason }], Batch::new()).await?;
        Err(AppError::Forbidden(format!("{refused}. Somebody else of that seat must sign")))
    }

    async fn take(
        &self,
        generation: &Generation,
        request: Seen<PromotionRequest>,
        review: Review,
    ) -> Result<PromotionRequest, AppError> {
        let (id, vote, by) = (request.value.id, review.vote, review.reviewer.clone());
        let now = self.clock.now();
        let added = request.try_map(|request| Ok(request.reviewed(review.clone())?))?;
        let (judged, mut entries, batch) = self.judge_again(generation, added).await?;
        entries.push(Entry::Reviewed { request: id, review });
        let ended = if vote == Vote::Reject {
            judged.try_map(|request| Ok(request.rejected(by, now)?))?
        } else {
            judged
        };
        let batch = put_request(batch, &ended)?;
        self.record(&entries, batch).await?;
        Ok(ended.value)
    }

    async fn freshen(
        &self,
        generation: &Generation,
        seen: Seen<PromotionRequest>,
    ) -> Result<Seen<PromotionRequest>, AppError> {
        let (before, was) = (seen.value.clone(), seen.value.binding);
        let (seen, mut entries, batch) = self.judge_again(generation, seen).await?;
        if seen.value == before {
            return Ok(seen);
        }
        let (request, is) = (seen.value.id, seen.value.binding);
        if was != is {
            entries.push(Entry::Stale { request, was, is });
        }
        let batch = put_request(batch, &seen)?;
        self.record(&entries, batch).await?;
        seen.written()
    }

    async fn judge_again(
        &self,
        generation: &Generation,
        seen: Seen<PromotionRequest>,
    ) -> Result<(Seen<PromotionRequest>, Vec<Entry>, Batch), AppError> {
        let placed = seen.value.placed.clone();
        let holdings = self.holdings(&generation.policy, &placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&placed.action, &holdings) else {
            return Err(AppError::Conflict(
                "the policy in force no longer guards this write: make the call again".to_owned(),
            ));
        };
        // People vote on, and renew, what is there now.
        self.registry.look_again(&placed);
        let asked = Asked { requester: seen.value.authors.requester.clone(), reviews: &seen.value.reviews };
        let judged = self.judge(generation, &gates, &placed, asked).await?;
        let (found, now) = (judged.judgement(), self.clock.now());
        let (entries, batch) = judged.fresh.put(Batch::new())?;
        let seen = seen.try_map(|request| Ok(request.judged(found, now)?))?;
        Ok((seen, entries, batch))
    }
}

pub(super) fn signed_in<'a>(caller: &'a Caller, why: &str) -> Result<&'a Identity, AppError> {
    caller.identity().ok_or_else(|| AppError::Unauthenticated(why.to_owned()))
}

fn must_be_live(request: &PromotionRequest) -> Result<(), AppError> {
    if request.state.is_live() {
        Ok(())
    } else {
        Err(AppError::Conflict(format!(
            "this request is {} and takes no more votes: the same call opens a new one",
            request.state.as_str()
        )))
    }
}

/// The seat that was named, or the only one of theirs that the request asks for.
fn choose_seat(theirs: Vec<Seat>, request: &PromotionRequest, new: &NewReview) -> Result<Seat, String> {
    if let Some(seat) = &new.seat {
        return Ok(seat.clone());
    }
    let wanted = |seat: &Seat| request.gates.iter().any(|gate| gate.seats.contains_key(seat));
    let mut fitting: Vec<Seat> = theirs.into_iter().filter(wanted).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (None, _) => Err("they are in no seat that this request asks for".to_owned()),
        (Some(seat), true) => Ok(seat),
        (Some(_), false) => Err("they have several of the seats: name one".to_owned()),
    }
}

//! Reviews: a person says yes, no or something, about exactly what they saw.

use std::collections::BTreeSet;

use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::names::Seat;
use countersign_core::policy::Governance;
use countersign_core::request::{PromotionRequest, RequestId};
use countersign_core::review::{Barred, Review, Vote, fingerprint, may_fill, rationale};

use super::judge::Asked;
use super::records::{Seen, put_request};
use super::{App, AppError, Generation};
use crate::auth::{Caller, Identity, Proof};
use crate::store::{Batch, codec, keys};

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
        Box::pin(self.sign(caller, id, new, Proof::None)).await
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
        let key = keys::last_rationale(identity.person.as_str());
        let rationale = rationale(new.vote, &new.rationale, self.read(&key)?)?;
        let request = Box::pin(self.freshen(&generation, seen)).await?;
        crash_point!(VoteFreshened);
        let seat = self.seat_for(&generation, identity, &request.value, &new).await?;
        if request.value.binding != new.subject_digest {
            return Err(AppError::Conflict(format!(
                "what you looked at has changed since: it was {}, it is {} now. Look at the request again, then vote",
                new.subject_digest.short(),
                request.value.binding.short()
            )));
        }
        let looked_for = self.evidence_for(identity, &request.value, new.vote).await?;
        let at = self.clock.now();
        let policy = &generation.policy;
        let signature = self.signature(policy, &request.value, identity, new.vote, proof, at).await?;
        let review = Review {
            id: self.clock.new_id()?,
            reviewer: identity.person.clone(),
            seat,
            vote: new.vote,
            rationale,
            at,
            binding: new.subject_digest,
            looked_for,
            signature,
        };
        let taken = Box::pin(self.take(&generation, request, review)).await?;
        crash_point!(VoteTaken);
        Box::pin(self.apply_where_due(taken)).await
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
    /// One click to renew a stale one; one whose time is over, or will be, gets another that links to it.
    ///
    /// # Errors
    /// When the facts cannot be read.
    pub async fn renew(&self, caller: &Caller, id: RequestId) -> Result<PromotionRequest, AppError> {
        let request = self.request(id)?;
        if request.may_begin_again() {
            return Box::pin(self.open_again(caller, request.placed)).await;
        }
        Box::pin(self.judge_live(id)).await
    }

    /// Judges a live request again, and keeps what was found.
    pub(super) async fn judge_live(&self, id: RequestId) -> Result<PromotionRequest, AppError> {
        let generation = self.generation.load_full();
        let seen = self.load_request(id)?;
        must_be_live(&seen.value)?;
        Ok(Box::pin(self.freshen(&generation, seen)).await?.value)
    }

    /// A comment needs no seat; a vote needs one that this person may fill. An approval may leave open which of
    /// theirs it fills: the best seating is found when it is decided.
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
        let refused = match self.choose_seat(generation, identity, request, new) {
            Ok(seat) => return Ok(seat),
            Err(reason) => format!("{} {reason}", identity.name),
        };
        let (by, reason) = (identity.person.clone(), refused.clone());
        self.record(&[Entry::ReviewRefused { request: request.id, by, reason }], Batch::new()).await?;
        Err(AppError::Forbidden(format!("{refused}. Somebody else of that seat must sign")))
    }

    fn choose_seat(
        &self,
        generation: &Generation,
        identity: &Identity,
        request: &PromotionRequest,
        new: &NewReview,
    ) -> Result<Option<Seat>, String> {
        let roster = self.people.roster(&generation.policy, self.clock.now());
        let may = |seat: &Seat| may_fill(&identity.person, seat, &roster, &request.authors);
        let asked = seats_asked(request);
        if let Some(seat) = &new.seat {
            may(seat).map_err(|barred| format!("cannot fill seat {seat}: {barred}"))?;
            return if asked.contains(seat) {
                Ok(Some(seat.clone()))
            } else {
                Err(format!("cannot sign in seat {seat}: this request does not ask for it"))
            };
        }
        let mut fitting: Vec<&Seat> = asked.iter().filter(|seat| may(seat).is_ok()).collect();
        match (fitting.pop(), fitting.is_empty()) {
            (None, _) => {
                let barred = asked.iter().filter_map(|seat| Some((seat, may(seat).err()?)));
                // Their own work says more than that they are in another seat.
                let why = barred.max_by_key(|(_, why)| *why != Barred::NotAMember);
                Err(match why.filter(|(_, why)| *why != Barred::NotAMember) {
                    Some((seat, why)) => format!("cannot fill seat {seat}: {why}"),
                    None => "cannot sign: they are in no seat that this request asks for".to_owned(),
                })
            }
            (Some(seat), true) => Ok(Some(seat.clone())),
            (Some(_), false) if new.vote == Vote::Approve => Ok(None),
            (Some(_), false) => Err("cannot sign: they have several of the seats: name one".to_owned()),
        }
    }

    /// Evidence first: how long the reviewer has looked, where they must have.
    async fn evidence_for(
        &self,
        identity: &Identity,
        request: &PromotionRequest,
        vote: Vote,
    ) -> Result<Option<i64>, AppError> {
        if !vote.decides() {
            return Ok(None);
        }
        let not_yet = match request.may_vote(&identity.person, self.clock.now()) {
            Ok(looked_for) => return Ok(looked_for),
            Err(not_yet) => not_yet,
        };
        let (by, reason) = (identity.person.clone(), format!("{} cannot vote yet: {not_yet}", identity.name));
        self.record(&[Entry::ReviewRefused { request: request.id, by, reason }], Batch::new()).await?;
        Err(AppError::Conflict(not_yet.to_string()))
    }

    async fn take(
        &self,
        generation: &Generation,
        request: Seen<PromotionRequest>,
        review: Review,
    ) -> Result<PromotionRequest, AppError> {
        let (id, now) = (request.value.id, self.clock.now());
        let said = review.vote.decides().then(|| (review.reviewer.clone(), fingerprint(&review.rationale)));
        let added = request.try_map(|request| Ok(request.reviewed(review.clone())?))?;
        let (judged, mut entries, mut batch) = self.judge_again(generation, added).await?;
        entries.push(Entry::Reviewed { request: id, review });
        let ended = match judged.value.rejected_by().cloned() {
            Some(by) => judged.try_map(|request| Ok(request.rejected(by, now)?))?,
            None => judged,
        };
        if let Some((person, said)) = said {
            batch = batch.put(keys::last_rationale(person.as_str()), codec::encode(&said)?);
        }
        let batch = put_request(batch, &ended)?;
        self.record(&entries, batch).await?;
        Ok(ended.value)
    }

    pub(super) async fn freshen(
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
        let requester = seen.value.authors.requester.clone();
        let asked = Asked { requester, reviews: &seen.value.reviews, ..Asked::default() };
        let mut judged = Box::pin(self.judge(generation, &gates, &placed, asked)).await?;
        judged.keep_facts()?;
        let (found, now) = (judged.judgement(), self.clock.now());
        let (entries, batch) = judged.fresh.put(self, Batch::new())?;
        let seen = seen.try_map(|request| Ok(request.judged(found, now)?))?;
        Ok((seen, entries, batch))
    }
}

pub(super) fn signed_in<'a>(caller: &'a Caller, why: &str) -> Result<&'a Identity, AppError> {
    caller.identity().ok_or_else(|| AppError::Unauthenticated(why.to_owned()))
}

pub(super) fn must_be_live(request: &PromotionRequest) -> Result<(), AppError> {
    if request.state.is_live() {
        Ok(())
    } else {
        Err(AppError::Conflict(format!(
            "this request is {} and takes no more votes: the same call opens a new one",
            request.state.as_str()
        )))
    }
}

/// The seats that may speak on a request: those that a gate asks for, and those that may veto.
#[must_use]
pub fn seats_asked(request: &PromotionRequest) -> BTreeSet<Seat> {
    let gates = request.gates.iter();
    gates.flat_map(|gate| gate.seats.keys().chain(&gate.vetoes)).cloned().collect()
}

//! Taking an approval back, for a time or for good, by a person who may fill a seat of its gates.

use std::collections::BTreeSet;

use countersign_core::entry::{Entry, TakenBack};
use countersign_core::names::Seat;
use countersign_core::policy::Policy;
use countersign_core::request::{PromotionRequest, RequestId, State};
use countersign_core::review::{Barred, may_fill};

use super::records::{Seen, put_request};
use super::review::{seats_asked, signed_in};
use super::{App, AppError};
use crate::auth::{Caller, Identity};
use crate::store::Batch;

/// What somebody says of an approval whose write was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Not to be relied on until somebody has looked at it.
    Suspend,
    /// It stands again.
    Resume,
    /// For good. An alias may go to its fallback.
    Revoke,
}

impl Word {
    /// Of the routes, commands and entries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
        }
    }
}

impl App {
    /// Suspends, resumes or revokes an approval.
    ///
    /// # Errors
    /// `Forbidden` for those who may not (which is recorded), `Conflict` when its state has no such step.
    pub async fn set_standing(
        &self,
        caller: &Caller,
        id: RequestId,
        word: Word,
        reason: &str,
    ) -> Result<PromotionRequest, AppError> {
        let identity = signed_in(caller, "this needs a name under it")?;
        let (reason, seen) = (reason.trim().to_owned(), self.load_request(id)?);
        if reason.is_empty() {
            let how = format!("say why you {} it, in a sentence", word.as_str());
            return Err(AppError::Invalid(how));
        }
        if let Err(why) = self.may_set_standing(identity, &seen.value) {
            let reason = format!("{} cannot {} it: {why}", identity.name, word.as_str());
            return self.refuse_word(id, identity, reason).await;
        }
        let (by, now) = (Some(identity.person.clone()), self.clock.now());
        let told = TakenBack { request: id, by: by.clone(), reason: reason.clone() };
        let seen = seen.try_map(|request| match word {
            Word::Suspend => Ok(request.suspended(by, reason, now)?),
            Word::Resume => Ok(request.resumed(now)?),
            Word::Revoke => Ok(request.revoked(by, reason, now)?),
        })?;
        self.keep_taken_back(seen, word, told).await
    }

    async fn keep_taken_back(
        &self,
        seen: Seen<PromotionRequest>,
        word: Word,
        told: TakenBack,
    ) -> Result<PromotionRequest, AppError> {
        let (entry, seen) = match word {
            Word::Suspend => (Entry::Suspended(told), seen),
            Word::Resume => (Entry::Resumed(told), seen),
            Word::Revoke => (Entry::Revoked(told), self.with_fallback(seen)?),
        };
        tracing::warn!(request.id = %seen.value.id, word = word.as_str(), "a person has spoken on an approval");
        self.metrics.approval_ending(entry.kind());
        self.record(&[entry], put_request(Batch::new(), &seen)?).await?;
        Ok(seen.value)
    }

    /// Whether somebody may take an approval back: a person who could sit in a seat of its gates, at any tier.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn may_set_standing(&self, identity: &Identity, request: &PromotionRequest) -> Result<(), Barred> {
        let (generation, roster) = self.in_force();
        let seats = seats_of_gates(&generation.policy, request);
        let may = |seat: &Seat| may_fill(&identity.person, seat, &roster, &request.authors);
        if seats.iter().any(|seat| may(seat).is_ok()) {
            return Ok(());
        }
        // Their own work says more than that they are in another seat.
        let barred = seats.iter().filter_map(|seat| may(seat).err());
        Err(barred.max_by_key(|why| *why != Barred::NotAMember).unwrap_or(Barred::NotAMember))
    }
}

fn seats_of_gates(policy: &Policy, request: &PromotionRequest) -> BTreeSet<Seat> {
    let gates = request.gates.iter().filter_map(|verdict| policy.gate(&verdict.gate));
    let approvals = gates.flat_map(|gate| gate.approvals.values());
    let named = approvals.flat_map(|approvals| {
        approvals.seats.keys().chain(approvals.sample.iter().map(|sample| &sample.seat)).cloned()
    });
    named.chain(seats_asked(request)).collect()
}

/// The entry that a suspension has beside the one of what led to it.
pub(super) fn entry_of(request: &PromotionRequest) -> Option<Entry> {
    let State::Suspended { by, reason, .. } = &request.state else { return None };
    let (by, reason) = (by.clone(), reason.clone());
    Some(Entry::Suspended(TakenBack { request: request.id, by, reason }))
}

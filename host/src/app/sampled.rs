//! Sampled review: some of the writes that nobody has to sign get a request nevertheless, so that a person looks at
//! them after the fact.

use countersign_core::action::Placed;
use countersign_core::entry::Entry;
use countersign_core::request::{PromotionRequest, RequestId};
use countersign_core::review::may_fill;
use countersign_core::waiver::Endorsement;

use super::judge::Judged;
use super::records::{Earlier, Seen, put_request};
use super::refuse::opened;
use super::{App, AppError};
use crate::auth::{Caller, Identity};
use crate::store::Batch;

impl App {
    /// The request that a write is made under: the one that there is, or a new one where the write was drawn. The
    /// same thing is looked at once, however often the call is made.
    pub(super) fn request_to_write(
        &self,
        earlier: Earlier,
        judged: &mut Judged,
        placed: &Placed,
    ) -> Result<Option<Seen<PromotionRequest>>, AppError> {
        let drawn = judged.decision.gates().iter().any(|gate| gate.enforced && gate.sampled.is_some());
        if !drawn || judged.break_glass.is_some() || earlier.was_made_as(judged.binding) {
            return Ok(earlier.into_live());
        }
        let before = earlier.id();
        if let Some(live) = earlier.into_live() {
            return Ok(Some(live));
        }
        judged.keep_facts()?;
        let (id, now) = (RequestId(self.clock.new_id()?), self.clock.now());
        let request = PromotionRequest::open(id, now, placed.clone(), judged.judgement()).after(before);
        judged.fresh.entries.push(opened(&request));
        Ok(Some(Seen::fresh(request)))
    }

    /// Says what a person finds who looks at a sample. An objection suspends the approval.
    ///
    /// # Errors
    /// `Forbidden` for those who may not fill its seat (which is recorded), `Conflict` when nobody is asked to look.
    pub async fn review_sample(
        &self,
        caller: &Caller,
        id: RequestId,
        confirmed: bool,
        rationale: &str,
    ) -> Result<PromotionRequest, AppError> {
        let identity = super::review::signed_in(caller, "a review needs a name under it")?;
        let word = self.word(caller, rationale)?;
        let seen = self.load_request(id)?;
        self.may_review_sample(identity, &seen.value).await?;
        let seen = seen.try_map(|request| Ok(request.sample_reviewed(word.clone(), confirmed)?))?;
        let entries = said(&seen.value, word, confirmed);
        self.record(&entries, put_request(Batch::new(), &seen)?).await?;
        if !confirmed {
            self.metrics.approval_ending("suspended");
        }
        Ok(seen.value)
    }

    /// Whoever asked for it, or made what is reviewed, cannot look at it for somebody else.
    async fn may_review_sample(
        &self,
        identity: &Identity,
        request: &PromotionRequest,
    ) -> Result<(), AppError> {
        let Some(seat) = request.sample_waits_for() else {
            let why = "nobody is asked to review this as a sample: it was not drawn, or somebody has";
            return Err(AppError::Conflict(why.to_owned()));
        };
        let (_, roster) = self.in_force();
        let Err(barred) = may_fill(&identity.person, seat, &roster, &request.authors) else { return Ok(()) };
        let reason = format!("{} cannot review a sample in seat {seat}: {barred}", identity.name);
        self.refuse_word(request.id, identity, reason).await
    }

    /// An attempt to speak by somebody who may not is an entry.
    pub(super) async fn refuse_word<T>(
        &self,
        request: RequestId,
        identity: &Identity,
        reason: String,
    ) -> Result<T, AppError> {
        let by = identity.person.clone();
        let entry = Entry::ReviewRefused { request, by, reason: reason.clone() };
        self.record(&[entry], Batch::new()).await?;
        Err(AppError::Forbidden(reason))
    }
}

fn said(request: &PromotionRequest, word: Endorsement, confirmed: bool) -> Vec<Entry> {
    let suspended = super::standing::entry_of(request);
    let reviewed = Entry::SampleReviewed { request: request.id, word, confirmed };
    std::iter::once(reviewed).chain(suspended).collect()
}

//! What a judgement makes of a request: a new one, or the next state of one that is still live.

use super::{Flags, InvalidStep, Prior, PromotionRequest, RequestId, Sampled, State};
use crate::action::Placed;
use crate::check::CheckRun;
use crate::decide::{GateVerdict, Verdict};
use crate::digest::Digest;
use crate::facts::Subject;
use crate::names::PersonId;
use crate::review::{Authors, Review, Vote, words};
use crate::time::{Millis, Span};

/// What was found when a live request was judged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub subject: Subject,
    pub binding: Digest,
    pub policy: Digest,
    pub facts: Digest,
    pub gates: Vec<GateVerdict>,
    pub check_runs: Vec<CheckRun>,
    pub prior: Prior,
    /// Whose work it is now.
    pub authors: Authors,
    /// How long a request may stay open, by the gate that allows least.
    pub expires: Option<Span>,
    /// Further promoted versions that the write would change.
    pub also: Vec<Subject>,
}

impl PromotionRequest {
    /// Opens a request for a write that was held or refused.
    #[must_use]
    pub fn open(id: RequestId, now: Millis, placed: Placed, found: Judgement) -> Self {
        let state = state_of(&found.gates, now);
        let Judgement { subject, binding, policy, facts, gates, check_runs, prior, authors, expires, also } =
            found;
        let flags = Flags { waived: is_waived(&gates), ..Flags::default() };
        let sampled = Sampled::drawn(&gates).map(Box::new);
        Self {
            id,
            opened_at: now,
            placed,
            subject,
            authors,
            binding,
            policy,
            facts,
            gates,
            check_runs,
            reviews: Vec::new(),
            flags,
            state,
            previous: None,
            prior,
            opened: Vec::new(),
            signed: None,
            expires: expires.map(|span| now.plus(span)),
            valid_until: None,
            warned: None,
            fallback: None,
            sampled,
            drift: None,
            also,
            window: None,
            undermined: None,
        }
    }

    /// Takes in what was found now. A different binding makes the approvals that were given stale.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn judged(self, found: Judgement, now: Millis) -> Result<Self, InvalidStep> {
        if !self.state.is_live() {
            return Err(InvalidStep { state: self.state.as_str(), step: "judged again" });
        }
        let this = self;
        let moved = found.binding != this.binding && !this.reviews.is_empty();
        let state = match (state_of(&found.gates, now), this.state) {
            (_, on_its_way @ State::Applying { .. }) => on_its_way,
            (State::Approved { .. }, State::Approved { at }) => State::Approved { at },
            (state, _) => state,
        };
        let fresh = matches!(state, State::Approved { .. } | State::Applying { .. });
        let stale = (this.flags.stale || moved) && !fresh;
        let flags = Flags { stale, waived: is_waived(&found.gates), ..this.flags };
        let Judgement { subject, binding, policy, facts, gates, check_runs, prior, authors, also, .. } =
            found;
        let valid_until = valid_until(&gates, &this.reviews, binding);
        let sampled = Sampled::drawn(&gates).map(Box::new);
        Ok(Self {
            subject,
            authors,
            binding,
            policy,
            facts,
            gates,
            check_runs,
            flags,
            state,
            prior,
            valid_until,
            sampled,
            also,
            ..this
        })
    }
}

pub(super) fn state_of(gates: &[GateVerdict], now: Millis) -> State {
    if gates.iter().all(|gate| matches!(gate.verdict, Verdict::Satisfied)) {
        State::Approved { at: now }
    } else if gates.iter().all(|gate| gate.verdict.wants_only_signatures()) {
        State::InReview
    } else {
        State::Open
    }
}

fn is_waived(gates: &[GateVerdict]) -> bool {
    gates.iter().any(|gate| gate.enforced && !gate.waived.is_empty())
}

/// Until when everything that a decision rests on counts.
fn valid_until(gates: &[GateVerdict], reviews: &[Review], binding: Digest) -> Option<Millis> {
    let said = words(reviews, binding);
    let signed_at = |person: &PersonId| {
        let theirs = said.get(person)?.values().filter(|review| review.vote == Vote::Approve);
        theirs.map(|review| review.at).min()
    };
    let ends = gates.iter().filter(|gate| gate.enforced).flat_map(|gate| {
        let waived = gate.waived.iter().map(|waived| waived.until);
        let signers = gate.seats.values().flat_map(|seat| &seat.signed);
        let signed = signers.filter_map(|person| Some(signed_at(person)?.plus(gate.expires?)));
        waived.chain(signed).collect::<Vec<_>>()
    });
    ends.min()
}

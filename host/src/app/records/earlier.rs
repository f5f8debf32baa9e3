//! What is known of a write from before: the request that was made for it, and how far what was said then still counts.

use countersign_core::action::Placed;
use countersign_core::decide::{Decision, GateVerdict};
use countersign_core::digest::Digest;
use countersign_core::names::PersonId;
use countersign_core::request::{Prior, PromotionRequest, RequestId, State};
use countersign_core::review::Review;

use super::Seen;
use crate::app::judge::Judged;
use crate::app::{App, AppError};

/// What is known of a write from before.
#[derive(Debug)]
pub(in crate::app) enum Earlier {
    Nothing,
    /// A request that can still lead to the write.
    Live(Box<Seen<PromotionRequest>>),
    /// It was made once: its approvals count for as long as they hold for the same thing.
    Applied(Box<PromotionRequest>),
    /// It ended otherwise.
    Ended(Box<PromotionRequest>),
}

impl Earlier {
    fn request(&self) -> Option<&PromotionRequest> {
        match self {
            Self::Nothing => None,
            Self::Live(seen) => Some(&seen.value),
            Self::Applied(request) | Self::Ended(request) => Some(request),
        }
    }

    pub(in crate::app) fn is_approved(&self) -> bool {
        matches!(self, Self::Live(seen) if seen.value.state.as_str() == "approved")
    }

    pub(in crate::app) const fn has_ended(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    /// How its gates judged it.
    pub(in crate::app) fn gates(&self) -> &[GateVerdict] {
        self.request().map_or(&[], |request| &request.gates)
    }

    /// Who first asked.
    pub(in crate::app) fn requester(&self) -> Option<PersonId> {
        let counts = !matches!(self, Self::Ended(_));
        self.request().filter(|_| counts).and_then(|request| request.authors.requester.clone())
    }

    pub(in crate::app) fn reviews(&self) -> Vec<Review> {
        let counts = !matches!(self, Self::Ended(_));
        self.request().filter(|_| counts).map(|request| request.reviews.clone()).unwrap_or_default()
    }

    /// What the write displaced when it was made.
    pub(in crate::app) fn prior(&self) -> Option<Prior> {
        if let Self::Applied(request) = self { Some(request.prior) } else { None }
    }

    /// What was said of it that stands against a write, whatever its gates say now: a rejection or a revocation is
    /// final for what it was about, and what is suspended is nobody's to use. A revoked approval that people signed
    /// only counts for nothing: they can sign anew.
    pub(in crate::app) fn stands_against(&self, judged: &Judged) -> Option<&PromotionRequest> {
        let allowed = matches!(judged.decision, Decision::Allow(..));
        let against = |request: &&PromotionRequest| match request.state {
            State::Rejected { .. } => request.binding == judged.binding,
            State::Revoked { .. } => allowed && request.binding == judged.binding,
            State::Suspended { .. } => true,
            _ => false,
        };
        self.request().filter(against)
    }

    /// Whether the same thing was made before.
    pub(in crate::app) fn was_made_as(&self, binding: Digest) -> bool {
        matches!(self, Self::Applied(request) if request.binding == binding)
    }

    pub(in crate::app) fn id(&self) -> Option<RequestId> {
        self.request().map(|request| request.id)
    }

    pub(in crate::app) fn into_live(self) -> Option<Seen<PromotionRequest>> {
        if let Self::Live(seen) = self { Some(*seen) } else { None }
    }
}

impl App {
    pub(in crate::app) fn earlier(&self, placed: &Placed) -> Result<Earlier, AppError> {
        Ok(match self.current_request(placed)? {
            None => Earlier::Nothing,
            Some(seen) if seen.value.state.is_live() => Earlier::Live(Box::new(seen)),
            Some(seen) if seen.value.state.was_made() && seen.value.placed.action.is_promotion() => {
                Earlier::Applied(Box::new(seen.value))
            }
            Some(seen) => Earlier::Ended(Box::new(seen.value)),
        })
    }
}

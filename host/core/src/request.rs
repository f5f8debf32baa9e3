//! The promotion request: the workflow object that a held write opens.
//!
//! Each state carries exactly the data that exists in it, and every step takes the request by value and gives
//! back the next one, or says that the step cannot be taken.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::action::Placed;
use crate::check::CheckRun;
use crate::decide::{GateVerdict, Verdict};
use crate::digest::Digest;
use crate::facts::Subject;
use crate::names::PersonId;
use crate::review::{Authors, Review};
use crate::time::Millis;

/// A request's id; sorts by the time at which it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionRequest {
    pub id: RequestId,
    pub opened_at: Millis,
    pub placed: Placed,
    pub subject: Subject,
    pub authors: Authors,
    /// What approvals of this request bind to: see [`crate::decide::binding`].
    pub binding: Digest,
    pub policy: Digest,
    /// Digest of the facts that the checks saw, kept as evidence.
    pub facts: Digest,
    pub gates: Vec<GateVerdict>,
    pub check_runs: Vec<CheckRun>,
    pub reviews: Vec<Review>,
    pub flags: Flags,
    pub state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// What was reviewed has changed since; earlier votes no longer count.
    #[serde(default)]
    pub stale: bool,
    /// The registry was changed without us.
    #[serde(default)]
    pub bypassed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum State {
    /// Something other than a signature is in the way: a failed check, a missing fact.
    Open,
    /// The checks are done; people must sign.
    InReview,
    /// Nothing is needed any more; the write has not been made.
    Approved {
        at: Millis,
    },
    /// The write was made; `intent` is the ledger entry that announced it.
    Applied {
        at: Millis,
        intent: u64,
    },
    Rejected {
        at: Millis,
        by: PersonId,
    },
    Withdrawn {
        at: Millis,
        by: PersonId,
    },
    /// A later request took its place.
    Superseded {
        at: Millis,
        by: RequestId,
    },
}

impl State {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InReview => "in-review",
            Self::Approved { .. } => "approved",
            Self::Applied { .. } => "applied",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Whether the request can still lead to its write.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Open | Self::InReview | Self::Approved { .. })
    }
}

/// A step that the state does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a request that is {state} cannot be {step}")]
pub struct InvalidStep {
    pub state: &'static str,
    pub step: &'static str,
}

/// What was found when a live request was judged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub subject: Subject,
    pub binding: Digest,
    pub policy: Digest,
    pub facts: Digest,
    pub gates: Vec<GateVerdict>,
    pub check_runs: Vec<CheckRun>,
}

impl PromotionRequest {
    /// Opens a request for a write that was held or refused.
    #[must_use]
    pub fn open(id: RequestId, now: Millis, placed: Placed, authors: Authors, found: Judgement) -> Self {
        let state = state_of(&found.gates, now);
        let Judgement { subject, binding, policy, facts, gates, check_runs } = found;
        let flags = Flags::default();
        let reviews = Vec::new();
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
            reviews,
            flags,
            state,
        }
    }

    /// Takes in what was found now. A different binding makes the approvals that were given stale.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn judged(self, found: Judgement, now: Millis) -> Result<Self, InvalidStep> {
        let this = self.live("judged again")?;
        let moved = found.binding != this.binding && !this.reviews.is_empty();
        let state = match (state_of(&found.gates, now), this.state) {
            (State::Approved { .. }, State::Approved { at }) => State::Approved { at },
            (state, _) => state,
        };
        let fresh = matches!(state, State::Approved { .. });
        let flags = Flags { stale: (this.flags.stale || moved) && !fresh, ..this.flags };
        let Judgement { subject, binding, policy, facts, gates, check_runs } = found;
        Ok(Self { subject, binding, policy, facts, gates, check_runs, flags, state, ..this })
    }

    /// Adds a review; [`Self::judged`] draws the consequences.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn reviewed(self, review: Review) -> Result<Self, InvalidStep> {
        let mut this = self.live("reviewed")?;
        this.reviews.push(review);
        Ok(this)
    }

    /// A person of a seat has said no: final for this binding.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn rejected(self, by: PersonId, now: Millis) -> Result<Self, InvalidStep> {
        Ok(Self { state: State::Rejected { at: now, by }, ..self.live("rejected")? })
    }

    /// # Errors
    /// When the request has ended.
    pub fn withdrawn(self, by: PersonId, now: Millis) -> Result<Self, InvalidStep> {
        Ok(Self { state: State::Withdrawn { at: now, by }, ..self.live("withdrawn")? })
    }

    /// # Errors
    /// When the request has ended.
    pub fn superseded(self, by: RequestId, now: Millis) -> Result<Self, InvalidStep> {
        Ok(Self { state: State::Superseded { at: now, by }, ..self.live("superseded")? })
    }

    /// The write was made and MLflow said so.
    ///
    /// # Errors
    /// When the request was not approved.
    pub fn applied(self, intent: u64, now: Millis) -> Result<Self, InvalidStep> {
        match self.state {
            State::Approved { .. } => Ok(Self { state: State::Applied { at: now, intent }, ..self }),
            state => Err(InvalidStep { state: state.as_str(), step: "applied" }),
        }
    }

    /// The registry moved without us.
    #[must_use]
    pub fn bypassed(mut self) -> Self {
        self.flags.bypassed = true;
        self
    }

    fn live(self, step: &'static str) -> Result<Self, InvalidStep> {
        if self.state.is_live() { Ok(self) } else { Err(InvalidStep { state: self.state.as_str(), step }) }
    }
}

fn state_of(gates: &[GateVerdict], now: Millis) -> State {
    if gates.iter().all(|gate| matches!(gate.verdict, Verdict::Satisfied)) {
        State::Approved { at: now }
    } else if gates.iter().all(|gate| gate.verdict.wants_only_signatures()) {
        State::InReview
    } else {
        State::Open
    }
}

//! The promotion request: the workflow object that a held write opens.
//!
//! Each state carries exactly the data that exists in it, and every step takes the request by value and gives
//! back the next one, or says that the step cannot be taken. The states are in [`state`].

mod drift;
mod expiry;
mod id;
mod judged;
mod prior;
mod renewal;
mod sampled;
pub mod state;
mod stood;
mod taken_back;
mod window;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::drift::TierDrift;
pub use self::expiry::{Fallback, WARNINGS};
pub use self::id::{NoRequestId, RequestId};
pub use self::judged::Judgement;
use self::judged::state_of;
pub use self::prior::Prior;
pub use self::renewal::Renewal;
pub use self::sampled::Sampled;
pub use self::state::{Standing, State};
pub use self::stood::Stood;
pub use self::window::Window;
use crate::action::Placed;
use crate::check::CheckRun;
use crate::decide::{GateVerdict, Verdict, Violation};
use crate::digest::Digest;
use crate::evidence::Opened;
use crate::facts::Subject;
use crate::names::PersonId;
use crate::review::{Authors, Review, Vote};
use crate::time::Millis;

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
    /// The request for the same write that ended before this one was opened: its findings are still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<RequestId>,
    /// What the name held when this was last judged: what an apply compares with.
    #[serde(default, skip_serializing_if = "Prior::is_not_known")]
    pub prior: Prior,
    /// Who has opened which findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<Opened>,
    /// What stood there when somebody last approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Stood>,
    /// When it ends by itself if nobody has settled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Millis>,
    /// Until when the signatures that it rests on count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Millis>,
    /// The last warning that it will run out: so many days before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<u16>,
    /// What becomes of the name, where the approval has run out and the policy names another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// Nobody signed it, and somebody looks at it after the fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Box<Sampled>>,
    /// The version is live, and its tier is no longer the one that this was approved for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Box<TierDrift>>,
    /// Further promoted versions that the write would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Subject>,
    /// The time in which files may be written, once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What was found of it after its write was made, where that is not what was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undermined: Option<Stood>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// What was reviewed has changed since; earlier votes no longer count.
    #[serde(default)]
    pub stale: bool,
    /// The registry was changed without us.
    #[serde(default)]
    pub bypassed: bool,
    /// A waiver takes out something that is not met.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
    /// Somebody has broken the glass for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

/// A step that the state does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a request that is {state} cannot be {step}")]
pub struct InvalidStep {
    pub state: &'static str,
    pub step: &'static str,
}

impl PromotionRequest {
    /// Notes that somebody opened the findings of a check.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn opened(self, opened: Opened) -> Result<Self, InvalidStep> {
        let mut this = self.live("looked into")?;
        this.opened.push(opened);
        Ok(this)
    }

    /// Whose rejection stands, if any: it ends the request.
    #[must_use]
    pub fn rejected_by(&self) -> Option<&PersonId> {
        let denied = |gate: &GateVerdict| match &gate.verdict {
            Verdict::Denied(violations) if gate.enforced => violations.clone(),
            _ => Vec::new(),
        };
        let violations: Vec<Violation> = self.gates.iter().flat_map(denied).collect();
        let stands = |review: &&Review| {
            let is = |v: &Violation| matches!(v, Violation::Rejected { by, .. } if by == &review.reviewer);
            violations.iter().any(is)
        };
        self.reviews.iter().rfind(stands).map(|review| &review.reviewer)
    }

    /// Adds a review; [`Self::judged`] draws the consequences.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn reviewed(self, review: Review) -> Result<Self, InvalidStep> {
        let mut this = self.live("reviewed")?;
        if review.vote == Vote::Approve {
            this.signed = Some(this.stands());
        }
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

    /// Countersign is about to make the write. Whoever comes second finds it so.
    ///
    /// # Errors
    /// When nothing lets it, or another apply is on its way.
    pub fn applying(self, intent: Uuid, now: Millis) -> Result<Self, InvalidStep> {
        let may = matches!(self.state, State::Approved { .. }) || self.broken_open();
        let step = "applied by a second caller";
        match self.state {
            _ if may => Ok(Self { state: State::Applying { at: now, intent }, ..self }),
            state => Err(InvalidStep { state: state.as_str(), step }),
        }
    }

    /// The write was made and MLflow said so.
    ///
    /// # Errors
    /// When the request was not approved.
    pub fn applied(self, intent: u64, now: Millis) -> Result<Self, InvalidStep> {
        let may = matches!(self.state, State::Approved { .. } | State::Applying { .. }) || self.broken_open();
        match self.state {
            _ if may => Ok(Self { state: State::Applied { at: now, intent }, ..self }),
            state => Err(InvalidStep { state: state.as_str(), step: "applied" }),
        }
    }

    /// The write was not made: what was approved still is.
    #[must_use]
    pub fn not_applied(self, now: Millis) -> Self {
        match self.state {
            State::Applying { .. } => Self { state: state_of(&self.gates, now), ..self },
            _ => self,
        }
    }

    /// Somebody has broken the glass for it.
    ///
    /// # Errors
    /// When the request has ended.
    pub fn broken_by_glass(self) -> Result<Self, InvalidStep> {
        let this = self.live("opened in an emergency")?;
        Ok(Self { flags: Flags { break_glass: true, ..this.flags }, ..this })
    }

    const fn broken_open(&self) -> bool {
        self.flags.break_glass && matches!(self.state, State::Open | State::InReview)
    }

    /// Takes in that time has passed: nobody settled it, or what it was approved for has run out. `None` when
    /// nothing follows from that.
    #[must_use]
    pub fn aged(&self, now: Millis) -> Option<Self> {
        let over = |until: Option<Millis>| until.is_some_and(|until| until <= now);
        let state = match &self.state {
            State::Open | State::InReview | State::Approved { .. } if over(self.expires) => {
                State::Lapsed { at: now }
            }
            State::Applied { intent, .. } if over(self.valid_until) => {
                State::Expired { at: now, intent: *intent }
            }
            _ => return None,
        };
        Some(Self { state, ..self.clone() })
    }

    /// How the approval of a write that was made stands. `None` for a request that did not come so far.
    #[must_use]
    pub fn standing(&self, now: Millis) -> Option<Standing> {
        state::standing(&self.state, self.valid_until, now)
            .map(|standing| standing.of_tier(self.drift.as_deref()))
    }

    /// The registry moved without us.
    #[must_use]
    pub fn bypassed(mut self) -> Self {
        self.flags.bypassed = true;
        self
    }

    fn live(self, step: &'static str) -> Result<Self, InvalidStep> {
        // What is on its way cannot be called back.
        let settled = !self.state.is_live() || matches!(self.state, State::Applying { .. });
        if !settled { Ok(self) } else { Err(InvalidStep { state: self.state.as_str(), step }) }
    }
}

#[cfg(test)]
mod tests;

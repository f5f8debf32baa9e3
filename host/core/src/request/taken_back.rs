//! An approval whose write was made, taken back: for a time, until somebody says that it stands again, or for good.
//!
//! Suspending is a hold that can be undone; revoking is not: the same write then needs a new request. This module
//! must not know: who may say so, what becomes of the alias.

use super::{InvalidStep, PromotionRequest, State};
use crate::names::PersonId;
use crate::time::Millis;

impl PromotionRequest {
    /// Not to be relied on until somebody has looked at it. `by` nobody: Countersign itself says so.
    ///
    /// # Errors
    /// When there is nothing in force to suspend.
    pub fn suspended(self, by: Option<PersonId>, reason: String, now: Millis) -> Result<Self, InvalidStep> {
        match self.state {
            State::Applied { intent, .. } => {
                Ok(Self { state: State::Suspended { at: now, intent, by, reason }, ..self })
            }
            state => Err(InvalidStep { state: state.as_str(), step: "suspended" }),
        }
    }

    /// It stands again, as it stood before: a time that has run out meanwhile ends it at its next turn.
    ///
    /// # Errors
    /// When it was not suspended.
    pub fn resumed(self, now: Millis) -> Result<Self, InvalidStep> {
        match self.state {
            State::Suspended { intent, .. } => Ok(Self { state: State::Applied { at: now, intent }, ..self }),
            state => Err(InvalidStep { state: state.as_str(), step: "resumed" }),
        }
    }

    /// # Errors
    /// When there is nothing in force to revoke.
    pub fn revoked(self, by: Option<PersonId>, reason: String, now: Millis) -> Result<Self, InvalidStep> {
        match self.state {
            State::Applied { intent, .. }
            | State::Suspended { intent, .. }
            | State::Expired { intent, .. } => {
                Ok(Self { state: State::Revoked { at: now, intent, by, reason }, ..self })
            }
            state => Err(InvalidStep { state: state.as_str(), step: "revoked" }),
        }
    }
}

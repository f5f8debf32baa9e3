//! Time and approvals whose write was made: the warnings before an approval runs out, and what becomes of the name
//! after it.
//!
//! Nothing here goes backwards: what was warned of is not warned of again, and what has run out stays so, whatever
//! a clock says later. This module must not know: what a fallback is judged by, who is told.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PromotionRequest, State};
use crate::names::{Stage, Version};
use crate::time::{Millis, Span};

/// How many days before its end an approval is warned of, the earliest first.
pub const WARNINGS: [u16; 3] = [30, 7, 1];

/// What becomes of the alias of an approval that has run out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Fallback {
    /// It is to be decided.
    Due,
    /// The write that moves it was announced; `intent` is its id in the ledger.
    Moving {
        intent: Uuid,
        to: Version,
        /// The version itself leaves for this stage, and nothing takes its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaves_for: Option<Stage>,
    },
    Moved {
        to: Version,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaves_for: Option<Stage>,
    },
    /// The name stayed where it is, and why.
    Stayed { reason: String },
}

const fn days(number: u16) -> Span {
    Span::from_millis(number as i64 * 86_400_000)
}

/// The moment so many days before.
const fn before(end: Millis, number: u16) -> Millis {
    Millis::new(end.get().saturating_sub(days(number).as_millis()))
}

impl PromotionRequest {
    /// The warnings that are still to be given, with their moments. Those that lay before the write was made are
    /// not: an approval for a week is not warned of a month ahead.
    fn warnings(&self) -> impl Iterator<Item = (u16, Millis)> {
        let made = match (&self.state, self.valid_until) {
            (State::Applied { at, .. }, Some(until)) => Some((*at, until)),
            _ => None,
        };
        let given = self.warned.unwrap_or(u16::MAX);
        let moments = made.into_iter().flat_map(move |(at, until)| {
            WARNINGS
                .into_iter()
                .map(move |number| (number, before(until, number)))
                .filter(move |(_, m)| *m > at)
        });
        moments.filter(move |(number, _)| *number < given)
    }

    /// The warning that is due now: of several that were missed, only the last.
    #[must_use]
    pub fn warning(&self, now: Millis) -> Option<u16> {
        let over = self.valid_until.is_some_and(|until| until <= now);
        self.warnings().filter(|(_, moment)| !over && *moment <= now).map(|(number, _)| number).last()
    }

    /// Notes that a warning was given, or that there was nobody to give it to.
    #[must_use]
    pub fn warned(self, days: u16) -> Self {
        let least = self.warned.map_or(days, |before| before.min(days));
        Self { warned: Some(least), ..self }
    }

    /// Says what is to become of the name of an approval that has run out.
    #[must_use]
    pub fn falling_back(self, fallback: Fallback) -> Self {
        match self.state {
            State::Expired { .. } | State::Revoked { .. } => Self { fallback: Some(fallback), ..self },
            _ => self,
        }
    }

    /// Whether renewing this means a new request for the same write: it ran out of time, or its approval does.
    #[must_use]
    pub const fn may_begin_again(&self) -> bool {
        matches!(
            self.state,
            State::Lapsed { .. } | State::Applied { .. } | State::Expired { .. } | State::Revoked { .. }
        )
    }

    /// When time next has something to say about this request.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        if let Some(window) = self.open_window() {
            return Some(window.until);
        }
        match self.state {
            State::Open | State::InReview | State::Approved { .. } => self.expires,
            State::Applied { .. } => self.warnings().map(|(_, moment)| moment).next().or(self.valid_until),
            State::Expired { at, .. } | State::Revoked { at, .. } => {
                let open = matches!(self.fallback, Some(Fallback::Due | Fallback::Moving { .. }));
                open.then_some(at)
            }
            _ => None,
        }
    }
}

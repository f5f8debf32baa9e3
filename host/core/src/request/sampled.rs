//! Sampled review: a write that nobody had to sign, looked at by a person after it was made.
//!
//! This module must not know: how samples are drawn, who may look.

use serde::{Deserialize, Serialize};

use super::{InvalidStep, PromotionRequest, State};
use crate::decide::GateVerdict;
use crate::names::Seat;
use crate::waiver::Endorsement;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// Who looks at it.
    pub seat: Seat,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<SampleReview>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleReview {
    pub word: Endorsement,
    /// `false`: they object.
    pub confirmed: bool,
}

impl Sampled {
    /// What an enforced gate has drawn.
    pub(super) fn drawn(gates: &[GateVerdict]) -> Option<Self> {
        let seat = gates.iter().filter(|gate| gate.enforced).find_map(|gate| gate.sampled.clone())?;
        // Where another gate had it signed, somebody has looked at it already.
        let signed = gates.iter().any(|gate| gate.enforced && !gate.seats.is_empty());
        (!signed).then_some(Self { seat, reviewed: None })
    }
}

impl PromotionRequest {
    /// The seat that is still to look at it.
    #[must_use]
    pub fn sample_waits_for(&self) -> Option<&Seat> {
        let made = matches!(self.state, State::Applied { .. });
        self.sampled
            .as_ref()
            .filter(|sampled| made && sampled.reviewed.is_none())
            .map(|sampled| &sampled.seat)
    }

    /// Somebody has looked at it. Whoever objects suspends it: see [`Self::suspended`].
    ///
    /// # Errors
    /// When nobody is asked to, or somebody has already.
    pub fn sample_reviewed(self, word: Endorsement, confirmed: bool) -> Result<Self, InvalidStep> {
        let step = "reviewed as a sample";
        let Some(seat) = self.sample_waits_for().cloned() else {
            return Err(InvalidStep { state: self.state.as_str(), step });
        };
        let now = word.at;
        let (by, why) = (word.by.clone(), word.rationale.clone());
        let reviewed = Some(SampleReview { word, confirmed });
        let this = Self { sampled: Some(Box::new(Sampled { seat, reviewed })), ..self };
        if confirmed {
            Ok(this)
        } else {
            this.suspended(Some(by), format!("objected to in a sampled review: {why}"), now)
        }
    }
}

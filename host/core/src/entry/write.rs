//! A write that is about to be made, and how it ended.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Basis;
use crate::action::Placed;
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::facts::Subject;
use crate::names::PersonId;
use crate::request::RequestId;
use crate::review::Authors;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub id: Uuid,
    pub request: Option<RequestId>,
    pub placed: Placed,
    /// `None` when a bypass is put back.
    pub subject: Option<Subject>,
    pub binding: Digest,
    pub policy: Digest,
    pub by: Option<PersonId>,
    pub gates: Vec<GateVerdict>,
    pub authors: Authors,
    /// Digest of the exact body that is forwarded.
    pub body: Digest,
    /// The emergency that opened the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Uuid>,
    /// Whether it is one more write in a window that the request opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_window: bool,
    /// Further versions that it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Subject>,
    /// What the decision rested on; `None` where nothing was decided anew, and in entries of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Box<Basis>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum OutcomeResult {
    /// MLflow answered 200.
    Applied,
    /// MLflow refused it.
    Refused { status: u16, message: String },
    /// Nobody answered; the sweeper will look.
    Unknown { message: String },
    /// The sweeper looked: the registry shows the change.
    FoundApplied,
    /// The sweeper looked: the registry does not show the change.
    FoundNotApplied,
    /// Nothing shows whether it was made: a file does not say who wrote it. It counts as made.
    CannotTell,
}

impl OutcomeResult {
    /// Whether the write was made, or may have been and nobody can find out any more.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        matches!(self, Self::Applied | Self::FoundApplied | Self::CannotTell)
    }
}

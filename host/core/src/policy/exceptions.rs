//! What a policy says about exceptions: who may approve a waiver, and who may break the glass.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::names::Seat;
use crate::time::Span;

/// `[waivers]`: without it, no waiver counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverRule {
    /// Whose approval makes a waiver count.
    pub seat: Seat,
    /// The longest that one may run.
    pub max: Span,
}

/// `[break_glass]`: without it, nobody can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakGlassRule {
    /// Whoever fills this seat may, besides `members`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
    /// Account names.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<String>,
    /// How long the gate stands open.
    pub lasts: Span,
    /// The seat that looks at it afterwards; the next use waits for that.
    pub reviewed_by: Seat,
}

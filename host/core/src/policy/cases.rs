//! Cases that a policy must decide as they say: what lies next to a policy as `policy.tests.toml`.
//!
//! A case is a version, a write, what checks and people said of it, and the answer that is expected. It is decided by
//! the same `decide` as a real write. This module must not know: where files lie, what a plugin would really say.

mod compare;
mod given;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::compare::Difference;
pub use self::given::GivenFacts;
pub use self::run::{CaseRun, Got};
use super::{Policy, PolicyError};
use crate::check::{Conclusion, FailureClass, RuleOutcome};
use crate::names::{GateName, PersonId, PluginName, Seat, Tier};
use crate::review::{Authors, Vote};
use crate::target::Target;
use crate::time::Millis;

/// One `[[case]]`.
#[derive(Debug, Clone)]
pub struct PolicyCase {
    pub name: String,
    pub file: String,
    /// Where it stands in its file, from 1.
    pub line: usize,
    pub target: Target,
    pub facts: GivenFacts,
    /// A recorded facts snapshot to begin with: a file, or the digest of one that is kept.
    pub snapshot: Option<String>,
    pub at: Millis,
    pub authors: Authors,
    /// What checks say; one that is not named passes.
    pub checks: BTreeMap<PluginName, CheckSays>,
    /// What rules say; one that is not named asks for nothing more.
    pub rules: BTreeMap<PluginName, RuleOutcome>,
    pub reviews: Vec<GivenReview>,
    pub waivers: Vec<GivenWaiver>,
    /// Who has broken the glass for this write.
    pub break_glass: Option<PersonId>,
    pub open_threads: u32,
    /// Who is known to be in a group, written as in the policy.
    pub groups: BTreeMap<String, BTreeSet<PersonId>>,
    pub machines: BTreeSet<PersonId>,
    /// The tier that the same write was judged by before.
    pub judged_before: Option<Tier>,
    pub expect: Expected,
}

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckSays {
    Reported(Conclusion),
    Failed(FailureClass),
    NotRun,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenReview {
    pub by: PersonId,
    pub seat: Seat,
    pub vote: Vote,
    pub at: Option<Millis>,
    /// Whether it carries the proof of who gave it, where the tier asks for one.
    pub signed: bool,
    /// Whether it is about what is there now.
    pub stale: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenWaiver {
    pub gate: GateName,
    pub what: Waives,
    pub author: Option<PersonId>,
    pub owner: Option<PersonId>,
    pub approved_by: Option<PersonId>,
    pub expires: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waives {
    Check(PluginName),
    Seat(Seat),
}

/// What must come out. `None`: anything may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    pub decision: String,
    pub tier: Option<String>,
    /// As many as there are, in any order, each of them in one of the phrases.
    pub needs: Option<Vec<String>>,
    pub violations: Option<Vec<String>>,
    /// How many people each seat must have.
    pub seats: Option<BTreeMap<Seat, u32>>,
    /// The gates that guard it.
    pub gates: Option<Vec<String>>,
    /// What gates that only monitor would have answered.
    pub monitored: Option<String>,
}

impl Policy {
    /// Reads cases of this policy. `file` is only named in errors.
    ///
    /// # Errors
    /// Every fault of the text, each with its line and column; names that the policy does not have are faults.
    pub fn cases(&self, file: &str, text: &str) -> Result<Vec<PolicyCase>, PolicyError> {
        super::parse::cases(self, file, text)
    }
}

// Not formatted: `expect-test` cannot update expectations that are broken over lines.
#[cfg(test)]
#[rustfmt::skip]
mod tests;

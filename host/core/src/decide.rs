//! `decide`: whether a governed write may be made. Pure and synchronous; the only place that mints a [`Permit`].
//!
//! Every gate that guards the action is judged by itself and explains itself. The whole is the strictest of
//! them: one denial denies, otherwise one hold holds. Gates that only monitor are judged in the same way and
//! never stand in the way. How one gate is judged is in [`tally`].

mod tally;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::verdict::{GateVerdict, Need, SeatCount, Verdict, Violation};
use crate::action::{Action, Placed};
use crate::break_glass::BreakGlass;
use crate::canonical::CanonicalError;
use crate::check::{CheckRun, FailureClass, RuleRun};
use crate::digest::Digest;
use crate::entry::Bypass;
use crate::facts::Subject;
use crate::names::{GateName, PersonId, PluginName, Seat, Stage, Tier};
use crate::permit::Permit;
use crate::policy::{FactRead, Sample, WaiverRule};
use crate::request::{Prior, PromotionRequest, State, Window};
use crate::review::{Authors, Review, Roster};
use crate::time::{Millis, Span};
use crate::waiver::Waiver;

/// What one gate asks of one subject: the policy, after matching and tiering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    pub gate: GateName,
    /// `false`: the gate monitors.
    pub enforced: bool,
    pub tier: TierFound,
    /// What the tier was found by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tier_facts: Vec<FactRead>,
    /// A stricter tier that the same write was judged by before. Its seats are asked too: see [`crate::lowered`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowered_from: Option<Tier>,
    pub checks: Vec<CheckDemand>,
    pub rules: Vec<PluginName>,
    /// How many different people each seat needs.
    pub seats: BTreeMap<Seat, u32>,
    /// Seats whose rejection denies whether or not they are asked for.
    #[serde(default)]
    pub vetoes: BTreeSet<Seat>,
    /// How long an approval counts.
    pub expires: Option<Span>,
    /// Whether a version whose creator nobody recorded is held.
    pub unknown_author_holds: bool,
    /// Whether one whose run names an author whom nobody here knows is held.
    #[serde(default)]
    pub unknown_run_author_holds: bool,
    /// Whether a vote waits until the evidence was opened.
    #[serde(default)]
    pub evidence_first: bool,
    /// Whether a thread that nobody settled holds.
    #[serde(default)]
    pub unresolved_blocks: bool,
    /// Whether an approval counts only with the proof of who gave it.
    #[serde(default)]
    pub reauthenticate: bool,
    /// Which of the writes that nobody signs are looked at afterwards.
    #[serde(default)]
    pub sample: Option<Sample>,
    /// Whether Countersign makes the write itself once nothing is missing.
    #[serde(default)]
    pub applies: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TierFound {
    /// The policy has no tiers.
    None,
    Known(Tier),
    /// A condition could not be evaluated, and why.
    Unknown(String),
}

impl TierFound {
    #[must_use]
    pub const fn known(&self) -> Option<&Tier> {
        if let Self::Known(tier) = self { Some(tier) } else { None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDemand {
    pub plugin: PluginName,
    pub config_digest: Digest,
    pub required: bool,
    /// Failure classes that hold instead of denying.
    pub holds_on: BTreeSet<FailureClass>,
}

/// Everything that a decision may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub placed: &'a Placed,
    pub binding: Digest,
    pub subject: &'a Subject,
    pub policy: Digest,
    pub demands: &'a [Demand],
    pub check_runs: &'a [CheckRun],
    pub rule_runs: &'a [RuleRun],
    pub reviews: &'a [Review],
    /// Threads of its request that nobody has settled.
    pub open_threads: u32,
    pub roster: &'a Roster,
    pub authors: &'a Authors,
    pub exceptions: Exceptions<'a>,
    pub now: Millis,
}

/// What somebody answers for instead. All of it is judged here: a waiver that may not count changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exceptions<'a> {
    pub waivers: &'a [Waiver],
    pub waiver_rule: Option<&'a WaiverRule>,
    pub break_glass: Option<&'a BreakGlass>,
}

/// Never a bool: each answer carries its reasons, and only one of them carries a permit.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a decision is made once and moved once")]
pub enum Decision {
    Allow(Permit, Vec<GateVerdict>),
    /// Something is still needed.
    Hold(Vec<GateVerdict>),
    /// Something stands against it.
    Deny(Vec<GateVerdict>),
}

impl Decision {
    #[must_use]
    pub fn gates(&self) -> &[GateVerdict] {
        match self {
            Self::Allow(_, gates) | Self::Hold(gates) | Self::Deny(gates) => gates,
        }
    }

    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow(..) => "allow",
            Self::Hold(_) => "hold",
            Self::Deny(_) => "deny",
        }
    }
}

/// The digest that approvals bind to: exactly what was reviewed. What the name holds until then is part of it
/// where Countersign makes the write itself, because nobody looks again in between.
///
/// # Errors
/// When a number in it has no canonical form.
pub fn binding(
    placed: &Placed,
    subject: &Subject,
    policy: Digest,
    tiers: &[TierFound],
    (prior, also): (Option<Prior>, &[Subject]),
) -> Result<Digest, CanonicalError> {
    #[derive(Serialize)]
    struct Bound<'a> {
        action: &'a Placed,
        #[serde(skip_serializing_if = "<[Subject]>::is_empty")]
        also: &'a [Subject],
        policy: Digest,
        #[serde(skip_serializing_if = "Option::is_none")]
        prior: Option<Prior>,
        subject: &'a Subject,
        tiers: &'a [TierFound],
    }
    Digest::of_json(&Bound { action: placed, also, policy, prior, subject, tiers })
}

/// Decides a governed write. In an emergency the gates say what they say, and the write may be made nevertheless.
#[must_use]
pub fn decide(case: &Case<'_>) -> Decision {
    let gates = tally::judge(case);
    let permit = || Permit::mint(case.placed.clone(), case.binding, case.policy);
    let binding = |test: fn(&Verdict) -> bool| gates.iter().any(|g| g.enforced && test(&g.verdict));
    if case.exceptions.break_glass.is_some_and(|broken| broken.opens(case.placed, case.roster, case.now)) {
        Decision::Allow(permit(), gates)
    } else if binding(|v| matches!(v, Verdict::Denied(_))) {
        Decision::Deny(gates)
    } else if binding(|v| matches!(v, Verdict::Held(_))) {
        Decision::Hold(gates)
    } else {
        Decision::Allow(permit(), gates)
    }
}

/// The authors of a subject together with those of the waivers that a decision about it rests on.
#[must_use]
pub fn accountable(authors: &Authors, gates: &[GateVerdict], waivers: &[Waiver]) -> Authors {
    let used: Vec<uuid::Uuid> =
        gates.iter().flat_map(|gate| &gate.waived).map(|waived| waived.waiver).collect();
    let people = waivers.iter().filter(|waiver| used.contains(&waiver.id)).flat_map(Waiver::people);
    let waived_by = authors.waived_by.iter().cloned().chain(people).collect();
    Authors { waived_by, ..authors.clone() }
}

/// Leave to put back what a permit once set and a bypass moved: the one write that follows from an entry alone.
///
/// # Errors
/// When a number in it has no canonical form.
pub fn restore(bypass: &Bypass, placed: &Placed, policy: Digest) -> Result<Permit, CanonicalError> {
    Ok(Permit::mint(placed.clone(), Digest::of_json(bypass)?, policy))
}

/// Leave for one write of files in a window that people have agreed to.
#[must_use]
pub fn within(
    window: &Window,
    placed: &Placed,
    by: &PersonId,
    policy: Digest,
    now: Millis,
) -> Option<Permit> {
    window.lets(placed, by, policy, now).then(|| Permit::mint(placed.clone(), window.binding, policy))
}

/// Leave to take a version out of the stage that it was approved for, because that approval has run out and the
/// policy says where it goes then. It gives nothing to anybody.
#[must_use]
pub fn give_up(expired: &PromotionRequest, to: Stage, policy: Digest) -> Option<(Placed, Permit)> {
    let Action::TransitionStage { model, version, .. } = &expired.placed.action else { return None };
    if !matches!(expired.state, State::Expired { .. }) || !matches!(to, Stage::Archived | Stage::None) {
        return None;
    }
    let (model, version) = (model.clone(), *version);
    let action = Action::TransitionStage { model, version, stage: to, archive_existing: false };
    let placed = Placed { workspace: expired.placed.workspace.clone(), action };
    let permit = Permit::mint(placed.clone(), expired.binding, policy);
    Some((placed, permit))
}

#[cfg(test)]
pub(crate) mod tests;

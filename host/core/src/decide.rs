//! `decide`: whether a governed write may be made. Pure and synchronous; the only place that mints a [`Permit`].
//!
//! Every gate that guards the action is judged by itself and explains itself. The whole is the strictest of
//! them: one denial denies, otherwise one hold holds. Gates that only monitor are judged in the same way and
//! never stand in the way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::action::Placed;
use crate::canonical::CanonicalError;
use crate::check::{CheckRun, Conclusion, FailureClass, Outcome, RuleOutcome, RuleRun};
use crate::digest::Digest;
use crate::entry::Bypass;
use crate::facts::Subject;
use crate::names::{GateName, PersonId, PluginName, Seat, Tier};
use crate::permit::Permit;
use crate::review::{Authors, Review, Roster, approvals, rejections};
use crate::time::{Millis, Span};

/// What one gate asks of one subject: the policy, after matching and tiering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    pub gate: GateName,
    /// `false`: the gate monitors.
    pub enforced: bool,
    pub tier: TierFound,
    pub checks: Vec<CheckDemand>,
    pub rules: Vec<PluginName>,
    /// How many different people each seat needs.
    pub seats: BTreeMap<Seat, u32>,
    /// How long an approval counts.
    pub expires: Option<Span>,
    /// Whether a version whose creator nobody recorded is held.
    pub unknown_author_holds: bool,
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
    pub policy: Digest,
    pub demands: &'a [Demand],
    pub check_runs: &'a [CheckRun],
    pub rule_runs: &'a [RuleRun],
    pub reviews: &'a [Review],
    pub roster: &'a Roster,
    pub authors: &'a Authors,
    pub now: Millis,
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

/// What one gate says, and by which measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateVerdict {
    pub gate: GateName,
    pub enforced: bool,
    pub tier: TierFound,
    pub verdict: Verdict,
    /// Who has signed in which seat, and how many are asked for.
    pub seats: BTreeMap<Seat, SeatCount>,
    /// What of the separation of duties nobody can prove.
    pub unproven: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCount {
    pub needed: u32,
    pub signed: BTreeSet<PersonId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Satisfied,
    Held(Vec<Need>),
    Denied(Vec<Violation>),
}

impl Verdict {
    /// Whether people can settle what is open by signing.
    #[must_use]
    pub fn wants_only_signatures(&self) -> bool {
        match self {
            Self::Satisfied => true,
            Self::Held(needs) => needs.iter().all(|need| matches!(need, Need::Signatures { .. })),
            Self::Denied(_) => false,
        }
    }
}

/// What is still missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "need", rename_all = "kebab-case")]
pub enum Need {
    Signatures { seat: Seat, missing: u32 },
    CheckRun { plugin: PluginName },
    CheckAgain { plugin: PluginName, message: String },
    Rule { plugin: PluginName, message: String },
    Tier { message: String },
    Author { message: String },
}

/// What stands against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "violation", rename_all = "kebab-case")]
pub enum Violation {
    CheckFailed { plugin: PluginName, message: String },
    CheckErrored { plugin: PluginName, class: FailureClass, message: String },
    CheckSkipped { plugin: PluginName, message: String },
    RuleDenied { plugin: PluginName, code: String, message: String },
    Rejected { by: PersonId, rationale: String },
}

/// The digest that approvals bind to: exactly what was reviewed (design §1.3).
///
/// # Errors
/// When a number in it has no canonical form.
pub fn binding(
    placed: &Placed,
    subject: &Subject,
    policy: Digest,
    tiers: &[TierFound],
) -> Result<Digest, CanonicalError> {
    #[derive(Serialize)]
    struct Bound<'a> {
        action: &'a Placed,
        policy: Digest,
        subject: &'a Subject,
        tiers: &'a [TierFound],
    }
    Digest::of_json(&Bound { action: placed, policy, subject, tiers })
}

/// Decides a governed write.
#[must_use]
pub fn decide(case: &Case<'_>) -> Decision {
    let gates: Vec<GateVerdict> = case.demands.iter().map(|demand| judge(demand, case)).collect();
    let binding = |test: fn(&Verdict) -> bool| gates.iter().any(|g| g.enforced && test(&g.verdict));
    if binding(|v| matches!(v, Verdict::Denied(_))) {
        Decision::Deny(gates)
    } else if binding(|v| matches!(v, Verdict::Held(_))) {
        Decision::Hold(gates)
    } else {
        Decision::Allow(Permit::mint(case.placed.clone(), case.binding, case.policy), gates)
    }
}

/// Leave to put back what a permit once set and a bypass moved: the one write that follows from an entry alone.
///
/// # Errors
/// When a number in it has no canonical form.
pub fn restore(bypass: &Bypass, placed: &Placed, policy: Digest) -> Result<Permit, CanonicalError> {
    Ok(Permit::mint(placed.clone(), Digest::of_json(bypass)?, policy))
}

fn judge(demand: &Demand, case: &Case<'_>) -> GateVerdict {
    let mut tally = Tally::default();
    for check in &demand.checks {
        tally.check(check, case.check_runs);
    }
    let mut needed = demand.seats.clone();
    for rule in &demand.rules {
        tally.rule(rule, case.rule_runs, &mut needed);
    }
    if let TierFound::Unknown(message) = &demand.tier {
        tally.needs.push(Need::Tier { message: message.clone() });
    }
    let seats = tally.seats(demand, &needed, case);
    let unproven = tally.authors(demand, &needed, case.authors);
    GateVerdict {
        gate: demand.gate.clone(),
        enforced: demand.enforced,
        tier: demand.tier.clone(),
        verdict: tally.verdict(),
        seats,
        unproven,
    }
}

#[derive(Default)]
struct Tally {
    needs: Vec<Need>,
    violations: Vec<Violation>,
}

impl Tally {
    fn check(&mut self, demand: &CheckDemand, runs: &[CheckRun]) {
        let plugin = demand.plugin.clone();
        let run = runs.iter().find(|r| r.plugin == plugin && r.config_digest == demand.config_digest);
        match run.map(|run| &run.outcome) {
            _ if !demand.required => {}
            None => self.needs.push(Need::CheckRun { plugin }),
            Some(Outcome::Failed(failure)) if demand.holds_on.contains(&failure.class) => {
                self.needs.push(Need::CheckAgain { plugin, message: failure.message.clone() });
            }
            Some(Outcome::Failed(failure)) => {
                let (class, message) = (failure.class, failure.message.clone());
                self.violations.push(Violation::CheckErrored { plugin, class, message });
            }
            Some(Outcome::Reported(report)) => {
                let message = report.summary.clone();
                match report.conclusion {
                    Conclusion::Pass | Conclusion::Warn => {}
                    Conclusion::Fail => self.violations.push(Violation::CheckFailed { plugin, message }),
                    Conclusion::Skipped => self.violations.push(Violation::CheckSkipped { plugin, message }),
                    Conclusion::Error => {
                        let class = FailureClass::Undecided;
                        self.violations.push(Violation::CheckErrored { plugin, class, message });
                    }
                }
            }
        }
    }

    /// A rule adds: the larger of two quorums counts, and nothing that it says makes one smaller.
    fn rule(&mut self, rule: &PluginName, runs: &[RuleRun], needed: &mut BTreeMap<Seat, u32>) {
        let plugin = rule.clone();
        match runs.iter().find(|run| run.plugin == plugin).map(|run| &run.outcome) {
            None => {
                let message = "the rule has not run yet".to_owned();
                self.needs.push(Need::Rule { plugin, message });
            }
            Some(RuleOutcome::Failed(failure)) => {
                self.needs.push(Need::Rule { plugin, message: failure.message.clone() });
            }
            Some(RuleOutcome::Ruled(ruling)) => {
                for wanted in &ruling.seats {
                    let count = needed.entry(wanted.seat.clone()).or_default();
                    *count = (*count).max(wanted.count);
                }
                self.violations.extend(ruling.denials.iter().map(|finding| Violation::RuleDenied {
                    plugin: plugin.clone(),
                    code: finding.code.clone(),
                    message: finding.message.clone(),
                }));
            }
        }
    }

    fn seats(
        &mut self,
        demand: &Demand,
        needed: &BTreeMap<Seat, u32>,
        case: &Case<'_>,
    ) -> BTreeMap<Seat, SeatCount> {
        let fresh: Vec<Review> =
            case.reviews.iter().filter(|r| counts(r, demand, case.now)).cloned().collect();
        let mut filled = approvals(&fresh, case.binding, case.roster, case.authors);
        for review in rejections(&fresh, case.binding, case.roster, case.authors) {
            if review.seat.as_ref().is_some_and(|seat| needed.contains_key(seat)) {
                let (by, rationale) = (review.reviewer.clone(), review.rationale.clone());
                self.violations.push(Violation::Rejected { by, rationale });
            }
        }
        let mut seats = BTreeMap::new();
        for (seat, &needed) in needed {
            let signed = filled.remove(seat).unwrap_or_default();
            let missing = needed.saturating_sub(u32::try_from(signed.len()).unwrap_or(u32::MAX));
            if missing > 0 {
                self.needs.push(Need::Signatures { seat: seat.clone(), missing });
            }
            seats.insert(seat.clone(), SeatCount { needed, signed });
        }
        seats
    }

    /// Separation of duties can only be proved against authors that somebody recorded.
    fn authors(&mut self, demand: &Demand, needed: &BTreeMap<Seat, u32>, authors: &Authors) -> Vec<String> {
        if needed.is_empty() || authors.creator.is_some() {
            return Vec::new();
        }
        let message =
            "nobody recorded who registered this version, so it cannot be proved that its approvers \
                       did not: register it again through Countersign, or set `unknown_author = \"accept\"`"
                .to_owned();
        if demand.unknown_author_holds {
            self.needs.push(Need::Author { message: message.clone() });
        }
        vec![message]
    }

    fn verdict(self) -> Verdict {
        match (self.violations.is_empty(), self.needs.is_empty()) {
            (false, _) => Verdict::Denied(self.violations),
            (true, false) => Verdict::Held(self.needs),
            (true, true) => Verdict::Satisfied,
        }
    }
}

fn counts(review: &Review, demand: &Demand, now: Millis) -> bool {
    demand.expires.is_none_or(|span| review.at.plus(span) > now)
}

#[cfg(test)]
mod tests;

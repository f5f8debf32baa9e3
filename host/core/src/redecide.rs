//! A decision made again from what it rested on, by any policy: the whole pure way from a policy to an answer, in one
//! call. `policy test` asks it of invented cases, `policy backtest` of recorded ones; nothing can be carried out by
//! its answer, which holds no permit.
//!
//! This module must not know: where facts, runs and people come from.

use crate::action::Placed;
use crate::break_glass::BreakGlass;
use crate::canonical::CanonicalError;
use crate::check::{CheckRun, RuleRun};
use crate::decide::{Case, Demand, Exceptions, GateVerdict, Verdict, decide};
use crate::digest::Digest;
use crate::facts::{Facts, Subject};
use crate::lowered::Lowered;
use crate::policy::{GateMatch, Governance, Holdings, Policy};
use crate::review::{Authors, Review, Roster};
use crate::time::Millis;
use crate::waiver::Waiver;

/// What ran.
pub type Ran = (Vec<CheckRun>, Vec<RuleRun>);

/// Everything that a decision rests on, but for the policy.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    pub placed: &'a Placed,
    pub facts: &'a Facts,
    /// Those of the further versions that it would change.
    pub also: &'a [Facts],
    pub holdings: &'a Holdings,
    /// What reviews must name to count.
    pub binding: Digest,
    /// What ran on a version for a gate that asks this.
    pub runs: &'a dyn Fn(&GateMatch<'_>, &Demand, &Subject) -> Ran,
    pub reviews: &'a [Review],
    pub open_threads: u32,
    pub authors: &'a Authors,
    pub roster: &'a Roster,
    pub waivers: &'a [Waiver],
    pub break_glass: Option<&'a BreakGlass>,
    /// What the same write was judged by before.
    pub before: &'a [GateVerdict],
    pub now: Millis,
}

/// What a policy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No gate guards it.
    Ungoverned,
    /// Nobody can allow it; why.
    Refused(String),
    Allow(Vec<GateVerdict>),
    Hold(Vec<GateVerdict>),
    Deny(Vec<GateVerdict>),
}

impl Answer {
    /// Every word that there is for one.
    pub const ALL: [&'static str; 5] = ["ungoverned", "refused", "allow", "hold", "deny"];

    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ungoverned => "ungoverned",
            Self::Refused(_) => "refused",
            Self::Allow(_) => "allow",
            Self::Hold(_) => "hold",
            Self::Deny(_) => "deny",
        }
    }

    #[must_use]
    pub fn gates(&self) -> &[GateVerdict] {
        match self {
            Self::Ungoverned | Self::Refused(_) => &[],
            Self::Allow(gates) | Self::Hold(gates) | Self::Deny(gates) => gates,
        }
    }

    /// Whether the write would be made.
    #[must_use]
    pub const fn lets_through(&self) -> bool {
        matches!(self, Self::Ungoverned | Self::Allow(_))
    }
}

/// What gates that only monitor would have answered, in the words of [`Answer`]; `None` where there is none.
#[must_use]
pub fn monitored(gates: &[GateVerdict]) -> Option<&'static str> {
    let all = || gates.iter().filter(|gate| !gate.enforced).map(|gate| &gate.verdict);
    all().next()?;
    let any = |test: fn(&Verdict) -> bool| all().any(test);
    Some(if any(|verdict| matches!(verdict, Verdict::Denied(_))) {
        "deny"
    } else if any(|verdict| matches!(verdict, Verdict::Held(_))) {
        "hold"
    } else {
        "allow"
    })
}

/// Decides by this policy.
///
/// # Errors
/// When a number in the policy has no canonical form.
pub fn redecide(policy: &Policy, basis: &Basis<'_>) -> Result<Answer, CanonicalError> {
    let action = &basis.placed.action;
    let governance = policy.governs(action, basis.holdings);
    let Governance::Gates(matches) = &governance else {
        let refused = governance.refuses();
        return Ok(if refused { Answer::Refused(governance.to_string()) } else { Answer::Ungoverned });
    };
    let (first, others) = policy.judging(action, (basis.facts, basis.also), matches);
    let lowered = Lowered::find(policy, basis.before, &first.tier);
    let (mut demands, mut checks, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for matched in matches {
        let mut theirs = others.iter().filter(|one| matched.concerns(one.subject()));
        let strictest = if matched.concerns(first.subject()) { None } else { theirs.next() };
        let strictest = strictest.unwrap_or(&first);
        let tiers = theirs.clone().map(|one| &one.tier);
        let asked = policy.demand_of_all(matched, (&strictest.tier, &strictest.read), tiers)?;
        for one in std::iter::once(strictest).chain(theirs) {
            let (ran, ruled) = (basis.runs)(matched, &asked, one.subject());
            checks.extend(ran);
            rules.extend(ruled);
        }
        demands.push(match &lowered {
            Some(lowered) => lowered.demand(policy, asked),
            None => asked,
        });
    }
    Ok(answer(policy, basis, first.subject(), &demands, (&checks, &rules)))
}

fn answer(
    policy: &Policy,
    basis: &Basis<'_>,
    subject: &Subject,
    demands: &[Demand],
    (check_runs, rule_runs): (&[CheckRun], &[RuleRun]),
) -> Answer {
    use crate::decide::Decision;
    let exceptions =
        Exceptions { waivers: basis.waivers, waiver_rule: policy.waivers(), break_glass: basis.break_glass };
    let decision = decide(&Case {
        placed: basis.placed,
        binding: basis.binding,
        subject,
        policy: policy.digest().0,
        demands,
        check_runs,
        rule_runs,
        reviews: basis.reviews,
        open_threads: basis.open_threads,
        roster: basis.roster,
        authors: basis.authors,
        exceptions,
        now: basis.now,
    });
    match decision {
        // The permit ends here: what is decided again is not done again.
        Decision::Allow(_, gates) => Answer::Allow(gates),
        Decision::Hold(gates) => Answer::Hold(gates),
        Decision::Deny(gates) => Answer::Deny(gates),
    }
}

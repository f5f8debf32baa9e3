//! The risk class of a subject, computed from facts by CEL conditions.

mod condition;
mod read;
mod view;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::condition::{CannotTell, Condition, ConditionError};
pub use self::read::{FactRead, changed};
use super::Policy;
use crate::action::Action;
use crate::facts::Facts;
use crate::names::Tier;
use crate::time::Span;

/// One `[[tier]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierRule {
    pub name: Tier,
    /// `None` for the last tier, which takes everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// How long evidence about versions of this tier is kept after the last entry about them; `None`: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_evidence: Option<Span>,
}

/// The tier of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum TierOutcome {
    Known {
        tier: Tier,
        /// A sentence fragment for people.
        because: String,
    },
    /// The condition of this tier could not be evaluated, and no earlier tier matched. Such a subject may belong
    /// to this tier or to a later one, so the request must be held.
    Unknown { tier: Tier, reason: String },
}

impl TierOutcome {
    /// The tier, where it is known.
    #[must_use]
    pub const fn known(&self) -> Option<&Tier> {
        match self {
            Self::Known { tier, .. } => Some(tier),
            Self::Unknown { .. } => None,
        }
    }
}

/// A tier, and what it was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiering {
    pub outcome: TierOutcome,
    /// The facts that the conditions looked at, up to the one that holds, by name.
    pub read: Vec<FactRead>,
}

/// The first tier whose condition holds; see [`TierOutcome`] for conditions that cannot be evaluated.
#[must_use]
pub fn tiering(policy: &Policy, facts: &Facts, action: &Action) -> Tiering {
    // Only for a condition that looks: the last tier, often the only one, has none.
    let view = std::cell::LazyCell::new(|| view::View::new(facts, action));
    let mut looked_at = BTreeSet::new();
    let outcome = first(policy, &mut looked_at, &|condition| condition.holds(&view));
    let read = |path: &condition::reads::Path| FactRead::new(condition::reads::spelt(path), view.fact(path));
    Tiering { outcome, read: looked_at.into_iter().map(read).collect() }
}

fn first<'p>(
    policy: &'p Policy,
    looked_at: &mut BTreeSet<&'p condition::reads::Path>,
    holds: &dyn Fn(&Condition) -> Result<bool, CannotTell>,
) -> TierOutcome {
    for rule in policy.tiers() {
        let Some(when) = &rule.when else {
            return last(rule, policy.tiers().len());
        };
        looked_at.extend(when.reads());
        match holds(when) {
            Ok(true) => {
                return TierOutcome::Known { tier: rule.name.clone(), because: format!("`{when}` holds") };
            }
            Ok(false) => {}
            Err(error) => {
                return TierOutcome::Unknown { tier: rule.name.clone(), reason: error.to_string() };
            }
        }
    }
    // A parsed policy with gates ends in a tier without a condition; one without gates asks for no tier.
    let reason = "the policy has no tier without `when`".to_owned();
    TierOutcome::Unknown { tier: Tier::default(), reason }
}

fn last(rule: &TierRule, tiers: usize) -> TierOutcome {
    let because = if tiers == 1 { "it is the only tier" } else { "no earlier tier applies" };
    TierOutcome::Known { tier: rule.name.clone(), because: because.to_owned() }
}

// Not formatted: `expect-test` cannot update expectations that are broken over lines.
#[cfg(test)]
#[rustfmt::skip]
mod tests;

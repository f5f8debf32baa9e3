//! When a request is likely to be decided, by those of its tier that were decided in the last year.
//!
//! One that has waited already is compared with those that had waited as long: half of the others being quicker says
//! nothing about it any more. Where too few are left to tell, nothing is told.

use std::collections::BTreeMap;

use super::Projection;
use super::quantile::rank;
use super::scope::{Scope, Since};
use super::story::{Ending, Story};
use crate::names::Tier;
use crate::time::{Millis, Span};

/// Fewer decisions than this say nothing about the next.
pub const FEWEST_DECISIONS: usize = 5;

/// How long decisions of each tier took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paces {
    /// Sorted.
    by_tier: BTreeMap<Option<Tier>, Vec<i64>>,
}

/// What is likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Half of those that had waited as long were decided by then.
    By(Millis),
    /// Nearly all were decided sooner; half of all took no longer than this, in milliseconds.
    Late(i64),
}

impl Story {
    /// When people were done with it, whatever they said. `None` while they are not, and where nobody decided.
    #[must_use]
    pub fn decided(&self) -> Option<Millis> {
        match self.ended? {
            (Ending::Rejected, at) => Some(at),
            (Ending::Applied, at) => {
                Some(self.phases().map_or(at, |phases| self.opened.plus(Span::from_millis(phases.total()))))
            }
            (Ending::Withdrawn | Ending::Lapsed, _) => None,
        }
    }
}

impl Projection {
    #[must_use]
    pub fn paces(&self, now: Millis) -> Paces {
        let year = Scope { model: None, tier: None, since: Since::Year, now };
        let mut by_tier: BTreeMap<Option<Tier>, Vec<i64>> = BTreeMap::new();
        for story in self.stories() {
            if let Some(at) = story.decided().filter(|at| year.has(*at)) {
                by_tier.entry(story.tier.clone()).or_default().push(at.since(story.opened).max(0));
            }
        }
        by_tier.values_mut().for_each(|took| took.sort_unstable());
        Paces { by_tier }
    }
}

impl Paces {
    /// For a request of this tier that is not decided yet.
    #[must_use]
    pub fn outlook(&self, tier: Option<&Tier>, opened: Millis, now: Millis) -> Option<Outlook> {
        let took = self.by_tier.get(&tier.cloned())?;
        let half = |sorted: &[i64]| sorted.get(rank(sorted.len(), 50)?).copied();
        let usual = half(took).filter(|_| took.len() >= FEWEST_DECISIONS)?;
        let waited = now.since(opened);
        let as_long = took.partition_point(|length| *length <= waited);
        let slower = took.get(as_long..).filter(|slower| slower.len() >= FEWEST_DECISIONS.div_ceil(2));
        Some(match slower.and_then(half) {
            Some(length) => Outlook::By(opened.plus(Span::from_millis(length))),
            None => Outlook::Late(usual),
        })
    }
}

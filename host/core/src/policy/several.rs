//! Several versions under one decision: which gates look at which, and what is asked about all of them together.
//!
//! The strictest comes first: it is what the decision is about. A gate asks what it asks of the strictest that it looks
//! at, and in each seat as many people as for any of them. The live decision and one that is made again both combine
//! by this. This module must not know: where facts come from, what has run.

use std::cmp::Ordering;
use std::iter::once;

use super::{FactRead, GateMatch, Policy};
use crate::action::Action;
use crate::canonical::CanonicalError;
use crate::decide::{Demand, TierFound};
use crate::facts::{Facts, Subject};
use crate::names::{ModelName, Version};

/// One version that a write is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judging<'f> {
    pub facts: &'f Facts,
    pub tier: TierFound,
    /// What the tier was found by.
    pub read: Vec<FactRead>,
}

impl<'f> Judging<'f> {
    #[must_use]
    pub const fn subject(&self) -> &'f Subject {
        &self.facts.version.subject
    }
}

impl GateMatch<'_> {
    /// Whether this gate looks at a version: at every promotion, and of changes at those of the versions that it names.
    #[must_use]
    pub fn concerns(&self, subject: &Subject) -> bool {
        self.changes.is_empty() || self.names(subject)
    }

    fn names(&self, subject: &Subject) -> bool {
        let is_it =
            |(model, version): &(ModelName, Version)| *model == subject.model && *version == subject.version;
        self.changes.iter().any(is_it)
    }
}

impl Policy {
    /// Which of two versions comes first: the one of the stricter tier, or else by name. Tiers are listed from the
    /// strictest down; one that cannot be told is stricter than all.
    #[must_use]
    pub fn strictest_first(&self, one: (&TierFound, &Subject), other: (&TierFound, &Subject)) -> Ordering {
        let place = |tier: &TierFound| {
            let known = tier.known()?;
            self.tiers.iter().position(|rule| rule.name == *known)
        };
        let by =
            |(tier, subject): (&TierFound, &Subject)| (place(tier), subject.model.clone(), subject.version);
        by(one).cmp(&by(other))
    }

    /// What a matched gate asks about every version that it looks at.
    ///
    /// # Errors
    /// As [`Policy::demand`].
    pub fn demand_of_all<'t>(
        &self,
        matched: &GateMatch<'_>,
        (strictest, read): (&TierFound, &[FactRead]),
        others: impl IntoIterator<Item = &'t TierFound>,
    ) -> Result<Demand, CanonicalError> {
        let mut demand = Demand { tier_facts: read.to_vec(), ..self.demand(matched, strictest)? };
        for tier in others {
            for (seat, count) in matched.gate.seats_for_change(tier.known()) {
                demand.seats.entry(seat).and_modify(|most| *most = count.max(*most)).or_insert(count);
            }
        }
        Ok(demand)
    }

    /// The versions that a write is judged by, the strictest first: those that gates name, or else the first.
    #[must_use]
    pub fn judging<'f>(
        &self,
        action: &Action,
        (facts, also): (&'f Facts, &'f [Facts]),
        gates: &[GateMatch<'_>],
    ) -> (Judging<'f>, Vec<Judging<'f>>) {
        let of = |facts: &'f Facts| {
            let (tier, read) = self.tier_found(facts, action);
            Judging { facts, tier, read }
        };
        let named = |facts: &&Facts| gates.iter().any(|gate| gate.names(&facts.version.subject));
        let mut all: Vec<Judging<'f>> = once(facts).chain(also).filter(named).map(of).collect();
        all.sort_by(|one, other| {
            self.strictest_first((&one.tier, one.subject()), (&other.tier, other.subject()))
        });
        let mut all = all.into_iter();
        let first = all.next().unwrap_or_else(|| of(facts));
        (first, all.collect())
    }
}

//! A tier that was lowered: the same write was judged by a stricter tier before.
//!
//! Whoever changes a tag from `high` to `low` must not thereby do without the people whom `high` asks. So one person
//! of each seat that was asked by the stricter tier must agree to the lower one, by an approval of what is there now;
//! nobody who changed what is reviewed may fill a seat. Tiers are listed from the strictest down. What a request was
//! judged by stays with the same write, also after it was withdrawn and asked for again.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::{Demand, GateVerdict, TierFound};
use crate::names::{GateName, Seat, Tier};
use crate::policy::Policy;

/// What the same write was judged by before, where that was stricter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowered {
    pub from: Tier,
    asked: BTreeMap<GateName, BTreeSet<Seat>>,
}

impl Lowered {
    /// Compares what was found with what a request for the same write says. A tier that cannot be told is not lower:
    /// it holds by itself; what was stricter before is kept.
    #[must_use]
    pub fn find(policy: &Policy, before: &[GateVerdict], found: &TierFound) -> Option<Self> {
        let place = |tier: &Tier| policy.tiers().iter().position(|rule| rule.name == *tier);
        let strictest = before.iter().filter_map(judged_by).filter(|tier| place(tier).is_some());
        let from = strictest.min_by_key(|tier| place(tier))?.clone();
        let lower = found.known().is_none_or(|now| place(&from) < place(now));
        let asked = before.iter().map(|gate| (gate.gate.clone(), gate.seats.keys().cloned().collect()));
        lower.then(|| Self { asked: asked.collect(), from })
    }

    /// Asks one person of each seat that the stricter tier asks, and of each that was asked by it.
    #[must_use]
    pub fn demand(&self, policy: &Policy, demand: Demand) -> Demand {
        let gate = policy.gates().iter().find(|gate| gate.name == demand.gate);
        let by_policy = gate.and_then(|gate| policy.approvals(gate, &self.from));
        let by_policy = by_policy.into_iter().flat_map(|approvals| approvals.seats.keys());
        let mut seats = demand.seats;
        for seat in by_policy.chain(self.asked.get(&demand.gate).into_iter().flatten()) {
            seats.entry(seat.clone()).or_insert(1);
        }
        Demand { seats, lowered_from: Some(self.from.clone()), ..demand }
    }
}

fn judged_by(gate: &GateVerdict) -> Option<&Tier> {
    gate.lowered_from.as_ref().or_else(|| gate.tier.known())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{SeatCount, Verdict};

    const POLICY: &str = r#"
[[seat]]
name = "risk"
members = ["ruth", "rob"]
[[seat]]
name = "legal"
members = ["lea"]
[[tier]]
name = "high"
when = 'model.tags["risk"] == "high"'
[[tier]]
name = "medium"
when = 'model.tags["risk"] == "medium"'
[[tier]]
name = "low"
[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{ alias = "champion" }]
  [gate.approvals.high]
  seats = { risk = 2 }
"#;

    fn before(tier: TierFound, lowered_from: Option<&str>, seats: &[&str]) -> GateVerdict {
        let count = |_: &&str| SeatCount { needed: 2, signed: BTreeSet::new() };
        GateVerdict {
            tier,
            lowered_from: lowered_from.map(Into::into),
            seats: seats.iter().map(|seat| (Seat::from(*seat), count(seat))).collect(),
            ..GateVerdict::new("production".into(), Verdict::Held(Vec::new()))
        }
    }

    fn known(tier: &str) -> TierFound {
        TierFound::Known(tier.into())
    }

    fn check(before: &[GateVerdict], found: &TierFound, expect: Option<&str>) {
        let policy = Policy::parse("policy.toml", POLICY).unwrap();
        let lowered = Lowered::find(&policy, before, found);
        assert_eq!(lowered.map(|lowered| lowered.from), expect.map(Tier::from), "{found:?}");
    }

    #[test]
    fn lower_than_ever_before() {
        let high = [before(known("high"), None, &[])];
        check(&[], &known("low"), None);
        check(&high, &known("high"), None);
        check(&high, &known("medium"), Some("high"));
        check(&high, &known("low"), Some("high"));
        check(&[before(known("low"), None, &[])], &known("high"), None);
        // It stays with the write, whatever comes in between.
        check(&[before(known("low"), Some("high"), &[])], &known("low"), Some("high"));
        check(&[before(TierFound::Unknown(String::new()), Some("high"), &[])], &known("low"), Some("high"));
        check(&high, &TierFound::Unknown(String::new()), Some("high"));
        // A tier that the policy no longer has says nothing.
        check(&[before(known("critical"), None, &[])], &known("low"), None);
    }

    #[test]
    fn one_person_of_each_seat_must_agree() {
        let policy = Policy::parse("policy.toml", POLICY).unwrap();
        // `legal` was asked by a rule, which asks no more at the lower tier.
        let lowered =
            Lowered::find(&policy, &[before(known("high"), None, &["legal"])], &known("low")).unwrap();
        let demand = crate::decide::tests::demand(true, 0);
        let seats: Vec<(Seat, u32)> = lowered.demand(&policy, demand).seats.into_iter().collect();
        assert_eq!(seats, [(Seat::from("legal"), 1), (Seat::from("risk"), 1)]);
        let three = lowered.demand(&policy, crate::decide::tests::demand(true, 3));
        assert_eq!(three.seats.get(&Seat::from("risk")), Some(&3), "it never asks for less");
    }
}

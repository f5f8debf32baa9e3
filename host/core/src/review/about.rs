//! As much of a roster as a decision looks at: where those sat who have spoken.
//!
//! A decision asks of nobody else, so this much gives the same decision again, and is no longer than the words are many.
//! This module must not know: what was said.

use std::collections::{BTreeMap, BTreeSet};

use super::Roster;
use crate::names::PersonId;

impl Roster {
    /// What it says of these people, and of the members for whom they stand in.
    #[must_use]
    pub fn about(&self, people: &BTreeSet<&PersonId>) -> Self {
        let mut about = Self::default();
        for (seat, lent) in &self.delegates {
            let theirs = lent.iter().filter(|(who, _)| people.contains(who));
            let theirs: BTreeMap<_, _> = theirs.map(|(who, from)| (who.clone(), from.clone())).collect();
            if !theirs.is_empty() {
                about.delegates.insert(seat.clone(), theirs);
            }
        }
        let lenders: BTreeSet<&PersonId> =
            about.delegates.values().flat_map(BTreeMap::values).flatten().collect();
        let of = |all: &BTreeSet<PersonId>| -> BTreeSet<PersonId> {
            all.iter().filter(|who| people.contains(who) || lenders.contains(who)).cloned().collect()
        };
        let seats = self.seats.iter().map(|(seat, members)| (seat.clone(), of(members)));
        let seats = seats.filter(|(_, members)| !members.is_empty()).collect();
        let (machines, breakers) = (of(&self.machines), of(&self.breakers));
        Self { seats, machines, breakers, ..about }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::Seat;
    use crate::review::{Authors, chairs};

    const PEOPLE: [&str; 5] = ["ana", "dora", "lea", "omar", "ruth"];
    const SEATS: [&str; 2] = ["legal", "risk"];

    fn some() -> impl Strategy<Value = BTreeSet<PersonId>> {
        prop::collection::btree_set(prop::sample::select(&PEOPLE[..]).prop_map(PersonId::from), 0..4)
    }

    fn rosters() -> impl Strategy<Value = Roster> {
        let lent = prop::collection::btree_map(prop::sample::select(&PEOPLE[..]), some(), 0..3);
        (some(), some(), some(), lent).prop_map(|(legal, risk, machines, lent)| {
            let lent: BTreeMap<_, _> =
                lent.into_iter().map(|(who, from)| (PersonId::from(who), from)).collect();
            Roster {
                seats: BTreeMap::from([(SEATS[0].into(), legal), (SEATS[1].into(), risk)]),
                delegates: BTreeMap::from([(SEATS[1].into(), lent)]),
                machines,
                breakers: BTreeSet::new(),
            }
        })
    }

    proptest! {
        #[test]
        fn those_who_have_spoken_sit_where_they_sat(
            roster in rosters(),
            spoke in some(),
            requester in prop::option::of(prop::sample::select(&PEOPLE[..])),
        ) {
            let about = roster.about(&spoke.iter().collect());
            let authors = Authors { requester: requester.map(PersonId::from), ..Authors::default() };
            for seat in SEATS.map(Seat::from) {
                for who in &spoke {
                    prop_assert_eq!(
                        chairs(who, &seat, &about, &authors),
                        chairs(who, &seat, &roster, &authors)
                    );
                }
            }
        }
    }

    #[test]
    fn nobody_else_is_named() {
        let set = |people: &[&str]| people.iter().map(|who| PersonId::from(*who)).collect::<BTreeSet<_>>();
        let roster = Roster {
            seats: BTreeMap::from([("legal".into(), set(&["lea"])), ("risk".into(), set(&["omar", "ruth"]))]),
            delegates: BTreeMap::from([("risk".into(), BTreeMap::from([("dora".into(), set(&["omar"]))]))]),
            machines: set(&["ci"]),
            breakers: set(&["otto"]),
        };
        let about = roster.about(&set(&["dora", "otto"]).iter().collect());
        assert_eq!(about.seats, BTreeMap::from([(Seat::from("risk"), set(&["omar"]))]));
        assert_eq!((about.delegates, about.breakers), (roster.delegates, set(&["otto"])));
        assert!(about.machines.is_empty());
    }
}

//! Seating: which of those who have approved counts in which seat.
//!
//! One person fills one seat of a decision, and a member and whoever stands in for them fill one chair between
//! them. Within that, as many seats as possible are filled: a maximum flow from people over chairs to seats, found by
//! augmenting paths in the order of ids, so that the same votes are always seated alike.
//!
//! This module must not know: votes, gates, time.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{PersonId, Seat};

/// A place in a seat: the seat, and the member whose place it is.
pub type Chair = (Seat, PersonId);

/// The chairs that each person could take.
pub type Offers = BTreeMap<PersonId, BTreeSet<Chair>>;

/// Who fills which seat. What is needed is filled first; whoever is left over sits where there is a chair.
#[must_use]
pub fn seated(offers: &Offers, needed: &BTreeMap<Seat, u32>) -> BTreeMap<Seat, BTreeSet<PersonId>> {
    let mut seating = Seating { offers, needed: needed.clone(), taken: BTreeMap::new() };
    seating.fill();
    // Further paths only add: no seat that is filled loses anybody.
    seating.needed.values_mut().for_each(|needed| *needed = u32::MAX);
    seating.fill();
    let mut filled: BTreeMap<Seat, BTreeSet<PersonId>> = BTreeMap::new();
    for ((seat, _), person) in seating.taken {
        filled.entry(seat).or_default().insert(person);
    }
    filled
}

struct Seating<'a> {
    offers: &'a Offers,
    needed: BTreeMap<Seat, u32>,
    taken: BTreeMap<Chair, PersonId>,
}

/// What a search has looked at already.
#[derive(Default)]
struct Visited {
    chairs: BTreeSet<Chair>,
    seats: BTreeSet<Seat>,
}

impl Seating<'_> {
    fn fill(&mut self) {
        // Members before those who stand in for them.
        let lent =
            |(person, chairs): &(&PersonId, &BTreeSet<Chair>)| !chairs.iter().any(|(_, of)| of == *person);
        let mut people: Vec<(&PersonId, &BTreeSet<Chair>)> = self.offers.iter().collect();
        people.sort_by_key(lent);
        for (person, _) in people {
            if !self.taken.values().any(|seated| seated == person) {
                self.place(person, &mut Visited::default());
            }
        }
    }

    /// Seats a person, if need be by moving others.
    fn place(&mut self, person: &PersonId, visited: &mut Visited) -> bool {
        let chairs = self.offers.get(person).into_iter().flatten();
        for chair in chairs.filter(|(seat, _)| self.needed.contains_key(seat)).cloned().collect::<Vec<_>>() {
            if visited.chairs.insert(chair.clone()) && self.make_room(&chair, visited) {
                self.taken.insert(chair, person.clone());
                return true;
            }
        }
        false
    }

    /// Frees a chair, or finds room in its seat for one more.
    fn make_room(&mut self, chair: &Chair, visited: &mut Visited) -> bool {
        if let Some(sitting) = self.taken.get(chair).cloned() {
            return self.place(&sitting, visited);
        }
        self.has_room(&chair.0)
            || (visited.seats.insert(chair.0.clone()) && self.move_one_out(&chair.0, visited))
    }

    fn has_room(&self, seat: &Seat) -> bool {
        let sitting = self.taken.keys().filter(|(taken, _)| taken == seat).count();
        u32::try_from(sitting).is_ok_and(|sitting| self.needed.get(seat).is_some_and(|&n| sitting < n))
    }

    fn move_one_out(&mut self, seat: &Seat, visited: &mut Visited) -> bool {
        let sitting: Vec<Chair> = self.taken.keys().filter(|(taken, _)| taken == seat).cloned().collect();
        for chair in sitting {
            let fresh = visited.chairs.insert(chair.clone());
            let Some(person) = self.taken.get(&chair).cloned().filter(|_| fresh) else { continue };
            if self.place(&person, visited) {
                self.taken.remove(&chair);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `ruth:risk,legal`, or with a lender `dora:risk/ruth`.
    fn offers(text: &str) -> Offers {
        let person = |part: &str| {
            let (person, seats) = part.split_once(':').unwrap();
            let chair = |seat: &str| match seat.split_once('/') {
                Some((seat, member)) => (Seat::from(seat), PersonId::from(member)),
                None => (Seat::from(seat), PersonId::from(person)),
            };
            (PersonId::from(person), seats.split(',').map(chair).collect())
        };
        text.split_whitespace().map(person).collect()
    }

    fn needs(text: &str) -> BTreeMap<Seat, u32> {
        let need = |part: &str| {
            let (seat, count) = part.split_once('=').unwrap();
            (Seat::from(seat), count.parse().unwrap())
        };
        text.split_whitespace().map(need).collect()
    }

    fn check(voters: &str, needed: &str, expect: &str) {
        let filled = seated(&offers(voters), &needs(needed));
        let seats = filled.iter().map(|(seat, people)| {
            let people: Vec<&str> = people.iter().map(PersonId::as_str).collect();
            format!("{seat}={}", people.join("+"))
        });
        assert_eq!(seats.collect::<Vec<_>>().join(" "), expect, "{voters} for {needed}");
    }

    #[test]
    fn one_person_fills_one_seat() {
        check("ruth:risk,legal", "legal=1 risk=1", "legal=ruth");
        check("ruth:risk,legal omar:risk", "legal=1 risk=1", "legal=ruth risk=omar");
    }

    #[test]
    fn somebody_is_moved_where_that_fills_more() {
        check("ana:legal,risk ben:legal", "legal=1 risk=1", "legal=ben risk=ana");
        check("ana:a,b ben:b,c cy:a", "a=1 b=1 c=1", "a=cy b=ana c=ben");
        check("ana:a,b ben:a,b cy:a", "a=2 b=1", "a=ben+cy b=ana");
    }

    #[test]
    fn a_member_and_their_delegate_fill_one_chair() {
        check("dora:risk/ruth ruth:risk", "risk=2", "risk=ruth");
        check("dan:risk/ruth dora:risk/ruth,risk/omar", "risk=2", "risk=dan+dora");
    }

    #[test]
    fn whoever_is_left_over_is_shown_too() {
        check("ana:risk ben:risk", "risk=1", "risk=ana+ben");
        check("ana:sales", "risk=1", "");
    }

    fn any_offers() -> impl Strategy<Value = Offers> {
        let chair = ("[ab]|c", "[p-t]").prop_map(|(seat, member)| (Seat::new(seat), PersonId::new(member)));
        let chairs = proptest::collection::btree_set(chair, 0..4);
        proptest::collection::btree_map("[p-u]".prop_map(PersonId::new), chairs, 0..6)
    }

    fn any_needs() -> impl Strategy<Value = BTreeMap<Seat, u32>> {
        proptest::collection::btree_map("[abc]".prop_map(Seat::new), 1..3_u32, 0..3)
    }

    /// How many needed places are filled.
    fn score(filled: &BTreeMap<Seat, BTreeSet<PersonId>>, needed: &BTreeMap<Seat, u32>) -> usize {
        let count = |(seat, n): (&Seat, &u32)| filled.get(seat).map_or(0, BTreeSet::len).min(*n as usize);
        needed.iter().map(count).sum()
    }

    /// The best there is, by trying everything.
    fn best(
        people: &[(&PersonId, &BTreeSet<Chair>)],
        taken: &mut BTreeSet<Chair>,
        needed: &BTreeMap<Seat, u32>,
    ) -> usize {
        let Some(((_, chairs), rest)) = people.split_first() else {
            let at = |seat: &Seat| taken.iter().filter(|(taken, _)| taken == seat).count();
            return needed.iter().map(|(seat, n)| at(seat).min(*n as usize)).sum();
        };
        let mut found = best(rest, taken, needed);
        for chair in *chairs {
            if taken.insert(chair.clone()) {
                found = found.max(best(rest, taken, needed));
                taken.remove(chair);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn nobody_sits_twice_and_no_seating_is_better(offers in any_offers(), needed in any_needs()) {
            let filled = seated(&offers, &needed);
            let sitting: Vec<&PersonId> = filled.values().flatten().collect();
            prop_assert_eq!(sitting.iter().collect::<BTreeSet<_>>().len(), sitting.len());
            let people: Vec<_> = offers.iter().collect();
            prop_assert_eq!(score(&filled, &needed), best(&people, &mut BTreeSet::new(), &needed));
        }

        #[test]
        fn one_voter_less_never_fills_more(offers in any_offers(), needed in any_needs(), which in any::<proptest::sample::Index>()) {
            prop_assume!(!offers.is_empty());
            let gone = offers.keys().nth(which.index(offers.len())).cloned().unwrap();
            let mut fewer = offers.clone();
            fewer.remove(&gone);
            prop_assert!(score(&seated(&fewer, &needed), &needed) <= score(&seated(&offers, &needed), &needed));
        }
    }
}

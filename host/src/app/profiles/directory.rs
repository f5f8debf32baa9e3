//! People in memory: by id, by name, by group. Small enough to hold all of them, and nobody writes past us.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use countersign_core::names::{PersonId, fold};

use super::Kept;

#[derive(Debug, Default)]
pub(super) struct Directory {
    people: HashMap<PersonId, Kept>,
    by_name: BTreeMap<String, BTreeSet<PersonId>>,
    by_group: BTreeMap<String, BTreeSet<PersonId>>,
    erased: HashSet<PersonId>,
}

impl Directory {
    pub(super) fn get(&self, person: &PersonId) -> Option<&Kept> {
        self.people.get(person)
    }

    /// Nobody, when more than one has it.
    pub(super) fn person_named(&self, name: &str) -> Option<&PersonId> {
        let people = self.by_name.get(&fold(name))?;
        people.first().filter(|_| people.len() == 1)
    }

    pub(super) fn members_of(&self, group: &str) -> impl Iterator<Item = &PersonId> {
        self.by_group.get(group).into_iter().flatten()
    }

    pub(super) fn is_erased(&self, person: &PersonId) -> bool {
        self.erased.contains(person) && !self.people.contains_key(person)
    }

    pub(super) fn set(&mut self, person: PersonId, kept: Kept) {
        self.remove(&person);
        self.by_name.entry(fold(&kept.name)).or_default().insert(person.clone());
        for group in &kept.membership.groups {
            self.by_group.entry(group.clone()).or_default().insert(person.clone());
        }
        self.people.insert(person, kept);
    }

    pub(super) fn erase(&mut self, person: PersonId) {
        self.remove(&person);
        self.erased.insert(person);
    }

    fn remove(&mut self, person: &PersonId) {
        let Some(kept) = self.people.remove(person) else { return };
        leave(&mut self.by_name, &fold(&kept.name), person);
        for group in &kept.membership.groups {
            leave(&mut self.by_group, group, person);
        }
    }
}

fn leave(index: &mut BTreeMap<String, BTreeSet<PersonId>>, at: &str, person: &PersonId) {
    if let Some(people) = index.get_mut(at) {
        people.remove(person);
        if people.is_empty() {
            index.remove(at);
        }
    }
}

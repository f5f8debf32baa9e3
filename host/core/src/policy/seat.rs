//! Seats: roles that approvals fill, who may fill them, and for how long somebody else does.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Policy;
use crate::names::{PersonId, Seat};
use crate::review::Roster;
use crate::time::Millis;

/// One `[[seat]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeatHolders {
    pub name: Seat,
    /// Account names, compared exactly.
    pub members: BTreeSet<String>,
    /// `PROVIDER:GROUP`, as in `oidc:model-risk`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Whether one rejection from here denies also where no gate asks for this seat.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub veto: bool,
}

/// One `[[delegation]]`: somebody sits for a member of a seat, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delegation {
    pub from: String,
    pub to: String,
    pub seat: Seat,
    pub starts: Millis,
    /// The first moment at which it no longer counts.
    pub ends: Millis,
}

/// What the shell knows of people at this moment.
pub struct Directory<'a> {
    pub person_of: &'a dyn Fn(&str) -> Option<PersonId>,
    /// Everybody known to be in a group, written as in the policy.
    pub in_group: &'a dyn Fn(&str) -> BTreeSet<PersonId>,
    pub is_machine: &'a dyn Fn(&PersonId) -> bool,
}

impl SeatHolders {
    /// How many different people can sit here; `None` where groups decide.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.groups.is_empty().then_some(self.members.len())
    }
}

impl Delegation {
    #[must_use]
    pub fn runs(&self, now: Millis) -> bool {
        self.starts <= now && now < self.ends
    }
}

impl Policy {
    /// Who may fill which seat at this moment. Names in the policy that nobody has fill nothing.
    #[must_use]
    pub fn roster(&self, directory: &Directory<'_>, now: Millis) -> Roster {
        let mut roster = Roster::default();
        for seat in &self.seats {
            let named = seat.members.iter().filter_map(|name| (directory.person_of)(name));
            let grouped = seat.groups.iter().flat_map(|group| (directory.in_group)(group));
            roster.seats.insert(seat.name.clone(), named.chain(grouped).collect());
        }
        for delegation in self.delegations.iter().filter(|delegation| delegation.runs(now)) {
            let person = |name: &String| (directory.person_of)(name);
            let (Some(from), Some(to)) = (person(&delegation.from), person(&delegation.to)) else { continue };
            let delegates = roster.delegates.entry(delegation.seat.clone()).or_default();
            delegates.entry(to).or_default().insert(from);
        }
        roster.breakers = self.breakers(directory, &roster);
        let everybody = roster.seats.values().flatten();
        let everybody = everybody.chain(roster.delegates.values().flat_map(|to| to.keys()));
        let machines = everybody.chain(&roster.breakers).filter(|person| (directory.is_machine)(person));
        roster.machines = machines.cloned().collect();
        roster
    }

    fn breakers(&self, directory: &Directory<'_>, roster: &Roster) -> BTreeSet<PersonId> {
        let Some(rule) = &self.break_glass else { return BTreeSet::new() };
        let named = rule.members.iter().filter_map(|name| (directory.person_of)(name));
        let seated = rule.seat.iter().filter_map(|seat| roster.seats.get(seat)).flatten().cloned();
        named.chain(seated).collect()
    }
}

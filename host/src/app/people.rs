//! Names of people to opaque ids and back. Entries know only the ids; names live in the users file, or apart in
//! the store for accounts that MLflow keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_core::names::{PersonId, Seat};
use countersign_core::policy::{Directory, Policy};
use countersign_core::review::{Authors, Barred, Roster, may_fill};
use countersign_core::time::Millis;

use super::profiles::KeptProfiles;
use super::{App, Generation};
use crate::auth::{Auth, Identity};

/// Somebody who sits in a seat, or would if they had an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub name: String,
    /// `None`: the policy names somebody whom nobody here is.
    pub person: Option<PersonId>,
    /// Whose place they take, by a delegation that runs.
    pub stands_in_for: Vec<String>,
    /// Why they could not sign this.
    pub barred: Option<Barred>,
}

/// Who is who.
pub struct People {
    auth: Arc<Auth>,
    /// What an identity provider said; `None` where there is none.
    profiles: Option<Arc<KeptProfiles>>,
}

impl App {
    /// The policy in force, and who may fill which of its seats now.
    #[must_use]
    pub fn in_force(&self) -> (Arc<Generation>, Roster) {
        let generation = self.generation.load_full();
        let roster = self.people.roster(&generation.policy, self.clock.now());
        (generation, roster)
    }
}

impl People {
    #[must_use]
    pub const fn new(auth: Arc<Auth>) -> Self {
        Self { auth, profiles: None }
    }

    /// With what an identity provider said of people.
    #[must_use]
    pub fn with_profiles(self, profiles: Arc<KeptProfiles>) -> Self {
        Self { profiles: Some(profiles), ..self }
    }

    /// Keeps the name of somebody whose account we do not keep. A page that lacks it shows the id.
    pub async fn remember(&self, identity: &Identity) {
        if self.auth.name_of(&identity.person).is_none()
            && let Some(profiles) = &self.profiles
        {
            profiles.keep_name(&identity.person, &identity.name).await;
        }
    }

    pub(super) const fn profiles(&self) -> Option<&Arc<KeptProfiles>> {
        self.profiles.as_ref()
    }

    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Who may fill which seat at this moment. Names in the policy that nobody has fill nothing, and groups count
    /// as they were last seen.
    #[must_use]
    pub fn roster(&self, policy: &Policy, now: Millis) -> Roster {
        let directory = Directory {
            person_of: &|name| self.person_of(name),
            in_group: &|group| self.members_of(group),
            is_machine: &|person| self.is_machine(person),
        };
        policy.roster(&directory, now)
    }

    fn members_of(&self, group: &str) -> BTreeSet<PersonId> {
        let said = self.profiles.iter().flat_map(|profiles| profiles.members_of(group));
        self.auth.members_of(group).into_iter().chain(said).collect()
    }

    /// The person behind an account name.
    #[must_use]
    pub fn person_of(&self, name: &str) -> Option<PersonId> {
        self.auth.person_of(name).or_else(|| self.profiles.as_ref()?.person_named(name))
    }

    #[must_use]
    pub fn is_machine(&self, person: &PersonId) -> bool {
        let said = || self.profiles.as_ref().is_some_and(|profiles| profiles.is_machine(person));
        self.auth.is_machine(person) || said()
    }

    /// What to call somebody on a page; the id itself where no profile is left.
    #[must_use]
    pub fn name_of(&self, person: &PersonId) -> String {
        let said = || self.profiles.as_ref()?.name_of(person);
        self.auth.name_of(person).or_else(said).unwrap_or_else(|| match self.is_erased(person) {
            true => format!("erased person {person}"),
            false => person.to_string(),
        })
    }

    /// Whether somebody was erased, and is known by nothing else since.
    #[must_use]
    pub fn is_erased(&self, person: &PersonId) -> bool {
        let erased = self.profiles.as_ref().is_some_and(|profiles| profiles.is_erased(person));
        erased && self.auth.name_of(person).is_none()
    }

    /// The seats that somebody may fill, by the policy alone: as members, by a group that they were last seen in,
    /// or for somebody else.
    #[must_use]
    pub fn seats_of(&self, policy: &Policy, identity: &Identity, now: Millis) -> Vec<Seat> {
        let (roster, me) = (self.roster(policy, now), &identity.person);
        let sits = |seat: &Seat| roster.seats.get(seat).is_some_and(|people| people.contains(me));
        let lent = |seat: &Seat| roster.delegates.get(seat).is_some_and(|to| to.contains_key(me));
        let seats = policy.seats().iter().map(|seat| &seat.name);
        seats.filter(|seat| sits(seat) || lent(seat)).cloned().collect()
    }

    /// The account names per seat of those who may sign this: for sentences that say who must act. A name that
    /// nobody has yet stays in; authors and machines do not. A group stands for its members.
    #[must_use]
    pub fn signers(&self, policy: &Policy, authors: &Authors, now: Millis) -> BTreeMap<Seat, Vec<String>> {
        let roster = self.roster(policy, now);
        let may = |seat: &Seat, name: &str| {
            self.person_of(name).is_none_or(|person| may_fill(&person, seat, &roster, authors).is_ok())
        };
        let sits = |seat: &Seat, person| roster.seats.get(seat).is_some_and(|people| people.contains(person));
        let of = policy.seats().iter().map(|seat| {
            let named = seat.members.iter().filter(|name| may(&seat.name, name)).cloned();
            let groups = seat.groups.iter().map(|group| format!("anybody of {group}"));
            let lent = roster.delegates.get(&seat.name).into_iter().flat_map(BTreeMap::keys);
            let lent = lent.filter(|person| {
                !sits(&seat.name, person) && may_fill(person, &seat.name, &roster, authors).is_ok()
            });
            let names = named.chain(groups).chain(lent.map(|person| self.name_of(person)));
            (seat.name.clone(), names.collect())
        });
        of.collect()
    }

    /// Everybody of every seat, by name, and why those who could not sign this could not.
    #[must_use]
    pub fn candidates(
        &self,
        policy: &Policy,
        authors: &Authors,
        now: Millis,
    ) -> BTreeMap<Seat, Vec<Candidate>> {
        let roster = self.roster(policy, now);
        let of = policy.seats().iter().map(|holders| {
            let seat = &holders.name;
            let unknown = holders.members.iter().filter(|name| self.person_of(name).is_none());
            let unknown = unknown.map(|name| Candidate {
                name: name.clone(),
                person: None,
                stands_in_for: Vec::new(),
                barred: None,
            });
            let members = roster.seats.get(seat).into_iter().flatten().map(|person| (person, Vec::new()));
            let lent = roster.delegates.get(seat).into_iter().flatten();
            let lent = lent.map(|(to, from)| (to, from.iter().map(|id| self.name_of(id)).collect()));
            let known = members.chain(lent).map(|(person, stands_in_for)| Candidate {
                name: self.name_of(person),
                person: Some(person.clone()),
                stands_in_for,
                barred: may_fill(person, seat, &roster, authors).err(),
            });
            let mut all: Vec<Candidate> = known.chain(unknown).collect();
            all.sort_by(|one, other| one.name.cmp(&other.name));
            (seat.clone(), all)
        });
        of.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::clock::Clock as _;

    #[tokio::test]
    async fn candidates_say_who_could_not_and_why() {
        let policy = "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\", \"omar\", \"nobody-yet\"]\n\n[[delegation]]\n\
                      from = \"omar\"\nto = \"dora\"\nseat = \"risk\"\nstarts = \"2026-11-01\"\nends = \"2027-01-01\"\n";
        let (app, clock, _files) =
            testing::app_with(policy, "http://127.0.0.1:9", &["ruth", "omar", "dora"]).await;
        let authors = Authors { requester: Some(PersonId::from("omar")), ..Authors::default() };
        let of = app.people.candidates(&app.generation.load().policy, &authors, clock.now());
        let said: Vec<String> = of
            .into_values()
            .flatten()
            .map(|who| {
                let lent = who.stands_in_for.join(",");
                format!("{} {:?} {lent} {}", who.name, who.barred, who.person.is_some())
            })
            .collect();
        assert_eq!(
            said,
            [
                "dora Some(Delegator) omar true",
                "nobody-yet None  false",
                "omar Some(Requester)  true",
                "ruth None  true"
            ]
        );
    }
}

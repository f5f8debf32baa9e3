//! Names of people to opaque ids and back. Entries know only the ids; names live in the users file, or apart in
//! the store for accounts that MLflow keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_core::names::{PersonId, Seat};
use countersign_core::policy::Policy;
use countersign_core::review::{Authors, Roster, may_fill};

use crate::auth::{Auth, Identity};
use crate::store::{Batch, Store, codec, keys};

/// Who is who.
pub struct People {
    auth: Arc<Auth>,
    store: Arc<dyn Store>,
}

impl People {
    #[must_use]
    pub const fn new(auth: Arc<Auth>, store: Arc<dyn Store>) -> Self {
        Self { auth, store }
    }

    /// Keeps the name of somebody whose account we do not keep. A page that lacks it shows the id.
    pub async fn remember(&self, identity: &Identity) {
        let key = keys::profile(identity.person.as_str());
        let known = self.auth.name_of(&identity.person).is_some() || self.profile(&identity.person).is_some();
        let Ok(value) = codec::encode(&identity.name) else { return };
        if !known && let Err(error) = self.store.commit(Batch::new().put(key, value)).await {
            tracing::warn!(error = %error, "profile not kept");
        }
    }

    fn profile(&self, person: &PersonId) -> Option<String> {
        let key = keys::profile(person.as_str());
        let value = self.store.get(&key).ok().flatten()?;
        codec::decode(&key, &value).ok()
    }

    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Who may fill which seat at this moment. Names in the policy that nobody has fill nothing.
    #[must_use]
    pub fn roster(&self, policy: &Policy) -> Roster {
        let mut roster = Roster::default();
        for seat in policy.seats() {
            let people: BTreeSet<PersonId> =
                seat.members.iter().filter_map(|name| self.auth.person_of(name)).collect();
            roster.machines.extend(people.iter().filter(|id| self.auth.is_machine(id)).cloned());
            roster.seats.insert(seat.name.clone(), people);
        }
        roster
    }

    /// The person behind an account name.
    #[must_use]
    pub fn person_of(&self, name: &str) -> Option<PersonId> {
        self.auth.person_of(name)
    }

    /// What to call somebody on a page; the id itself where no profile is left.
    #[must_use]
    pub fn name_of(&self, person: &PersonId) -> String {
        self.auth.name_of(person).or_else(|| self.profile(person)).unwrap_or_else(|| person.to_string())
    }

    /// The seats that somebody may fill, by the policy alone.
    #[must_use]
    pub fn seats_of(&self, policy: &Policy, identity: &Identity) -> Vec<Seat> {
        let groups = || identity.groups.iter().map(String::as_str);
        let seats = policy.seats().iter().filter(|seat| seat.admits(&identity.name, groups()));
        seats.map(|seat| seat.name.clone()).collect()
    }

    /// The account names per seat of those who may sign this: for sentences that say who must act. A name that
    /// nobody has yet stays in; authors and machines do not.
    #[must_use]
    pub fn signers(&self, policy: &Policy, authors: &Authors) -> BTreeMap<Seat, Vec<String>> {
        let roster = self.roster(policy);
        let may = |seat: &Seat, name: &str| {
            self.auth.person_of(name).is_none_or(|person| may_fill(&person, seat, &roster, authors).is_ok())
        };
        let of = policy.seats().iter().map(|seat| {
            let names = seat.members.iter().filter(|name| may(&seat.name, name)).cloned().collect();
            (seat.name.clone(), names)
        });
        of.collect()
    }
}

//! Names of people to opaque ids and back. Entries know only the ids; names live in the users file, or apart in
//! the store for accounts that MLflow keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_core::names::{PersonId, Seat};
use countersign_core::policy::{Delegation, Directory, Policy};
use countersign_core::review::{Authors, Roster, may_fill};
use countersign_core::time::Millis;

use super::AppError;
use crate::auth::{Auth, Identity};
use crate::store::{Batch, Key, Scan, Store, codec, keys};

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

    /// Who may fill which seat at this moment.
    #[must_use]
    pub fn roster(&self, policy: &Policy, now: Millis) -> Roster {
        let known = self.memberships(policy);
        let in_group = |group: &str| {
            let within = known.iter().filter(|(_, groups)| groups.iter().any(|name| name == group));
            within.map(|(person, _)| person.clone()).collect()
        };
        let directory = Directory {
            person_of: &|name| self.auth.person_of(name),
            in_group: &in_group,
            is_machine: &|person| self.auth.is_machine(person),
        };
        policy.roster(&directory, now)
    }

    /// Keeps the groups that somebody has now, for decisions about what they sign: an identity provider is not
    /// asked about people who are not there.
    pub async fn keep_groups(&self, identity: &Identity) -> Result<(), AppError> {
        let (key, value) = (keys::membership(identity.person.as_str()), codec::encode(&identity.groups)?);
        let kept = self.store.get(&key)?;
        if kept.as_ref() != Some(&value) && (kept.is_some() || !identity.groups.is_empty()) {
            self.store.commit(Batch::new().put(key, value)).await?;
        }
        Ok(())
    }

    /// What cannot be read makes nobody a member.
    fn memberships(&self, policy: &Policy) -> Vec<(PersonId, Vec<String>)> {
        if policy.seats().iter().all(|seat| seat.groups.is_empty()) {
            return Vec::new();
        }
        let prefix = keys::memberships();
        let rows = self.store.scan(&Scan::prefix(prefix.clone())).unwrap_or_else(|error| {
            tracing::error!(%error, "groups cannot be read: nobody sits by a group");
            Vec::new()
        });
        let read = |(key, value): &(Key, Vec<u8>)| {
            Some((PersonId::new(key.text_after(&prefix)?), codec::decode(key, value).ok()?))
        };
        rows.iter().filter_map(read).collect()
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

    /// The seats that somebody may fill, by the policy alone: as members, by a group that they have now, or for
    /// somebody else.
    #[must_use]
    pub fn seats_of(&self, policy: &Policy, identity: &Identity, now: Millis) -> Vec<Seat> {
        let groups = || identity.groups.iter().map(String::as_str);
        let lent = |seat: &Seat| {
            let runs = |d: &&Delegation| &d.seat == seat && d.to == identity.name && d.runs(now);
            policy.delegations().iter().any(|delegation| runs(&delegation))
        };
        let seats = policy.seats().iter();
        let seats = seats.filter(|seat| seat.admits(&identity.name, groups()) || lent(&seat.name));
        seats.map(|seat| seat.name.clone()).collect()
    }

    /// The account names per seat of those who may sign this: for sentences that say who must act. A name that
    /// nobody has yet stays in; authors and machines do not.
    #[must_use]
    pub fn signers(&self, policy: &Policy, authors: &Authors, now: Millis) -> BTreeMap<Seat, Vec<String>> {
        let roster = self.roster(policy, now);
        let may = |seat: &Seat, name: &str| {
            self.auth.person_of(name).is_none_or(|person| may_fill(&person, seat, &roster, authors).is_ok())
        };
        let of = policy.seats().iter().map(|seat| {
            let named = seat.members.iter().filter(|name| may(&seat.name, name)).cloned();
            let by_name: BTreeSet<PersonId> =
                seat.members.iter().filter_map(|name| self.auth.person_of(name)).collect();
            let sitting = roster.seats.get(&seat.name).into_iter().flatten();
            let standing_in = roster.delegates.get(&seat.name).into_iter().flat_map(BTreeMap::keys);
            let others = sitting.chain(standing_in).filter(|person| !by_name.contains(*person));
            let others = others.filter(|person| may_fill(person, &seat.name, &roster, authors).is_ok());
            (seat.name.clone(), named.chain(others.map(|person| self.name_of(person))).collect())
        });
        of.collect()
    }
}

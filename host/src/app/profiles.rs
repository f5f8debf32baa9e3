//! What identity providers say of people: names, groups, machines, each with its age. In the store each person's is
//! one value, sealed under their own key ([`crate::vault`]); in memory it is what the store has, by name and by group.
//!
//! Names and memberships lie apart from everything that the ledger proves: whoever is erased loses their key.

mod directory;
mod erase;
mod sealed;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use countersign_core::names::PersonId;
use countersign_core::time::{Millis, Span};
use serde::{Deserialize, Serialize};

use self::directory::Directory;
use self::sealed::{put, read_all};
use super::AppError;
use crate::auth::profiles::{Profile, Profiles};
use crate::clock::Clock;
use crate::store::{Batch, Store};
use crate::vault::Vault;

pub use self::erase::Forgotten;
pub use self::sealed::kept_name;
pub(super) use self::sealed::{read as read_sealed, seal};

/// The same news again is not written more often than this.
const NEWS_MS: i64 = 3_600_000;

/// Profiles in the store.
pub struct KeptProfiles {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    vault: Arc<Vault>,
    groups_max_age: Span,
    directory: RwLock<Directory>,
    /// One piece of news after another.
    keeping: tokio::sync::Mutex<()>,
}

/// As it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Kept {
    name: String,
    #[serde(flatten)]
    membership: Membership,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Membership {
    groups: BTreeSet<String>,
    /// When the groups were said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Millis>,
    machine: bool,
}

impl KeptProfiles {
    /// The profiles of a store, with the keys that read them.
    ///
    /// # Errors
    /// When the store or a key cannot be read.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        vault: Arc<Vault>,
        groups_max_age: Span,
    ) -> Result<Self, AppError> {
        let directory = RwLock::new(read_all(&*store, &vault)?);
        let keeping = tokio::sync::Mutex::default();
        Ok(Self { store, clock, vault, groups_max_age, directory, keeping })
    }

    /// The way by which `auth` reaches these.
    #[must_use]
    pub fn for_auth(self: &Arc<Self>) -> Profiles {
        let (find, keep) = (Arc::clone(self), Arc::clone(self));
        Profiles {
            find: Box::new(move |person| find.find(person)),
            keep: Box::new(move |profile| {
                let keep = Arc::clone(&keep);
                Box::pin(async move { keep.keep(profile).await.map_err(|error| error.to_string()) })
            }),
        }
    }

    /// What is known of somebody; groups that are too old are none.
    #[must_use]
    pub fn find(&self, person: &PersonId) -> Option<Profile> {
        let directory = self.read();
        let Kept { name, membership } = directory.get(person)?;
        let groups = self.current(membership).then(|| membership.groups.clone());
        let seen = membership.seen.unwrap_or(Millis::new(0));
        let (person, name) = (person.clone(), name.clone());
        Some(Profile { person, name, machine: membership.machine, groups, seen })
    }

    /// Keeps what a provider said. Groups that were said before those that are known do not count.
    ///
    /// # Errors
    /// When the store cannot keep it.
    pub async fn keep(&self, profile: Profile) -> Result<(), AppError> {
        let _in_turn = self.keeping.lock().await;
        let (person, before) = (profile.person.clone(), self.read().get(&profile.person).cloned());
        let membership = merged(before.as_ref().map(|before| &before.membership), &profile);
        let after = Kept { name: profile.name, membership };
        if before.as_ref().is_some_and(|before| !is_news(before, &after)) {
            return Ok(());
        }
        self.put(person, after).await
    }

    /// Keeps the name of somebody whose account we do not keep, unless one is known.
    pub(super) async fn keep_name(&self, person: &PersonId, name: &str) {
        let _in_turn = self.keeping.lock().await;
        if self.read().get(person).is_some() {
            return;
        }
        let kept = Kept { name: name.to_owned(), membership: Membership::default() };
        if let Err(error) = self.put(person.clone(), kept).await {
            tracing::warn!(%error, "profile not kept");
        }
    }

    /// First in memory: whoever gives up waiting has said it all the same, and it is true.
    async fn put(&self, person: PersonId, kept: Kept) -> Result<(), AppError> {
        let batch = put(Batch::new(), &self.vault, &person, &kept)?;
        self.write().set(person, kept);
        Ok(self.store.commit(batch).await?)
    }

    /// Those who were last seen in a group, not too long ago.
    #[must_use]
    pub fn members_of(&self, group: &str) -> Vec<PersonId> {
        let directory = self.read();
        let known =
            |person: &&PersonId| directory.get(person).is_some_and(|kept| self.current(&kept.membership));
        directory.members_of(group).filter(known).cloned().collect()
    }

    /// Who has this name. Nobody, when more than one does: which of them would be meant?
    #[must_use]
    pub fn person_named(&self, name: &str) -> Option<PersonId> {
        self.read().person_named(name).cloned()
    }

    /// What to call somebody.
    #[must_use]
    pub fn name_of(&self, person: &PersonId) -> Option<String> {
        self.read().get(person).map(|kept| kept.name.clone())
    }

    #[must_use]
    pub fn is_machine(&self, person: &PersonId) -> bool {
        self.read().get(person).is_some_and(|kept| kept.membership.machine)
    }

    /// Whether somebody was erased, and has not come back.
    #[must_use]
    pub fn is_erased(&self, person: &PersonId) -> bool {
        self.read().is_erased(person)
    }

    fn current(&self, membership: &Membership) -> bool {
        let now = self.clock.now();
        membership.seen.is_some_and(|seen| now.since(seen) < self.groups_max_age.as_millis())
    }

    fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn merged(before: Option<&Membership>, profile: &Profile) -> Membership {
    let older = before.and_then(|before| before.seen).is_some_and(|seen| profile.seen < seen);
    match (&profile.groups, before) {
        (Some(groups), _) if !older => {
            Membership { groups: groups.clone(), seen: Some(profile.seen), machine: profile.machine }
        }
        (_, Some(before)) => Membership { machine: profile.machine, ..before.clone() },
        (_, None) => Membership { machine: profile.machine, ..Membership::default() },
    }
}

fn is_news(before: &Kept, after: &Kept) -> bool {
    let (was, is) = (&before.membership, &after.membership);
    let aged = match (was.seen, is.seen) {
        (Some(before), Some(after)) => after.since(before) >= NEWS_MS,
        (before, after) => before != after,
    };
    before.name != after.name || was.groups != is.groups || was.machine != is.machine || aged
}

#[cfg(test)]
mod tests;

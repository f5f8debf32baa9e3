//! What identity providers say of people, in the store: names, groups, machines, each with its age.
//!
//! Names and memberships lie apart from everything that the ledger proves: a person is forgotten by erasing what
//! lies under `profile` and `profile/…`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::names::{PersonId, fold};
use countersign_core::time::{Millis, Span};
use serde::{Deserialize, Serialize};

use self::names::Names;
use super::AppError;
use crate::auth::profiles::{Profile, Profiles};
use crate::clock::Clock;
use crate::store::{Batch, CommitError, Scan, Store, StoreError, codec, keys};

mod names;

/// The same news again is not written more often than this.
const NEWS_MS: i64 = 3_600_000;

const ATTEMPTS: usize = 5;

/// Profiles in the store.
pub struct KeptProfiles {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    groups_max_age: Span,
    /// Counts what was kept, before and after it can be read.
    news: AtomicU64,
    names: Names,
}

/// As it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Membership {
    groups: BTreeSet<String>,
    /// When the groups were said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Millis>,
    machine: bool,
}

impl KeptProfiles {
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, groups_max_age: Span) -> Self {
        Self { store, clock, groups_max_age, news: AtomicU64::new(0), names: Names::default() }
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
        let name = self.name(person)?;
        let membership = self.membership(person)?;
        let groups = self.current(&membership).then(|| membership.groups.clone());
        let seen = membership.seen.unwrap_or(Millis::new(0));
        Some(Profile { person: person.clone(), name, machine: membership.machine, groups, seen })
    }

    /// Keeps what a provider said. Groups that were said before those that are known do not count.
    ///
    /// # Errors
    /// When the store cannot keep it.
    pub async fn keep(&self, profile: Profile) -> Result<(), AppError> {
        for _ in 0..ATTEMPTS {
            let Some(batch) = self.news(&profile)? else { return Ok(()) };
            self.news.fetch_add(1, Ordering::SeqCst);
            let committed = self.store.commit(batch).await;
            self.news.fetch_add(1, Ordering::SeqCst);
            match committed {
                // Somebody with two tokens at once: what is newer is decided again.
                Err(CommitError::Conflict { .. }) => {}
                other => return Ok(other?),
            }
        }
        Err(AppError::Conflict("this person's profile is being changed all the time: try again".to_owned()))
    }

    /// What is to be written; `None` when it is known.
    fn news(&self, profile: &Profile) -> Result<Option<Batch>, AppError> {
        let person = profile.person.as_str();
        let seen = self.store.get(&keys::membership(person))?;
        let (name, before) = (self.name(&profile.person), self.membership(&profile.person));
        let after = merged(before.as_ref(), profile);
        let renamed = name.as_deref() != Some(&profile.name);
        if !renamed && before.as_ref().is_some_and(|before| !is_news(before, &after)) {
            return Ok(None);
        }
        let mut batch = Batch::new()
            .expect_unchanged(keys::membership(person), seen)
            .put(keys::profile(person), codec::encode(&profile.name)?)
            .put(keys::membership(person), codec::encode(&after)?);
        if let Some(old) = name.filter(|_| renamed) {
            batch = batch.delete(keys::person_named(&fold(&old), person));
        }
        batch = batch.put(keys::person_named(&fold(&profile.name), person), codec::encode(&())?);
        let before = before.unwrap_or_default();
        for left in before.groups.difference(&after.groups) {
            batch = batch.delete(keys::member_of(left, person));
        }
        for joined in &after.groups {
            batch = batch.put(keys::member_of(joined, person), codec::encode(&())?);
        }
        Ok(Some(batch))
    }

    /// Those who were last seen in a group, not too long ago.
    #[must_use]
    pub fn members_of(&self, group: &str) -> Vec<PersonId> {
        let mut people = or_nobody(self.listed(keys::members_of(group)));
        people.retain(|person| {
            self.membership(person).is_some_and(|known| known.groups.contains(group) && self.current(&known))
        });
        people
    }

    /// Who has this name. Nobody, when more than one does: which of them would be meant?
    #[must_use]
    pub fn person_named(&self, name: &str) -> Option<PersonId> {
        let news = self.news.load(Ordering::SeqCst);
        or_nobody(self.names.get_or(news, name, || self.look_up(name)))
    }

    fn look_up(&self, name: &str) -> Result<Option<PersonId>, StoreError> {
        let mut people = self.listed(keys::people_named(&fold(name)))?;
        people.retain(|person| self.name(person).is_some_and(|known| fold(&known) == fold(name)));
        let person = people.pop();
        Ok(person.filter(|_| people.is_empty()))
    }

    #[must_use]
    pub fn is_machine(&self, person: &PersonId) -> bool {
        self.membership(person).is_some_and(|known| known.machine)
    }

    fn current(&self, membership: &Membership) -> bool {
        let now = self.clock.now();
        membership.seen.is_some_and(|seen| now.since(seen) < self.groups_max_age.as_millis())
    }

    fn name(&self, person: &PersonId) -> Option<String> {
        let key = keys::profile(person.as_str());
        codec::decode(&key, &self.store.get(&key).ok().flatten()?).ok()
    }

    fn membership(&self, person: &PersonId) -> Option<Membership> {
        let key = keys::membership(person.as_str());
        codec::decode(&key, &self.store.get(&key).ok().flatten()?).ok()
    }

    /// The people at the ends of an index's keys.
    fn listed(&self, prefix: keys::Key) -> Result<Vec<PersonId>, StoreError> {
        let found = self.store.scan(&Scan::prefix(prefix.clone()))?;
        Ok(found.into_iter().filter_map(|(key, _)| key.text_after(&prefix)).map(PersonId::new).collect())
    }
}

/// What cannot be read is nobody: it fills no seat.
fn or_nobody<T: Default>(found: Result<T, StoreError>) -> T {
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "profiles cannot be read");
        T::default()
    })
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

fn is_news(before: &Membership, after: &Membership) -> bool {
    let aged = match (before.seen, after.seen) {
        (Some(before), Some(after)) => after.since(before) >= NEWS_MS,
        (before, after) => before != after,
    };
    before.groups != after.groups || before.machine != after.machine || aged
}

#[cfg(test)]
mod tests;

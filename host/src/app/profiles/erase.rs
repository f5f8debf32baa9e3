//! Forgetting a person: an entry that says so, and the end of their key. What entries prove names ids and digests, so
//! that all of it holds.

use countersign_core::discussion::Comment;
use countersign_core::entry::{Entry, Erased};
use countersign_core::names::PersonId;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

use super::KeptProfiles;
use crate::app::{App, AppError};
use crate::store::{Batch, Scan, Write, codec, keys};

/// What is kept of the erasure of a person, so that a crash in the middle of it ends it later.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    at: Millis,
    entry: u64,
    /// Their key is gone.
    done: bool,
}

/// Somebody was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    pub person: PersonId,
    /// The entry that says so.
    pub entry: u64,
    /// It was done then, and there was nothing left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Millis>,
}

impl KeptProfiles {
    /// Ends what a crash left: whoever is marked has no key afterwards.
    ///
    /// # Errors
    /// When a key cannot be destroyed, or the store not written.
    pub async fn finish_erasures(&self) -> Result<(), AppError> {
        let prefix = keys::erased_people();
        for (key, value) in self.store.scan(&Scan::prefix(prefix.clone()))? {
            let mark: Mark = codec::decode(&key, &value)?;
            if let Some(person) = key.text_after(&prefix).filter(|_| !mark.done) {
                self.destroy(&PersonId::new(person), mark).await?;
            }
        }
        Ok(())
    }

    async fn destroy(&self, person: &PersonId, mark: Mark) -> Result<(), AppError> {
        self.vault.erase(person)?;
        self.write().erase(person.clone());
        let done = codec::encode(&Mark { done: true, ..mark })?;
        Ok(self.store.commit(Batch::new().put(keys::erased_person(person.as_str()), done)).await?)
    }
}

impl App {
    /// Erases what is known of a person, for good. `who`: an id, or a name that one person has.
    ///
    /// # Errors
    /// `NotFound` where nobody is known by that.
    pub async fn erase_profile(&self, who: &str, by: Option<PersonId>) -> Result<Forgotten, AppError> {
        let profiles = self.people.profiles().ok_or_else(|| no_profiles(who))?;
        let person = self.person_to_erase(who)?;
        let _in_turn = profiles.keeping.lock().await;
        let (id, key) = (person.as_str(), keys::erased_person(person.as_str()));
        let seen = self.store.get(&key)?;
        if let Some(value) = &seen
            && !profiles.vault.knows(&person)?
        {
            let Mark { at, entry, .. } = codec::decode(&key, value)?;
            return Ok(Forgotten { person, entry, before: Some(at) });
        }
        let entry = Entry::ProfileErased(Erased { person: person.clone(), by });
        let (at, mark) = (self.clock.now(), key.clone());
        let batch = Batch::new()
            .delete(keys::sealed_profile(id))
            .delete(keys::last_rationale(id))
            .expect_unchanged(key, seen)
            .and(self.without_old_words(&person)?);
        let link = move |entry: u64| {
            let value = codec::encode(&Mark { at, entry, done: false });
            value.map(|value| Write::Put(mark.clone(), value)).into_iter().collect()
        };
        let entry = self.record_linked(&entry, batch, link).await?;
        crash_point!(ErasureRecorded);
        profiles.destroy(&person, Mark { at, entry, done: false }).await?;
        crash_point!(KeyDestroyed);
        Ok(Forgotten { person, entry, before: None })
    }

    fn person_to_erase(&self, who: &str) -> Result<PersonId, AppError> {
        let profiles = self.people.profiles().ok_or_else(|| no_profiles(who))?;
        let id = PersonId::new(who);
        let is_known = profiles.vault.knows(&id)?
            || profiles.name_of(&id).is_some()
            || self.people.auth().name_of(&id).is_some()
            || self.store.get(&keys::erased_person(who))?.is_some();
        if is_known {
            return Ok(id);
        }
        self.people.person_of(who).ok_or_else(|| {
            AppError::NotFound(format!(
                "nobody is known by the id or the name `{who}`; give the id, which entries of the ledger show, where \
                 two people have one name, or where somebody was erased already"
            ))
        })
    }

    /// Comments of version 0.1 lie in the clear.
    fn without_old_words(&self, person: &PersonId) -> Result<Batch, AppError> {
        let mut batch = Batch::new();
        for (key, value) in self.store.scan(&Scan::prefix(keys::all_comments()))? {
            let comment: Comment = codec::decode(&key, &value)?;
            if comment.author == *person {
                batch = batch.delete(keys::comment_text(comment.id));
            }
        }
        Ok(batch)
    }
}

fn no_profiles(who: &str) -> AppError {
    AppError::Conflict(format!("no profiles are kept here, so that nothing is known of `{who}`"))
}

//! Profiles as the store has them: sealed; and as version 0.1 left them there: in the clear, over several keys.

use countersign_core::names::{PersonId, fold};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::directory::Directory;
use super::{Kept, KeptProfiles, Membership};
use crate::app::AppError;
use crate::store::{Batch, Key, Scan, Store, StoreError, codec, keys};
use crate::vault::{Vault, VaultError};

/// Everything that a store says of people, as far as its keys are there.
pub(super) fn read_all(store: &dyn Store, vault: &Vault) -> Result<Directory, AppError> {
    let mut directory = Directory::default();
    for person in listed(store, &keys::erased_people())? {
        directory.erase(person);
    }
    for person in in_the_clear(store)? {
        if let Some(kept) = read_clear(store, &person)? {
            directory.set(person, kept);
        }
    }
    for person in listed(store, &keys::sealed_profiles())? {
        if let Some(kept) = read(store, vault, &person, &keys::sealed_profile(person.as_str()))? {
            directory.set(person, kept);
        }
    }
    Ok(directory)
}

/// Adds what is known of somebody to a batch.
pub(super) fn put(batch: Batch, vault: &Vault, person: &PersonId, kept: &Kept) -> Result<Batch, AppError> {
    seal(batch, vault, person, keys::sealed_profile(person.as_str()), kept)
}

/// Adds something about somebody to a batch, sealed under their key.
pub(in crate::app) fn seal<T: Serialize>(
    batch: Batch,
    vault: &Vault,
    person: &PersonId,
    key: Key,
    value: &T,
) -> Result<Batch, AppError> {
    let sealed = vault.seal(person, key.as_bytes(), &serde_json::to_vec(value)?)?;
    Ok(batch.put(key, codec::encode_raw(&sealed)))
}

/// What [`seal`] put at a key; `None` where nothing is, or the person was erased.
pub(in crate::app) fn read<T: DeserializeOwned>(
    store: &dyn Store,
    vault: &Vault,
    person: &PersonId,
    key: &Key,
) -> Result<Option<T>, AppError> {
    let Some(value) = store.get(key)? else { return Ok(None) };
    let plain = vault.read(person, key.as_bytes(), codec::decode_raw(key, &value)?)?;
    Ok(plain.map(|plain| serde_json::from_slice(&plain)).transpose()?)
}

/// What somebody is called, by the profile that a store keeps; `None` where it keeps none, or they were erased.
///
/// # Errors
/// When the store or their key cannot be read.
pub fn kept_name(store: &dyn Store, vault: &Vault, person: &PersonId) -> Result<Option<String>, AppError> {
    let sealed = read::<Kept>(store, vault, person, &keys::sealed_profile(person.as_str()))?;
    Ok(match sealed {
        Some(kept) => Some(kept.name),
        None => read_clear(store, person)?.map(|kept| kept.name),
    })
}

/// The people at the ends of an index's keys.
fn listed(store: &dyn Store, prefix: &Key) -> Result<Vec<PersonId>, StoreError> {
    let found = store.scan(&Scan::prefix(prefix.clone()))?;
    Ok(found.into_iter().filter_map(|(key, _)| key.text_after(prefix)).map(PersonId::new).collect())
}

fn in_the_clear(store: &dyn Store) -> Result<Vec<PersonId>, StoreError> {
    listed(store, &keys::profiles())
}

fn read_clear(store: &dyn Store, person: &PersonId) -> Result<Option<Kept>, AppError> {
    let key = keys::profile(person.as_str());
    let Some(value) = store.get(&key)? else { return Ok(None) };
    let name = codec::decode(&key, &value)?;
    let key = keys::membership(person.as_str());
    let membership: Option<Membership> =
        store.get(&key)?.map(|value| codec::decode(&key, &value)).transpose()?;
    Ok(Some(Kept { name, membership: membership.unwrap_or_default() }))
}

impl KeptProfiles {
    /// Seals what an earlier version kept in the clear.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn seal_old(&self) -> Result<(), AppError> {
        for person in in_the_clear(&*self.store)? {
            let Some(kept) = read_clear(&*self.store, &person)? else { continue };
            let sealed = keys::sealed_profile(person.as_str());
            let batch = match self.store.get(&sealed)? {
                Some(_) => Batch::new(),
                None => put(Batch::new(), &self.vault, &person, &kept)?,
            };
            self.store.commit(without_clear(batch, &person, &kept)).await?;
        }
        Ok(())
    }
}

/// Takes out every key by which version 0.1 found somebody.
fn without_clear(batch: Batch, person: &PersonId, kept: &Kept) -> Batch {
    let id = person.as_str();
    let groups = kept.membership.groups.iter();
    let batch = groups.fold(batch, |batch, group| batch.delete(keys::member_of(group, id)));
    batch
        .delete(keys::person_named(&fold(&kept.name), id))
        .delete(keys::membership(id))
        .delete(keys::profile(id))
}

impl From<VaultError> for AppError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

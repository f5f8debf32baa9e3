//! Where an installation keeps what is its own. The keys lie beside the store, so that a store that is moved by
//! export and import keeps them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::failure::hinted;
use crate::config::{Config, StoreLocation};
use crate::ledger::{Ledger, key_file};
use crate::store::Store;
use crate::store::sled::{OpenError, SledStore};

/// The directory of the store.
pub(super) fn store_dir(config: &Config) -> &Path {
    match &config.store {
        StoreLocation::Sled(dir) => dir,
    }
}

/// The key that signs the ledger.
pub(super) fn ledger_key(config: &Config) -> PathBuf {
    store_dir(config).with_file_name("ledger.key")
}

/// The key by which commands on this machine are let in by a running server.
pub(super) fn operator_key(config: &Config) -> PathBuf {
    store_dir(config).with_file_name("operator.key")
}

/// The keys that what is said of people is read by.
pub(super) fn people_keys(config: &Config) -> PathBuf {
    store_dir(config).with_file_name("people.keys")
}

/// A store at rest, or the server that has it open.
pub(super) enum Found {
    AtRest(Arc<dyn Store>),
    Served,
}

/// Opens a store that exists.
pub(super) fn find_store(config: &Config) -> Result<Found> {
    let dir = store_dir(config);
    if !dir.join("db").exists() {
        return Err(hinted(
            format!("there is no store in `{}`", dir.display()),
            "`countersign serve` makes it; `url` under `[store]` says where it is",
        ));
    }
    match SledStore::open(dir) {
        Ok(store) => Ok(Found::AtRest(Arc::new(store))),
        Err(OpenError::InUse { .. }) => Ok(Found::Served),
        Err(error) => Err(error.into()),
    }
}

/// The ledger of a store at rest, with the key that signs it.
pub(super) async fn ledger(config: &Config, store: Arc<dyn Store>) -> Result<Ledger> {
    let path = ledger_key(config);
    ensure!(path.exists(), no_ledger_key(&path));
    Ok(Ledger::open(store, key_file::read(&path)?).await?)
}

/// What to do where a ledger is there without the key that signs it.
pub(super) fn no_ledger_key(path: &Path) -> anyhow::Error {
    hinted(
        format!("there is no ledger key `{}`, and the store holds a ledger that it signs", path.display()),
        "put the key of this ledger back from your backup: a new one cannot speak for it",
    )
}

//! A ledger on disk, as the binary keeps it.

use std::path::Path;
use std::sync::Arc;

use countersign::ledger::{Ledger, SigningKey};
use countersign::store::sled::SledStore;

pub async fn open(path: &Path) -> Ledger {
    let store = Arc::new(SledStore::open(path).unwrap());
    Ledger::open(store, SigningKey::from_seed("bench", [7; 32]).unwrap()).await.unwrap()
}

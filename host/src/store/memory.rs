//! A store that lives as long as the process: for tests, and for trying a policy without a disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::overlay::Overlay;
use super::{Batch, Commit, CommitError, Key, Scan, Store, StoreError, View};

/// Keeps the contract of [`Store`], except that nothing outlives the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    map: Mutex<Map>,
}

type Map = BTreeMap<Key, Vec<u8>>;

impl MemoryStore {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A batch is applied by one `extend` or not at all, so that a poisoned map is still whole.
    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, batch: Batch) -> Result<(), CommitError> {
        let mut map = self.map();
        let mut overlay = Overlay::over(&*map);
        overlay.admit(batch)?;
        for (key, value) in overlay.into_changes() {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }
}

impl View for Map {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Self::get(self, key).cloned())
    }
}

impl View for MemoryStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        View::get(&*self.map(), key)
    }
}

impl Store for MemoryStore {
    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let map = self.map();
        let Some((low, high)) = scan.range() else { return Ok(Vec::new()) };
        let range = map.range::<[u8], _>((low.as_ref().map(Vec::as_slice), high.as_ref().map(Vec::as_slice)));
        let owned = |(key, value): (&Key, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match scan.backwards {
            false => range.map(owned).take(scan.limit).collect(),
            true => range.rev().map(owned).take(scan.limit).collect(),
        })
    }

    fn commit(&self, batch: Batch) -> Commit<'_> {
        Box::pin(async move { self.apply(batch) })
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

//! A group of batches on its way to disk: what the store will hold once the group is applied.
//!
//! The one place that decides whether a batch may be applied; both engines use it.

use std::collections::BTreeMap;

use super::{Batch, CommitError, Expect, Key, StoreError, View, Write};

/// A store with the changes of a group laid over it.
pub(super) struct Overlay<'a> {
    base: &'a dyn View,
    changes: BTreeMap<Key, Option<Vec<u8>>>,
    bytes: usize,
}

impl<'a> Overlay<'a> {
    pub(super) fn over(base: &'a dyn View) -> Self {
        Self { base, changes: BTreeMap::new(), bytes: 0 }
    }

    /// Lays a batch over what is there, or refuses it and changes nothing.
    pub(super) fn admit(&mut self, batch: Batch) -> Result<(), CommitError> {
        for (key, expect) in batch.expect {
            self.check(key, &expect)?;
        }
        let mut writes = batch.writes;
        let mut derived = Vec::new();
        for derive in &batch.derive {
            derived.extend(derive(self).map_err(CommitError::Derive)?);
        }
        writes.append(&mut derived);
        for write in writes {
            let (key, value) = match write {
                Write::Put(key, value) => (key, Some(value)),
                Write::Delete(key) => (key, None),
            };
            self.bytes += key.as_bytes().len() + value.as_ref().map_or(0, Vec::len);
            self.changes.insert(key, value);
        }
        Ok(())
    }

    /// Of all keys and values that were written, also of those that were written again.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The last state of every key that the group touched; `None` is deleted.
    pub(super) fn into_changes(self) -> BTreeMap<Key, Option<Vec<u8>>> {
        self.changes
    }

    fn check(&self, key: Key, expect: &Expect) -> Result<(), CommitError> {
        let present = self.get(&key)?;
        let holds = match expect {
            Expect::Absent => present.is_none(),
            Expect::Value(value) => present.as_ref() == Some(value),
        };
        if holds { Ok(()) } else { Err(CommitError::Conflict { key }) }
    }
}

impl View for Overlay<'_> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.base.get(key),
        }
    }
}

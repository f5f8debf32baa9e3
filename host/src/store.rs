//! Durable state: ordered keys, opaque values, and batches that commit whole or not at all.
//!
//! Two engines keep one contract, and one conformance suite holds both to it: [`sled::SledStore`] on disk and
//! [`memory::MemoryStore`]. The contract: a batch is acknowledged only when it is on disk; batches take effect
//! one after another; a batch whose expectations do not hold changes nothing and spoils no other.
//!
//! This module must not know what the values mean: that is for `ledger` and `app`.

use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::Arc;

pub use self::batch::{Batch, Derive, DeriveError, Expect, Write};
pub use self::keys::Key;

mod batch;
pub mod codec;
#[cfg(test)]
mod conformance;
pub mod export;
pub mod keys;
pub mod memory;
mod overlay;
pub mod sled;

/// A store, shared by everything that reads or writes state.
pub trait Store: View + Send + Sync + 'static {
    /// One page of the keys that begin with a prefix, in order.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Vec<u8>)>, StoreError>;

    /// Applies a batch. The future resolves when the batch is durable, or has been refused.
    ///
    /// Nothing happens until the future is polled. Once it has been, dropping it does not undo the batch.
    fn commit(&self, batch: Batch) -> Commit<'_>;

    /// Whether the store still takes writes.
    ///
    /// # Errors
    /// [`StoreError::Failed`] once a write could not be made durable; see there.
    fn health(&self) -> Result<(), StoreError>;

    /// Resolves when everything that was committed before is durable.
    fn flush(&self) -> Commit<'_> {
        self.commit(Batch::new())
    }
}

/// What can be read at one key: a store, or a store as a batch in the middle of a group sees it.
///
/// A plain read may see a batch shortly before it is acknowledged, but none that a power cut could take back.
pub trait View {
    /// The value at a key.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;
}

/// The outcome of a commit, in the future.
pub type Commit<'a> = Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + 'a>>;

/// Which keys to read: those that begin with a prefix, from a bound on, up to a limit.
#[derive(Debug, Clone)]
pub struct Scan {
    prefix: Key,
    start: Bound<Key>,
    backwards: bool,
    limit: usize,
}

/// The first and the last key of a range.
type Ends = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Scan {
    /// All keys that begin with `prefix`, in order.
    #[must_use]
    pub fn prefix(prefix: Key) -> Self {
        Self { prefix, start: Bound::Unbounded, backwards: false, limit: usize::MAX }
    }

    /// Only the keys that come after `key` in the direction of the scan: where the next page begins.
    #[must_use]
    pub fn after(self, key: Key) -> Self {
        Self { start: Bound::Excluded(key), ..self }
    }

    /// Only `key` and those that come after it in the direction of the scan.
    #[must_use]
    pub fn starting_at(self, key: Key) -> Self {
        Self { start: Bound::Included(key), ..self }
    }

    /// From the last key to the first. Keys that end in a number or a time-ordered id come newest first.
    #[must_use]
    pub fn newest_first(self) -> Self {
        Self { backwards: true, ..self }
    }

    /// At most this many keys.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The ends of the range, smaller first, whatever the direction.
    fn bounds(&self) -> Ends {
        let first = Bound::Included(self.prefix.as_bytes().to_vec());
        let last = self.prefix.successor().map_or(Bound::Unbounded, Bound::Excluded);
        let start = self.start.as_ref().map(|key| key.as_bytes().to_vec());
        match (start, self.backwards) {
            (Bound::Unbounded, _) => (first, last),
            (start, false) => (start, last),
            (start, true) => (first, start),
        }
    }

    /// As [`Scan::bounds`], for a map of the standard library, which panics on a range that ends before it begins.
    /// `None` when nothing can be in it.
    fn range(&self) -> Option<Ends> {
        let (low, high) = self.bounds();
        let empty = match (&low, &high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high))
            | (Bound::Excluded(low), Bound::Included(high)) => low >= high,
            _ => false,
        };
        (!empty).then_some((low, high))
    }
}

/// Why a store cannot be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A write could not be made durable. What the disk then holds is unknown, and asking it again would answer
    /// "done" without being true, so the store takes no more writes in this process. Reads go on.
    #[error(
        "the store takes no more writes since it could not make one durable ({reason}); everything acknowledged \
         before is safe: check the disk, then restart Countersign"
    )]
    Failed { reason: Arc<str> },
    #[error("reading the store: {reason}; check the disk, or restore the store from an export")]
    Read { reason: Arc<str> },
    #[error(
        "the value at `{key}` cannot be read: {reason}; if a newer Countersign wrote it, use that version, or move \
         it here with `countersign store export` and `countersign store import`"
    )]
    Value { key: Key, reason: Arc<str> },
}

/// Why a batch changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An expectation did not hold. Read the key again and decide again.
    #[error("`{key}` was changed by somebody else in the meantime: read it again and retry")]
    Conflict { key: Key },
    /// A [`Derive`] could not say what to write.
    #[error("completing the batch")]
    Derive(#[source] DeriveError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

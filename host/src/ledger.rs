//! The ledger: entries in order, hashed into a Merkle tree, signed as checkpoints. Tamper-evident: whoever holds
//! a checkpoint can prove what was entered, and see that nothing before it was changed or taken out.
//!
//! An entry is appended together with the batch that it speaks of, in one commit. Its index and the hash of its
//! predecessor are given to it when its turn comes in the store's order ([`Derive`](crate::store::Derive)), so
//! writers wait for the disk and never for one another. The ledger keeps no state of its own in memory.
//!
//! This module must not know what entries say, nor HTTP.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{Batch, Scan, Store, Write, codec, keys};

pub use self::checkpoint::Checkpoint;
pub use self::dsse::{Envelope, EnvelopeError};
pub use self::entry::{Draft, DraftError, Entry, MAX_ENTRY_BYTES, Record};
pub use self::error::LedgerError;
pub use self::head::{Head, listed, record, records};
pub use self::note::{NoteError, SigningKey, VerifierKey};
pub use self::prove::{BetweenProof, ConsistencyProof, InclusionProof};
pub use self::tree::Hash;

pub mod against;
mod chain;
pub mod checkpoint;
pub mod dsse;
mod duties;
mod entry;
mod error;
mod escape;
pub mod export;
mod head;
pub mod key_file;
mod note;
pub mod proof;
mod prove;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod verify;

/// A ledger in a store, with the key that signs it.
pub struct Ledger {
    store: Arc<dyn Store>,
    key: Arc<SigningKey>,
}

impl Ledger {
    /// Opens the ledger of a store, or begins it: the first key to open it is the one that signs it. The key's
    /// name is the ledger's origin.
    ///
    /// # Errors
    /// When the key is another one, or the end of the ledger is not as its tree and its checkpoint say.
    pub async fn open(store: Arc<dyn Store>, key: SigningKey) -> Result<Self, LedgerError> {
        claim(&*store, &key).await?;
        verify::right_edge(&*store, key.verifier())?;
        Ok(Self { store, key: Arc::new(key) })
    }

    /// Whether a store holds a ledger, which then has a key of its own.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_begun(store: &dyn Store) -> Result<bool, LedgerError> {
        Ok(store.get(&keys::ledger_vkey())?.is_some())
    }

    /// Appends entries and applies a batch, together or not at all. Returns their indexes once all is durable.
    ///
    /// # Errors
    /// As [`Store::commit`]: on a conflict nothing was entered.
    pub async fn append(&self, drafts: Vec<Draft>, batch: Batch) -> Result<Range<u64>, LedgerError> {
        self.append_linked(drafts, batch, |_| Vec::new()).await
    }

    /// As [`Ledger::append`], with further writes that need to know the indexes of the entries.
    ///
    /// `link` runs on the committer's thread: it must be quick and have no other effect.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub async fn append_linked<F>(
        &self,
        drafts: Vec<Draft>,
        batch: Batch,
        link: F,
    ) -> Result<Range<u64>, LedgerError>
    where
        F: Fn(Range<u64>) -> Vec<Write> + Send + Sync + 'static,
    {
        let given = Arc::new(Mutex::new(0..0));
        let indexes = Arc::clone(&given);
        let batch = batch.derive(move |view| {
            let (range, mut writes) = head::append(view, &drafts)?;
            writes.extend(link(range.clone()));
            *indexes.lock().unwrap_or_else(PoisonError::into_inner) = range;
            Ok(writes)
        });
        self.store.commit(batch).await?;
        let range = given.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(range)
    }

    /// The entry at an index.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&self, index: u64) -> Result<Option<Record>, LedgerError> {
        head::record(&*self.store, index)
    }

    /// Entries from an index on, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn range(&self, from: u64, limit: usize) -> Result<Vec<Record>, LedgerError> {
        head::records(&*self.store, from, limit)
    }

    /// Entries before an index (`None`: from the end), newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn newest(&self, before: Option<u64>, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let scan = Scan::prefix(keys::ledger_entries()).newest_first().limit(limit);
        self.page(match before {
            Some(index) => scan.after(keys::ledger_entry(index)),
            None => scan,
        })
    }

    /// The number of entries. May count entries that are about to become durable; a checkpoint never does.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn len(&self) -> Result<u64, LedgerError> {
        Ok(self.head()?.size())
    }

    /// # Errors
    /// When the store cannot be read.
    pub fn is_empty(&self) -> Result<bool, LedgerError> {
        Ok(self.len()? == 0)
    }

    /// The root of the tree, with the caveat of [`Ledger::len`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn root(&self) -> Result<Hash, LedgerError> {
        Ok(self.head()?.root())
    }

    /// The key that verifies this ledger's checkpoints; its name is the origin.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    #[must_use]
    pub const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn head(&self) -> Result<Head, LedgerError> {
        Head::read(&*self.store)
    }

    fn page(&self, scan: Scan) -> Result<Vec<Record>, LedgerError> {
        self.store.scan(&scan)?.into_iter().map(|(key, value)| head::record_of(&key, &value)).collect()
    }
}

/// Notes in the store which key signs the ledger, or finds that it is another.
async fn claim(store: &dyn Store, key: &SigningKey) -> Result<(), LedgerError> {
    let at = keys::ledger_vkey();
    let ours = key.verifier().to_string();
    match store.get(&at)? {
        None => {
            let value = codec::encode_raw(ours.as_bytes());
            Ok(store.commit(Batch::new().expect_absent(at.clone()).put(at, value)).await?)
        }
        Some(value) => {
            let theirs = String::from_utf8_lossy(codec::decode_raw(&at, &value)?).into_owned();
            if theirs == ours { Ok(()) } else { Err(LedgerError::OtherKey { theirs, ours }) }
        }
    }
}

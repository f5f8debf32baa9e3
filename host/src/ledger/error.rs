//! What can go wrong with a ledger.

use crate::store::{CommitError, StoreError};

use super::against::NotTheBeginning;
use super::note::NoteError;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(
        "this ledger is signed by `{theirs}`, and the key file holds the key of another, `{ours}`: put the ledger's own \
         key file back beside the store"
    )]
    OtherKey { theirs: String, ours: String },
    #[error("this store holds no ledger yet: start `countersign serve` with it once")]
    NoLedger,
    #[error(
        "ledger is damaged at entry {index}: {reason}; compare it with an export by `countersign ledger verify`, and \
         restore the store from a backup"
    )]
    Damaged { index: u64, reason: String },
    #[error("ledger has {size} entries, there is no entry {index}")]
    NoEntry { index: u64, size: u64 },
    #[error("there is no proof from size {from} to size {to}: give sizes in order, up to {size}")]
    NoSuchSizes { from: u64, to: u64, size: u64 },
    #[error(transparent)]
    NotTheBeginning(#[from] NotTheBeginning),
    #[error("checkpoint of the ledger")]
    Checkpoint(#[from] NoteError),
    #[error("writing the export")]
    Write(#[source] std::io::Error),
}

//! Is the ledger in the store whole? The right edge at every start; everything when asked.

use crate::store::{Store, View, codec, keys};

use super::checkpoint;
use super::error::LedgerError;
use super::head::{self, Head, StoredTiles};
use super::note::VerifierKey;
use super::tree::{self, Hash, Tiles as _, WIDTH};

/// Checks the end of the ledger in time that does not grow with it: that the head fits the last entries and tiles,
/// that nothing lies beyond it, and that the newest checkpoint is of this tree.
pub(super) fn right_edge(store: &dyn Store, key: &VerifierKey) -> Result<(), LedgerError> {
    let head = Head::read(store)?;
    if head::record(store, head.size())?.is_some() {
        return Err(damaged(head.size(), "it lies beyond the recorded end"));
    }
    check_last_entries(store, &head)?;
    check_edge_levels(store, &head)?;
    check_checkpoint(store, &head, key)
}

/// The leaves of the unfinished tile, and at least the last entry.
fn check_last_entries(store: &dyn Store, head: &Head) -> Result<(), LedgerError> {
    let leaves = head.edge().level(0);
    let mut last = *head.last();
    for index in (0..head.size()).rev().take(leaves.len().max(1)) {
        let record = head::record(store, index)?.ok_or_else(|| damaged(index, "it is missing"))?;
        let kept = leaves.get((index % WIDTH) as usize).unwrap_or(&last);
        if record.leaf_hash() != *kept || record.leaf_hash() != last {
            return Err(damaged(index, "its hash is not the one in the tree"));
        }
        last =
            super::entry::Place::of(&record.json).ok_or_else(|| damaged(index, "it is not an entry"))?.prev;
    }
    Ok(())
}

/// Each level ends in the hash of the last full tile below it.
fn check_edge_levels(store: &dyn Store, head: &Head) -> Result<(), LedgerError> {
    for level in 1..head.edge().depth() {
        let Some(kept) = head.edge().level(level).last() else { continue };
        let below = u8::try_from(level - 1).unwrap_or(u8::MAX);
        let index = (head.size() >> (4 * level)) - 1;
        if tree::fold(&StoredTiles(store).tile(below, index)?) != *kept {
            return Err(damaged(index << (4 * level), "the tile of the tree above it was changed"));
        }
    }
    Ok(())
}

fn check_checkpoint(store: &dyn Store, head: &Head, key: &VerifierKey) -> Result<(), LedgerError> {
    let Some((signed, _)) = checkpoint::stored(store, key)? else { return Ok(()) };
    if signed.size > head.size() {
        let reason = format!("a signed checkpoint covers {} entries, the store ends before", signed.size);
        return Err(LedgerError::Damaged { index: head.size(), reason });
    }
    let root: Hash = tree::subtree(head.edge(), &StoredTiles(store), 0, signed.size)?;
    if root == signed.root { Ok(()) } else { Err(damaged(0, "the tree is not the one that was signed")) }
}

fn damaged(index: u64, reason: &str) -> LedgerError {
    LedgerError::Damaged { index, reason: reason.to_owned() }
}

/// The key that signs the ledger in a store, as the store notes it.
///
/// # Errors
/// When there is no ledger, or the note is damaged.
pub fn verifier(view: &(impl View + ?Sized)) -> Result<VerifierKey, LedgerError> {
    let key = keys::ledger_vkey();
    let value = view.get(&key)?.ok_or(LedgerError::NoLedger)?;
    Ok(String::from_utf8_lossy(codec::decode_raw(&key, &value)?).parse()?)
}

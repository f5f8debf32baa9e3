//! Is the ledger in the store whole? The right edge at every start; everything when asked.

use countersign_core::separation::Breach;

use crate::store::{Scan, Store, View, codec, keys};

use super::against::Earlier;
use super::chain::{Chain, Fault};
use super::checkpoint::{self, Checkpoint};
use super::duties::Duties;
use super::entry::Place;
use super::error::LedgerError;
use super::export::STEP;
use super::head::{self, Head, StoredTiles, damaged};
use super::note::VerifierKey;
use super::tree::{self, Hash, Tile, Tiles as _, WIDTH};

/// A ledger that was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The number of entries.
    pub entries: u64,
    pub root: Hash,
    /// The newest checkpoint that was signed; entries after it are linked, but not signed yet.
    pub checkpoint: Option<Checkpoint>,
    pub vkey: VerifierKey,
    /// Writes that were made although their signatures do not cover them.
    pub breaches: Vec<Breach>,
}

/// Checks every entry, every tile and the newest checkpoint of the ledger in a store, open or at rest, without the
/// signing key. `progress` is told the number of entries checked.
///
/// # Errors
/// [`LedgerError::Damaged`] names the entry.
pub fn store(store: &dyn Store, progress: &mut dyn FnMut(u64)) -> Result<Whole, LedgerError> {
    checked(store, None, progress)
}

/// As [`store`], and whether the ledgers that these notes sign are beginnings of it.
///
/// # Errors
/// As [`store`]; [`LedgerError::NotTheBeginning`] where they are not.
pub fn store_against(
    store: &dyn Store,
    notes: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<Whole, LedgerError> {
    checked(store, Some(notes), progress)
}

fn checked(
    store: &dyn Store,
    notes: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Whole, LedgerError> {
    let vkey = verifier(store)?;
    let earlier = notes.map(|notes| Earlier::open(notes, &vkey)).transpose()?.unwrap_or_default();
    // Before the head is read, so that it cannot be of a later tree.
    let signed = checkpoint::stored(store, &vkey)?.map(|(signed, _)| signed);
    let head = Head::read(store)?;
    let (mut chain, mut full, mut duties) = (Chain::against(earlier), Vec::new(), Duties::default());
    while chain.size() < head.size() {
        let before = chain.size();
        check_page(store, &mut chain, head.size(), &mut full, &mut duties)?;
        check_tiles(store, &mut full)?;
        if chain.size() == before {
            return Err(damaged(before, "it is missing"));
        }
        progress(chain.size());
    }
    let (edge, earlier) = chain.finish(head.size(), &head.root(), &mut full)?;
    check_tiles(store, &mut full)?;
    if edge != *head.edge() {
        return Err(damaged(head.size().saturating_sub(1), "the recorded end of the tree was changed"));
    }
    check_checkpoint(store, &head, signed.as_ref())?;
    earlier.settle(&edge)?;
    let breaches = duties.finish();
    Ok(Whole { entries: head.size(), root: head.root(), checkpoint: signed, vkey, breaches })
}

fn check_page(
    store: &dyn Store,
    chain: &mut Chain,
    size: u64,
    full: &mut Vec<Tile>,
    duties: &mut Duties,
) -> Result<(), LedgerError> {
    let first = keys::ledger_entry(chain.size());
    let limit = STEP.min(size - chain.size()) as usize;
    for (key, value) in store.scan(&Scan::prefix(keys::ledger_entries()).starting_at(first).limit(limit))? {
        let record = head::record_of(&key, &value)?;
        if record.index != chain.size() {
            return Err(damaged(chain.size(), "it is missing"));
        }
        chain.push(&record.json, full)?;
        duties.read(&record.json);
    }
    Ok(())
}

fn check_tiles(store: &dyn Store, full: &mut Vec<Tile>) -> Result<(), LedgerError> {
    for tile in full.drain(..) {
        if StoredTiles(store).tile(tile.level, tile.index)? != tile.hashes {
            let first = (tile.index * WIDTH) << (4 * u32::from(tile.level));
            return Err(damaged(first, "the tile of the tree that begins with it was changed"));
        }
    }
    Ok(())
}

impl From<Fault> for LedgerError {
    fn from(fault: Fault) -> Self {
        Self::Damaged { index: fault.index, reason: fault.reason }
    }
}

/// Checks the end of the ledger in time that does not grow with it: that the head fits the last entries and tiles,
/// that nothing lies beyond it, and that the newest checkpoint is of this tree.
pub(super) fn right_edge(store: &dyn Store, key: &VerifierKey) -> Result<(), LedgerError> {
    let head = Head::read(store)?;
    if head::record(store, head.size())?.is_some() {
        return Err(damaged(head.size(), "it lies beyond the recorded end"));
    }
    check_last_entries(store, &head)?;
    check_edge_levels(store, &head)?;
    let signed = checkpoint::stored(store, key)?.map(|(signed, _)| signed);
    check_checkpoint(store, &head, signed.as_ref())
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
        last = Place::of(&record.json).ok_or_else(|| damaged(index, "it is not an entry"))?.prev;
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

fn check_checkpoint(store: &dyn Store, head: &Head, signed: Option<&Checkpoint>) -> Result<(), LedgerError> {
    let Some(signed) = signed else { return Ok(()) };
    if signed.size > head.size() {
        let reason = format!("a signed checkpoint covers {} entries, the store ends before", signed.size);
        return Err(LedgerError::Damaged { index: head.size(), reason });
    }
    let root: Hash = tree::subtree(head.edge(), &StoredTiles(store), 0, signed.size)?;
    if root == signed.root { Ok(()) } else { Err(damaged(0, "the tree is not the one that was signed")) }
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

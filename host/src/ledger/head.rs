//! The end of the ledger as the store keeps it, and the step from one end to the next.

use std::ops::Range;

use crate::store::{DeriveError, Key, Scan, Store, StoreError, View, Write, codec, keys};

use super::entry::{Draft, Record};
use super::error::LedgerError;
use super::tree::{self, Edge, Hash, Tile, Tiles};

/// Room for the edge of a million entries.
const ENCODED_BYTES: usize = 3 << 10;

/// The size of the ledger, its last leaf hash, and the right edge of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    last: Hash,
    edge: Edge,
}

impl Head {
    /// # Errors
    /// When the store cannot be read.
    pub fn read(view: &(impl View + ?Sized)) -> Result<Self, LedgerError> {
        let key = keys::ledger_head();
        let Some(value) = view.get(&key)? else {
            return Ok(Self::default());
        };
        let decoded = Self::decode(codec::decode_raw(&key, &value)?);
        Ok(decoded.ok_or_else(|| codec::unreadable(&key, "it is not the end of a ledger"))?)
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// The leaf hash of the last entry; of the empty tree when there is none.
    #[must_use]
    pub const fn last(&self) -> &Hash {
        &self.last
    }

    #[must_use]
    pub const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Adds a leaf; the tiles that it completes go to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        self.edge.push(leaf, full);
        self.last = leaf;
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = codec::begin_raw(ENCODED_BYTES);
        out.extend_from_slice(&self.last);
        self.edge.encode(&mut out);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (last, edge) = bytes.split_first_chunk()?;
        Some(Self { last: *last, edge: Edge::decode(edge)? })
    }
}

impl Default for Head {
    fn default() -> Self {
        Self { last: tree::empty_root(), edge: Edge::default() }
    }
}

/// Gives the drafts their places after all that the view shows: their indexes, and what to write.
pub(super) fn append(view: &dyn View, drafts: &[Draft]) -> Result<(Range<u64>, Vec<Write>), DeriveError> {
    let mut head = Head::read(view)?;
    let first = head.size();
    let (mut writes, mut full) = (Vec::with_capacity(drafts.len() + 2), Vec::new());
    for draft in drafts {
        let index = head.size();
        let mut value = codec::begin_raw(draft.room());
        let leaf = draft.seal(index, head.last(), &mut value);
        writes.push(Write::Put(keys::ledger_entry(index), value));
        writes.extend(draft.lists.iter().map(|list| listed(list, index)));
        head.push(leaf, &mut full);
    }
    writes.extend(full.iter().map(put_tile));
    if head.size() > first {
        writes.push(Write::Put(keys::ledger_head(), head.encode()));
    }
    Ok((first..head.size(), writes))
}

/// The number of an entry in a list: the key says all.
pub fn listed(list: &Key, index: u64) -> Write {
    Write::Put(list.clone().number(index), codec::encode_raw(&[]))
}

/// Entries from an index on, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn records(store: &dyn Store, from: u64, limit: usize) -> Result<Vec<Record>, LedgerError> {
    let scan = Scan::prefix(keys::ledger_entries()).starting_at(keys::ledger_entry(from)).limit(limit);
    store.scan(&scan)?.into_iter().map(|(key, value)| record_of(&key, &value)).collect()
}

/// The entry at an index.
///
/// # Errors
/// When the store cannot be read.
pub fn record(view: &(impl View + ?Sized), index: u64) -> Result<Option<Record>, LedgerError> {
    let key = keys::ledger_entry(index);
    view.get(&key)?.map(|value| record_of(&key, &value)).transpose()
}

/// The entry in a cell of the store.
pub(super) fn record_of(key: &Key, value: &[u8]) -> Result<Record, LedgerError> {
    let index = key.last_number().ok_or_else(|| codec::unreadable(key, "its key ends in no index"))?;
    let json = String::from_utf8(codec::decode_raw(key, value)?.to_vec());
    let json = json.map_err(|_| LedgerError::Damaged { index, reason: "it is not UTF-8".to_owned() })?;
    Ok(Record { index, json })
}

/// Full tiles, as the store keeps them.
pub(super) struct StoredTiles<'a, V: ?Sized>(pub(super) &'a V);

impl<V: View + ?Sized> Tiles for StoredTiles<'_, V> {
    type Error = LedgerError;

    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, LedgerError> {
        let key = keys::ledger_tile(level, index);
        let missing = |reason: &str| -> StoreError { codec::unreadable(&key, reason) };
        let value = self.0.get(&key)?.ok_or_else(|| missing("this tile of the tree is missing"))?;
        let hashes = tree::split_hashes(codec::decode_raw(&key, &value)?);
        let hashes = hashes.filter(|hashes| hashes.len() as u64 == tree::WIDTH);
        Ok(hashes.ok_or_else(|| missing("it is not a full tile"))?)
    }
}

fn put_tile(tile: &Tile) -> Write {
    let value = codec::encode_raw(&tree::join_hashes(&tile.hashes));
    Write::Put(keys::ledger_tile(tile.level, tile.index), value)
}

pub(super) fn damaged(index: u64, reason: &str) -> LedgerError {
    LedgerError::Damaged { index, reason: reason.to_owned() }
}

//! How logical keys and values lie in sled's one tree.
//!
//! Values beyond a page are cut into chunks. sled would write any node over 128 KiB to a file of its own that it
//! never syncs, and a leaf holds up to 17 values, so the limit per value must stay below 7 KiB.
//!
//! | first byte | key | value |
//! |---|---|---|
//! | 0 | `format` | the format of this table |
//! | 0 | `journal` | the mark of the last record of the journal that is here in full |
//! | 1 | the logical key | 0 and the value, or 1, the chunks' id and their number |
//! | 2 | the chunks' id and the chunk's number | a part of the value |

use std::ops::Bound;

use ring::digest::{Context, SHA256};

use super::super::{Key, Scan, StoreError, View};
use super::recent::Cell;
use super::record::Mark;

const FORMAT_KEY: &[u8] = b"\0format";
const MARK_KEY: &[u8] = b"\0journal";
const VALUE: u8 = 1;
const CHUNK: u8 = 2;
const INLINE: u8 = 0;
const CHUNKED: u8 = 1;

/// The longest value, and part of a value, in bytes.
const CHUNK_BYTES: usize = 4096;

/// How often a read begins again because the value was replaced under it.
const ATTEMPTS: usize = 16;

#[derive(Clone)]
pub(super) struct Layout {
    db: sled::Db,
}

impl Layout {
    pub(super) const fn new(db: sled::Db) -> Self {
        Self { db }
    }

    pub(super) fn format(&self) -> Result<Option<Vec<u8>>, sled::Error> {
        Ok(self.db.get(FORMAT_KEY)?.map(|value| value.to_vec()))
    }

    pub(super) fn set_format(&self, format: &[u8]) -> Result<(), sled::Error> {
        self.db.insert(FORMAT_KEY, format)?;
        self.db.flush().map(drop)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.db.is_empty()
    }

    pub(super) fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(read_error)
    }

    /// How far the journal has been taken over; `None` before the first time.
    pub(super) fn mark(&self) -> Result<Option<Mark>, sled::Error> {
        Ok(self.db.get(MARK_KEY)?.and_then(|mark| Mark::decode(&mark)))
    }

    /// The cells of a scan, as they are read.
    pub(super) fn cells(&self, scan: &Scan) -> Box<dyn Iterator<Item = Result<Cell, StoreError>> + '_> {
        let (low, high) = scan.bounds();
        let high = match high {
            Bound::Unbounded => Bound::Excluded(vec![CHUNK]),
            bounded => bounded.map(|key| value_key(&key)),
        };
        let range = self.db.range::<Vec<u8>, _>((low.map(|key| value_key(&key)), high));
        match scan.backwards {
            false => Box::new(range.map(|cell| self.cell(cell))),
            true => Box::new(range.rev().map(|cell| self.cell(cell))),
        }
    }

    /// Applies the changes one after another, then the mark. Not durable yet, and not all in the kernel's hands.
    ///
    /// One after another, because a batch of sled keeps every reader out until all of it is applied, and many reads
    /// of a governed write go to sled. The log has them in this order, so that the mark is never there without them.
    pub(super) fn apply(&self, cells: &[(&Key, Option<&[u8]>)], mark: Option<Mark>) -> Result<(), String> {
        let mut room = Vec::new();
        for (key, value) in cells {
            self.apply_one(key, *value, &mut room).map_err(|error| error.to_string())?;
        }
        if let Some(mark) = mark {
            self.db.insert(MARK_KEY, mark.encode().as_slice()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// `room` is used again. A crash before the chunks of an old value are dropped leaves them: nothing points there.
    fn apply_one(&self, key: &Key, value: Option<&[u8]>, room: &mut Vec<u8>) -> sled::Result<()> {
        let at = value_key(key.as_bytes());
        let before = match value {
            None => self.db.remove(at)?,
            Some(value) if value.len() <= CHUNK_BYTES => {
                room.clear();
                room.push(INLINE);
                room.extend_from_slice(value);
                self.db.insert(at, room.as_slice())?
            }
            Some(value) => return self.apply_chunked(key, value),
        };
        if let Some(Stored::Chunks { id, count }) = before.as_deref().and_then(Stored::parse) {
            for i in 0..count {
                self.db.remove(chunk_key(&id, i))?;
            }
        }
        Ok(())
    }

    /// Atomically, with all its chunks.
    fn apply_chunked(&self, key: &Key, value: &[u8]) -> sled::Result<()> {
        let mut batch = sled::Batch::default();
        // The old chunks go first, unless the new value has the same: of one key in a batch, the last word counts.
        let before = self.db.get(value_key(key.as_bytes()))?;
        if let Some(Stored::Chunks { id, count }) = before.as_deref().and_then(Stored::parse) {
            (0..count).for_each(|i| batch.remove(chunk_key(&id, i)));
        }
        cut(key, value, &mut batch);
        self.db.apply_batch(batch)
    }

    /// Hands what was applied to the kernel. Nobody else may do so at the same time: sled issue 1308.
    pub(super) fn flush(&self) -> Result<(), String> {
        self.db.flush().map(drop).map_err(|error| error.to_string())
    }

    fn cell(&self, cell: sled::Result<(sled::IVec, sled::IVec)>) -> Result<Cell, StoreError> {
        let (key, cell) = cell.map_err(read_error)?;
        let key = Key::from_bytes(key.get(1..).unwrap_or_default().to_vec());
        let value = match self.assemble(&key, &cell)? {
            Some(value) => Some(value),
            // Replaced while the scan went by: what is there now.
            None => self.get(&key)?,
        };
        Ok((key, value))
    }

    /// `None` when chunks are missing because the value has been replaced since its cell was read.
    fn assemble(&self, key: &Key, cell: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match Stored::parse(cell) {
            Some(Stored::Inline(value)) => Ok(Some(value.to_vec())),
            Some(Stored::Chunks { id, count }) => {
                let mut value = Vec::with_capacity(CHUNK_BYTES.saturating_mul(count as usize));
                for i in 0..count {
                    match self.db.get(chunk_key(&id, i)).map_err(read_error)? {
                        Some(chunk) => value.extend_from_slice(&chunk),
                        None => return Ok(None),
                    }
                }
                Ok(Some(value))
            }
            None => Err(damaged(key, "its cell has an unknown form")),
        }
    }
}

impl View for Layout {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(cell) = self.db.get(value_key(key.as_bytes())).map_err(read_error)? else {
                return Ok(None);
            };
            if let Some(value) = self.assemble(key, &cell)? {
                return Ok(Some(value));
            }
        }
        Err(damaged(key, "a part of it is missing"))
    }
}

/// What lies at a value's key.
enum Stored<'a> {
    Inline(&'a [u8]),
    Chunks { id: [u8; 16], count: u32 },
}

impl<'a> Stored<'a> {
    fn parse(cell: &'a [u8]) -> Option<Self> {
        match cell.split_first()? {
            (&INLINE, value) => Some(Self::Inline(value)),
            (&CHUNKED, rest) => {
                let (id, count) = rest.split_first_chunk::<16>()?;
                Some(Self::Chunks { id: *id, count: u32::from_be_bytes(count.try_into().ok()?) })
            }
            _ => None,
        }
    }
}

fn cut(key: &Key, value: &[u8], batch: &mut sled::Batch) {
    let id = chunks_id(key, value);
    let mut count = 0_u32;
    for chunk in value.chunks(CHUNK_BYTES) {
        batch.insert(chunk_key(&id, count), chunk);
        count += 1;
    }
    let cell = [&[CHUNKED], id.as_slice(), &count.to_be_bytes()].concat();
    batch.insert(value_key(key.as_bytes()), cell);
}

/// Chunks are named by key and content, so that a reader never mixes the chunks of two values.
fn chunks_id(key: &Key, value: &[u8]) -> [u8; 16] {
    let mut hash = Context::new(&SHA256);
    hash.update(&(key.as_bytes().len() as u64).to_be_bytes());
    hash.update(key.as_bytes());
    hash.update(value);
    hash.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

fn value_key(key: &[u8]) -> Vec<u8> {
    [&[VALUE], key].concat()
}

fn chunk_key(id: &[u8; 16], number: u32) -> Vec<u8> {
    [&[CHUNK], id.as_slice(), &number.to_be_bytes()].concat()
}

fn read_error(error: sled::Error) -> StoreError {
    StoreError::Read { reason: error.to_string().into() }
}

fn damaged(key: &Key, reason: &str) -> StoreError {
    StoreError::Value { key: key.clone(), reason: reason.into() }
}

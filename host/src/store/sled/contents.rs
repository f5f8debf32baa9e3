//! What readers see: sled, with what is only in the journal so far laid over it.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::{Key, Scan, StoreError, View};
use super::layout::Layout;
use super::recent::{Cell, Recent, merge, order};

#[derive(Clone)]
pub(super) struct Contents {
    pub(super) recent: Arc<Recent>,
    pub(super) layout: Layout,
}

impl Contents {
    /// The recent cells are taken first: what leaves them meanwhile is in sled, and what they say stays the later
    /// word on its key.
    pub(super) fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let recent = self.recent.scan(scan).into_iter().map(Ok);
        let cells =
            merge(recent, self.layout.cells(scan), |upper, lower| by_key(upper, lower, scan.backwards));
        let held = cells.filter_map(|cell| match cell {
            Ok((key, value)) => value.map(|value| Ok((key, value))),
            Err(error) => Some(Err(error)),
        });
        held.take(scan.limit).collect()
    }
}

/// An error comes at once.
fn by_key(upper: &Result<Cell, StoreError>, lower: &Result<Cell, StoreError>, backwards: bool) -> Ordering {
    match (upper, lower) {
        (Ok((upper, _)), Ok((lower, _))) => order(upper, lower, backwards),
        (Err(_), _) => Ordering::Less,
        (_, Err(_)) => Ordering::Greater,
    }
}

impl View for Contents {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match self.recent.get(key) {
            Some(value) => Ok(value),
            None => self.layout.get(key),
        }
    }
}

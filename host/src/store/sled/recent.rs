//! What is durable in the journal and not yet in sled: the newest state of every key that was changed.
//!
//! Two tables: one takes what is committed, the other is on its way into sled. Readers look here first.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::super::{Key, Scan};

/// The last state of keys; `None` is deleted.
pub(super) type Table = BTreeMap<Key, Option<Vec<u8>>>;

/// A key as one table has it.
pub(super) type Cell = (Key, Option<Vec<u8>>);

#[derive(Default)]
pub(super) struct Recent {
    tables: RwLock<Tables>,
}

#[derive(Default)]
struct Tables {
    taking: Table,
    leaving: Arc<Table>,
}

impl Recent {
    /// `None` when sled has the last word.
    pub(super) fn get(&self, key: &Key) -> Option<Option<Vec<u8>>> {
        let tables = self.read();
        tables.taking.get(key).or_else(|| tables.leaving.get(key)).cloned()
    }

    /// The cells of a scan, deleted ones too, until `limit` of them hold something.
    pub(super) fn scan(&self, scan: &Scan) -> Vec<Cell> {
        let Some((low, high)) = scan.range() else { return Vec::new() };
        let range = (low.as_ref().map(Vec::as_slice), high.as_ref().map(Vec::as_slice));
        let tables = self.read();
        let cells = merge(
            directed(&tables.taking, range, scan.backwards),
            directed(&tables.leaving, range, scan.backwards),
            |(upper, _), (lower, _)| order(upper, lower, scan.backwards),
        );
        let mut room = scan.limit;
        let fits = cells.take_while(|(_, value)| {
            let fits = room > 0;
            room = room.saturating_sub(usize::from(value.is_some()));
            fits
        });
        fits.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Lays durable changes over what is here.
    pub(super) fn extend(&self, changes: Table) {
        self.write().taking.extend(changes);
    }

    /// Begins a new table. What was taken so far stays readable until [`Recent::drop_leaving`].
    pub(super) fn turn(&self) -> Arc<Table> {
        let mut tables = self.write();
        tables.leaving = Arc::new(std::mem::take(&mut tables.taking));
        Arc::clone(&tables.leaving)
    }

    /// The leaving table is durable in sled. The lock is not held while it is taken apart.
    pub(super) fn drop_leaving(&self) {
        let left = std::mem::take(&mut self.write().leaving);
        drop(left);
    }

    /// A table changes by one call or not at all, so that a poisoned lock still guards whole tables.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

type Range<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

fn directed<'a>(
    table: &'a Table,
    range: Range<'_>,
    backwards: bool,
) -> Box<dyn Iterator<Item = (&'a Key, &'a Option<Vec<u8>>)> + 'a> {
    let cells = table.range::<[u8], _>(range);
    if backwards { Box::new(cells.rev()) } else { Box::new(cells) }
}

/// How two keys come in a scan.
pub(super) fn order(one: &Key, other: &Key, backwards: bool) -> std::cmp::Ordering {
    if backwards { other.cmp(one) } else { one.cmp(other) }
}

/// Two ordered sequences as one; of equals, the upper one.
pub(super) fn merge<T>(
    upper: impl Iterator<Item = T>,
    lower: impl Iterator<Item = T>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> impl Iterator<Item = T> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (mut upper, mut lower) = (upper.peekable(), lower.peekable());
    std::iter::from_fn(move || {
        let first = match (upper.peek(), lower.peek()) {
            (Some(one), Some(other)) => order(one, other),
            (Some(_), None) => Less,
            (None, _) => Greater,
        };
        match first {
            Less => upper.next(),
            Greater => lower.next(),
            Equal => {
                lower.next();
                upper.next()
            }
        }
    })
}

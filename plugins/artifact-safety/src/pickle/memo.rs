//! The memo of a pickle, in bounded memory.

use super::value::Value;

/// Entries beyond that are forgotten; a global that needs one is unresolved.
const MOST: u32 = 1 << 20;

#[derive(Default, Clone)]
pub(crate) struct Memo {
    values: Vec<Option<Value>>,
    /// How many different entries Python would have: what `MEMOIZE` numbers by.
    count: u32,
    last: u32,
    /// An entry was forgotten in a way that makes the numbers of `MEMOIZE` unknown.
    uncertain: bool,
}

impl Memo {
    /// The number that `MEMOIZE` gives next.
    pub(crate) fn next(&self) -> u32 {
        self.count
    }

    pub(crate) fn put(&mut self, index: u32, value: Value) {
        if index >= MOST {
            self.uncertain |= index != self.last.wrapping_add(1);
            self.count = self.count.saturating_add(1);
        } else {
            if self.values.len() <= index as usize {
                self.values.resize(index as usize + 1, None);
            }
            if let Some(slot) = self.values.get_mut(index as usize) {
                self.count += u32::from(slot.is_none());
                *slot = Some(value);
            }
        }
        self.last = index;
    }

    /// Replaces an entry that still holds `old`.
    pub(crate) fn replace(&mut self, index: u32, old: Value, new: Value) {
        if let Some(slot) = self.values.get_mut(index as usize)
            && *slot == Some(old)
        {
            *slot = Some(new);
        }
    }

    /// `None` where nothing was ever put: Python refuses that.
    pub(crate) fn get(&self, index: u32) -> Option<Value> {
        if self.uncertain || index >= MOST {
            return Some(Value::Lost);
        }
        self.values.get(index as usize).copied().flatten()
    }
}

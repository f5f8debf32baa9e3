//! What one commit asks for: expectations, writes, and writes that are only known when its turn comes.

use std::fmt;

use super::{Key, View};

/// Expectations and writes that take effect together or not at all.
#[derive(Default)]
pub struct Batch {
    pub(super) expect: Vec<(Key, Expect)>,
    pub(super) writes: Vec<Write>,
    pub(super) derive: Vec<Derive>,
    /// See [`Batch::awaited`].
    pub(super) awaited: bool,
}

/// What a key must hold for a batch to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Value(Vec<u8>),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Put(Key, Vec<u8>),
    Delete(Key),
}

/// Computes further writes of a batch when its turn comes: its expectations hold, and the view shows every batch
/// before it. This is how the ledger numbers its entries without making writers wait for one another.
///
/// It runs on the committer's thread, so it must be quick; an engine may run it again, so it must have no effect
/// besides its answer.
pub type Derive = Box<dyn Fn(&dyn View) -> Result<Vec<Write>, DeriveError> + Send + Sync>;

pub type DeriveError = Box<dyn std::error::Error + Send + Sync>;

impl Batch {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if `key` holds nothing.
    #[must_use]
    pub fn expect_absent(self, key: Key) -> Self {
        self.expect(key, Expect::Absent)
    }

    /// Only if `key` holds exactly these bytes.
    #[must_use]
    pub fn expect_value(self, key: Key, value: Vec<u8>) -> Self {
        self.expect(key, Expect::Value(value))
    }

    /// Only if `key` still holds what [`View::get`] gave.
    #[must_use]
    pub fn expect_unchanged(self, key: Key, seen: Option<Vec<u8>>) -> Self {
        self.expect(key, seen.map_or(Expect::Absent, Expect::Value))
    }

    #[must_use]
    pub fn expect(mut self, key: Key, expect: Expect) -> Self {
        self.expect.push((key, expect));
        self
    }

    #[must_use]
    pub fn put(mut self, key: Key, value: Vec<u8>) -> Self {
        self.writes.push(Write::Put(key, value));
        self
    }

    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.writes.push(Write::Delete(key));
        self
    }

    /// Adds writes that are computed when the batch's turn comes; they follow the batch's own.
    #[must_use]
    pub fn derive<F>(mut self, derive: F) -> Self
    where
        F: Fn(&dyn View) -> Result<Vec<Write>, DeriveError> + Send + Sync + 'static,
    {
        self.derive.push(Box::new(derive));
        self
    }

    /// Whoever commits this can do nothing else until it is durable: a store may do the work on their thread where
    /// that is quicker than handing it over.
    #[must_use]
    pub const fn awaited(mut self) -> Self {
        self.awaited = true;
        self
    }

    /// This batch and another as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.expect.extend(other.expect);
        self.writes.extend(other.writes);
        self.derive.extend(other.derive);
        self.awaited |= other.awaited;
        self
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Batch");
        out.field("expect", &self.expect).field("writes", &self.writes);
        out.field("derive", &self.derive.len()).finish()
    }
}

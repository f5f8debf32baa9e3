//! Walks entries in order and names the one that is wrong.
//!
//! The root alone says only that something was changed. Each entry also carries its predecessor's leaf hash, so a
//! changed entry breaks the link after it; a changed `prev` breaks the links on both sides of its entry. One
//! entry of lookahead tells the two apart, and at the end of the ledger the signed root does.

use super::against::Earlier;
use super::entry::Place;
use super::tree::{self, Edge, Hash, Tile};

/// The entry that is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) index: u64,
    pub(super) reason: String,
}

/// The state after some entries: memory is that of one [`Edge`], however many there were.
#[derive(Default)]
pub(super) struct Chain {
    /// Without the last entry, and without the one after a broken link.
    edge: Edge,
    last: Option<Hash>,
    broken: Option<BrokenLink>,
    earlier: Earlier,
}

/// The entry after `last` does not name it.
struct BrokenLink {
    named: Hash,
    leaf: Hash,
}

impl Chain {
    /// Compares with these checkpoints on the way.
    pub(super) fn against(earlier: Earlier) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Adds the next entry. The tiles that become complete go to `full`.
    pub(super) fn push(&mut self, entry: &str, full: &mut Vec<Tile>) -> Result<(), Fault> {
        let index = self.size();
        let fault = |reason: String| Fault { index, reason };
        let place = Place::of(entry).ok_or_else(|| fault("it is not in the form of an entry".to_owned()))?;
        if place.index != index {
            return Err(fault(format!("it says that it is entry {}", place.index)));
        }
        if let Some(broken) = &self.broken {
            return Err(self.blame(place.prev == broken.leaf));
        }
        let leaf = tree::leaf_hash(entry.as_bytes());
        match self.last {
            None if place.prev != tree::empty_root() => {
                Err(fault("it is the first, yet names an entry before it".to_owned()))
            }
            Some(last) if place.prev != last => {
                self.broken = Some(BrokenLink { named: place.prev, leaf });
                Ok(())
            }
            _ => {
                self.shift(Some(leaf), full);
                Ok(())
            }
        }
    }

    /// The number of entries so far.
    pub(super) fn size(&self) -> u64 {
        self.edge.size() + u64::from(self.last.is_some()) + u64::from(self.broken.is_some())
    }

    /// The tree of all entries, if it is the one of that size and root.
    pub(super) fn finish(
        mut self,
        size: u64,
        root: &Hash,
        full: &mut Vec<Tile>,
    ) -> Result<(Edge, Earlier), Fault> {
        if self.broken.is_some() {
            return Err(self.blame(self.root_if_next_is_right() == Some(*root)));
        }
        self.shift(None, full);
        let found = self.edge.size();
        if found < size {
            return Err(Fault { index: found, reason: format!("it is missing: {size} entries were signed") });
        }
        if found > size {
            return Err(Fault { index: size, reason: format!("it is not signed: {size} entries were") });
        }
        if self.edge.root() == *root {
            return Ok((self.edge, self.earlier));
        }
        let reason = "the signed root is another: this entry, or all from an earlier one on, was rewritten";
        Err(Fault { index: size.saturating_sub(1), reason: reason.to_owned() })
    }

    fn shift(&mut self, next: Option<Hash>, full: &mut Vec<Tile>) {
        if let Some(last) = std::mem::replace(&mut self.last, next) {
            self.edge.push(last, full);
            self.earlier.look(&self.edge);
        }
    }

    /// Either the last entry before the broken link was changed, or the one after it.
    fn blame(&self, next_is_right: bool) -> Fault {
        let (last, next) = (self.edge.size(), self.edge.size() + 1);
        let (index, reason) = match next_is_right {
            true => (last, format!("it was changed: entry {next} names another hash for it")),
            false => (next, format!("it was changed: it does not name entry {last}, nor is it named itself")),
        };
        Fault { index, reason }
    }

    /// The root if the entry after the broken link is right, and the one before it had the hash that it names.
    fn root_if_next_is_right(&self) -> Option<Hash> {
        let broken = self.broken.as_ref()?;
        let mut edge = self.edge.clone();
        edge.push(broken.named, &mut Vec::new());
        edge.push(broken.leaf, &mut Vec::new());
        Some(edge.root())
    }
}

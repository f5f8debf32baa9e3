//! Which blobs of evidence are in the store, and which must not be taken out at this moment, because something that is
//! on its way to the disk names them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::digest::Digest;
use countersign_core::time::Millis;

use super::AppError;
use crate::store::{Store, keys};

/// More digests than this are forgotten all at once: looking one up again costs a read.
const MAX_KNOWN: usize = 8_192;
/// How long what was named may be on its way, in milliseconds. A judgement takes seconds.
const ON_ITS_WAY: i64 = 600_000;
/// Below this nobody looks for those whose time is over.
const MANY: usize = 16_384;

/// Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub struct KnownEvidence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    collecting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    present: HashSet<Digest>,
    /// Until when each counts as named.
    pinned: HashMap<Digest, Millis>,
    /// From how many on those are looked for whose time is over.
    look_at: usize,
    /// Goes up when evidence begins to be taken out, and when that is over; odd in between.
    round: u64,
}

/// Evidence is being taken out: until this is dropped nothing counts as present, so that it is written again.
#[derive(Debug)]
pub(super) struct Collecting<'a> {
    known: &'a KnownEvidence,
    _alone: tokio::sync::MutexGuard<'a, ()>,
}

impl KnownEvidence {
    /// Whether a blob is in the store, and stays there for now. What can be read there is durable.
    pub(super) fn has(&self, store: &dyn Store, digest: &Digest) -> Result<bool, AppError> {
        let round = {
            let known = self.lock();
            if known.is_being_taken_out() || known.present.contains(digest) {
                return Ok(!known.is_being_taken_out());
            }
            known.round
        };
        if store.get(&keys::evidence(digest))?.is_none() {
            return Ok(false);
        }
        let mut known = self.lock();
        if known.round != round {
            return Ok(false);
        }
        if known.present.len() >= MAX_KNOWN {
            known.present.clear();
        }
        known.present.insert(*digest);
        Ok(true)
    }

    /// Says that something on its way to the disk names these.
    pub(super) fn pin(&self, digests: impl IntoIterator<Item = Digest>, now: Millis) {
        let mut known = self.lock();
        if known.pinned.len() >= known.look_at.max(MANY) {
            known.pinned.retain(|_, until| *until > now);
            // Not again before there are twice as many: looking at all of them takes its time.
            known.look_at = known.pinned.len() * 2;
        }
        let until = Millis::new(now.get().saturating_add(ON_ITS_WAY));
        known.pinned.extend(digests.into_iter().map(|digest| (digest, until)));
    }

    /// As [`Self::pin`], for what is in the store already and is to be named again: whether all of it is there.
    pub(super) fn pin_present(
        &self,
        store: &dyn Store,
        digests: &[Digest],
        now: Millis,
    ) -> Result<bool, AppError> {
        // First pinned, then looked at: a collection that begins in between is seen, or sees.
        self.pin(digests.iter().copied(), now);
        for digest in digests {
            if !self.has(store, digest)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is named by something on its way.
    pub(super) fn pinned(&self, now: Millis) -> Vec<Digest> {
        let known = self.lock();
        known.pinned.iter().filter(|(_, until)| **until > now).map(|(digest, _)| *digest).collect()
    }

    /// Whether any of these is named by something on its way.
    pub(super) fn is_any_pinned<'d>(
        &self,
        digests: impl IntoIterator<Item = &'d Digest>,
        now: Millis,
    ) -> bool {
        let known = self.lock();
        digests.into_iter().any(|digest| known.pinned.get(digest).is_some_and(|until| *until > now))
    }

    /// Begins to take evidence out; waits while somebody else does.
    pub(super) async fn collecting(&self) -> Collecting<'_> {
        let alone = self.0.collecting.lock().await;
        self.turn();
        Collecting { known: self, _alone: alone }
    }

    fn turn(&self) {
        let mut known = self.lock();
        known.round = known.round.wrapping_add(1);
        known.present.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    const fn is_being_taken_out(&self) -> bool {
        self.round % 2 == 1
    }
}

impl Drop for Collecting<'_> {
    fn drop(&mut self) {
        self.known.turn();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Batch, codec};

    #[tokio::test]
    async fn while_evidence_goes_nothing_counts_as_present() {
        let (store, known, now) = (MemoryStore::default(), KnownEvidence::default(), Millis::new(0));
        let there = Digest::of(b"there");
        let batch = Batch::new().put(keys::evidence(&there), codec::encode_raw(b"there"));
        store.commit(batch).await.unwrap();
        let has = |known: &KnownEvidence| known.has(&store, &there).unwrap();
        assert!(has(&known) && known.pin_present(&store, &[there], now).unwrap());
        let collecting = known.collecting().await;
        assert!(!has(&known) && !known.pin_present(&store, &[there], now).unwrap());
        drop(collecting);
        assert!(has(&known));
        // What was remembered before it went is not believed.
        let collecting = known.collecting().await;
        store.commit(Batch::new().delete(keys::evidence(&there))).await.unwrap();
        drop(collecting);
        assert!(!has(&known));
    }

    #[test]
    fn what_is_named_is_so_for_a_while() {
        let (known, one) = (KnownEvidence::default(), Digest::of(b"one"));
        let at = |millis| known.is_any_pinned([&Digest::of(b"two"), &one], Millis::new(millis));
        known.pin([one], Millis::new(0));
        assert_eq!((at(0), at(ON_ITS_WAY - 1), at(ON_ITS_WAY)), (true, true, false));
        assert_eq!(known.pinned(Millis::new(1)), [one]);
        assert_eq!(known.pinned(Millis::new(ON_ITS_WAY)), []);
    }
}

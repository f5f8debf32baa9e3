//! SHA-256 of artifact files, by streaming; remembered for as long as the file's validators stay the same, over a
//! restart too (`kept.rs` says why that is sound).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::digest::Digest;
use countersign_core::names::Workspace;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::kept::{Kept, Record};
use super::progress::BytesRead;
use crate::mlflow::artifacts::{Location, Reading, Validators};
use crate::mlflow::{Client, ReadError};
use crate::store::Store;

/// Files that are read at the same time, over all collections.
const READERS: usize = 4;
/// Remembered files, in memory and in the store. Past it some are forgotten: rare, and it costs only time.
const MAX_REMEMBERED: usize = 100_000;
/// In milliseconds.
const DAY: i64 = 86_400_000;

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct FileKey {
    pub(super) workspace: Workspace,
    pub(super) location: Location,
    pub(super) path: String,
}

/// What was found out about a file's content.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) digest: Digest,
    /// Bytes.
    pub(super) size: u64,
    /// The bytes themselves, when they were asked for and are few enough.
    pub(super) bytes: Option<Vec<u8>>,
}

/// What is asked of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// At most so many bytes of its content are wanted as well; it is then always read.
    pub(super) keep: usize,
    pub(super) now: Millis,
}

/// A digest, and what must be as it was for it to be believed.
#[derive(Debug, Clone)]
struct Known {
    validators: Validators,
    digest: Digest,
    used: Millis,
}

/// Digests that are known already.
#[derive(Debug)]
pub(super) struct Digests {
    known: Mutex<HashMap<FileKey, Known>>,
    busy: Mutex<HashMap<FileKey, Arc<Turn>>>,
    readers: Semaphore,
    /// Where they are found again after a restart.
    kept: Option<Kept>,
}

/// One reading of a file at a time, and how far it has come.
#[derive(Debug, Default)]
struct Turn {
    lock: tokio::sync::Mutex<()>,
    read: BytesRead,
}

impl Default for Digests {
    fn default() -> Self {
        Self { known: Mutex::default(), busy: Mutex::default(), readers: Semaphore::new(READERS), kept: None }
    }
}

impl Digests {
    /// With those that a process before has found out about this MLflow.
    pub(super) fn kept_in(store: Arc<dyn Store>, mlflow: &str) -> Self {
        let (kept, records) = Kept::open(store, mlflow);
        let known = records
            .into_iter()
            .map(|Record { file, validators, digest, used }| (file, Known { validators, digest, used }));
        Self { known: Mutex::new(known.collect()), kept: Some(kept), ..Self::default() }
    }

    /// Resolves when all that is known by now is kept, where anything is.
    pub(super) async fn written(&self) {
        if let Some(kept) = &self.kept {
            kept.written().await;
        }
    }

    /// The digest of a file. Two askers for one file read it once.
    pub(super) async fn of(&self, client: &Client, key: &FileKey, how: How) -> Result<Content, ReadError> {
        let turn = self.turn(key);
        let guard = turn.lock.lock().await;
        let found = self.known_or_read(client, key, how, &turn.read).await;
        drop(guard);
        self.leave(key, &turn);
        found
    }

    async fn known_or_read(
        &self,
        client: &Client,
        key: &FileKey,
        how: How,
        read: &BytesRead,
    ) -> Result<Content, ReadError> {
        // Closed never: the semaphore lives as long as we do.
        let _permit = self.readers.acquire().await.ok();
        if how.keep == 0
            && let Some(known) = self.recall(key)
        {
            let told = client.artifact_validators(&key.workspace, &key.location, &key.path).await;
            if told.ok().flatten().as_ref() == Some(&known.validators) {
                let (digest, size) = (known.digest, known.validators.size);
                self.believed(key, known, how.now);
                read.add(size);
                return Ok(Content { digest, size, bytes: None });
            }
        }
        let reading = client.open_artifact(&key.workspace, &key.location, &key.path).await;
        let reading = reading.inspect_err(|error| {
            if error.is_not_found() {
                self.forget_one(key);
            }
        })?;
        let validators = reading.validators();
        let content = hash(reading, how.keep, read).await?;
        match validators.filter(|told| told.size == content.size && how.keep == 0) {
            Some(validators) => {
                self.remember(key, Known { validators, digest: content.digest, used: how.now });
            }
            None => self.forget_one(key),
        }
        Ok(content)
    }

    /// Forgets every file for which `matches` says so.
    pub(super) fn forget(&self, matches: impl Fn(&FileKey) -> bool) {
        let gone: Vec<FileKey> = self.known().extract_if(|key, _| matches(key)).map(|(key, _)| key).collect();
        self.let_go(gone);
    }

    /// How far a file is read that is being read, or waits for it.
    pub(super) fn under_way(&self, key: &FileKey) -> BytesRead {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.get(key).map(|turn| turn.read.clone()).unwrap_or_default()
    }

    fn recall(&self, key: &FileKey) -> Option<Known> {
        self.known().get(key).cloned()
    }

    /// Notes now and then that a digest is of use: by the day is enough to tell which is of use the least.
    fn believed(&self, key: &FileKey, known: Known, now: Millis) {
        if now.since(known.used) >= DAY {
            self.remember(key, Known { used: now, ..known });
        }
    }

    fn remember(&self, key: &FileKey, known: Known) {
        let mut all = self.known();
        let gone = if all.len() >= MAX_REMEMBERED { make_room(&mut all) } else { Vec::new() };
        all.insert(key.clone(), known.clone());
        drop(all);
        self.let_go(gone);
        let Known { validators, digest, used } = known;
        if let Some(kept) = &self.kept {
            kept.put(Record { file: key.clone(), validators, digest, used });
        }
    }

    fn forget_one(&self, key: &FileKey) {
        if self.known().remove(key).is_some() {
            self.let_go(vec![key.clone()]);
        }
    }

    fn let_go(&self, gone: Vec<FileKey>) {
        if let Some(kept) = &self.kept {
            gone.into_iter().for_each(|key| kept.forget(key));
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<FileKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, key: &FileKey) -> Arc<Turn> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(busy.entry(key.clone()).or_default())
    }

    /// The last one out takes the lock away: the map holds one reference, the caller the other.
    fn leave(&self, key: &FileKey, turn: &Arc<Turn>) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(turn) <= 2 {
            busy.remove(key);
        }
    }
}

/// Takes out what was of use longest ago, a quarter of all or more: files of versions that are gone are among it.
fn make_room(known: &mut HashMap<FileKey, Known>) -> Vec<FileKey> {
    let mut used: Vec<Millis> = known.values().map(|known| known.used).collect();
    used.sort_unstable();
    let Some(&last) = used.get(used.len() / 4) else { return Vec::new() };
    known.extract_if(|_, known| known.used <= last).map(|(key, _)| key).collect()
}

async fn hash(mut reading: Reading, keep: usize, read: &BytesRead) -> Result<Content, ReadError> {
    read.begin();
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    let mut bytes = Some(Vec::new()).filter(|_| keep > 0);
    while let Some(chunk) = reading.chunk().await? {
        hasher.update(&chunk);
        let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        size += len;
        read.add(len);
        if let Some(kept) = &mut bytes {
            kept.extend_from_slice(&chunk);
        }
        bytes = bytes.filter(|kept| kept.len() <= keep);
    }
    Ok(Content { digest: Digest::from_bytes(hasher.finalize().into()), size, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(used: &[i64], left: &[i64]) {
        let known = used.iter().enumerate().map(|(i, used)| {
            let location = Location::Proxied { root: String::new() };
            let key = FileKey { workspace: "default".into(), location, path: i.to_string() };
            let validators = Validators { size: 0, etag: String::new(), last_modified: String::new() };
            (key, Known { validators, digest: Digest::of(b""), used: Millis::new(*used) })
        });
        let mut known: HashMap<FileKey, Known> = known.collect();
        let gone = make_room(&mut known);
        let mut now: Vec<i64> = known.values().map(|known| known.used.get()).collect();
        now.sort_unstable();
        assert_eq!((gone.len() + now.len(), now.as_slice()), (used.len(), left));
    }

    #[test]
    fn what_was_of_use_longest_ago_goes_first() {
        check(&[5, 1, 8, 3, 7, 2, 6, 4], &[4, 5, 6, 7, 8]);
        check(&[2, 2, 2, 2], &[]);
        check(&[1, 9, 9, 9], &[]);
        check(&[1, 1, 9, 9], &[9, 9]);
        check(&[], &[]);
    }
}

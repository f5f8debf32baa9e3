//! SHA-256 of artifact files, by streaming; remembered for as long as the file's validators stay the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::digest::Digest;
use countersign_core::names::Workspace;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::mlflow::artifacts::{Location, Reading, Validators};
use crate::mlflow::{Client, ReadError};

/// Files that are read at the same time, over all collections.
const READERS: usize = 4;
/// Remembered files. Past it all are forgotten: rare, and it costs only time.
const MAX_REMEMBERED: usize = 100_000;

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// Digests that are known already.
#[derive(Debug)]
pub(super) struct Digests {
    known: Mutex<HashMap<FileKey, (Validators, Digest)>>,
    busy: Mutex<HashMap<FileKey, Arc<tokio::sync::Mutex<()>>>>,
    readers: Semaphore,
}

impl Digests {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), busy: Mutex::default(), readers: Semaphore::new(READERS) }
    }

    /// The digest of a file; `keep` more bytes than zero asks for its content as well, which is then always read.
    /// Two askers for one file read it once.
    pub(super) async fn of(&self, client: &Client, key: &FileKey, keep: usize) -> Result<Content, ReadError> {
        let turn = self.turn(key);
        let guard = turn.lock().await;
        let found = self.known_or_read(client, key, keep).await;
        drop(guard);
        self.leave(key, &turn);
        found
    }

    async fn known_or_read(&self, client: &Client, key: &FileKey, keep: usize) -> Result<Content, ReadError> {
        // Closed never: the semaphore lives as long as we do.
        let _permit = self.readers.acquire().await.ok();
        if keep == 0
            && let Some((known, digest)) = self.recall(key)
        {
            let now = client.artifact_validators(&key.workspace, &key.location, &key.path).await;
            if now.ok().flatten().as_ref() == Some(&known) {
                return Ok(Content { digest, size: known.size, bytes: None });
            }
        }
        let reading = client.open_artifact(&key.workspace, &key.location, &key.path).await?;
        let validators = reading.validators();
        let content = hash(reading, keep).await?;
        match validators.filter(|v| v.size == content.size) {
            Some(validators) => self.remember(key, validators, content.digest),
            None => self.forget(|known| known == key),
        }
        Ok(content)
    }

    /// Forgets every file for which `matches` says so.
    pub(super) fn forget(&self, matches: impl Fn(&FileKey) -> bool) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !matches(key));
    }

    fn recall(&self, key: &FileKey) -> Option<(Validators, Digest)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: &FileKey, validators: Validators, digest: Digest) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(key.clone(), (validators, digest));
    }

    fn turn(&self, key: &FileKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(busy.entry(key.clone()).or_default())
    }

    /// The last one out takes the lock away: the map holds one reference, the caller the other.
    fn leave(&self, key: &FileKey, turn: &Arc<tokio::sync::Mutex<()>>) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(turn) <= 2 {
            busy.remove(key);
        }
    }
}

async fn hash(mut reading: Reading, keep: usize) -> Result<Content, ReadError> {
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    let mut bytes = Some(Vec::new()).filter(|_| keep > 0);
    while let Some(chunk) = reading.chunk().await? {
        hasher.update(&chunk);
        size += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if let Some(kept) = &mut bytes {
            kept.extend_from_slice(&chunk);
        }
        bytes = bytes.filter(|kept| kept.len() <= keep);
    }
    Ok(Content { digest: Digest::from_bytes(hasher.finalize().into()), size, bytes })
}

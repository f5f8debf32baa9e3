//! The default engine: sled 0.34.7 in one directory, with no server.
//!
//! What sled does not do, this module does: commits that are durable at the speed of a plain file ([`journal`],
//! [`committer`]) and reach sled later ([`checkpoint`]), large values that are synced with all others ([`layout`]),
//! a refusal of a second process ([`directory`]).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use self::checkpoint::Checkpointer;
use self::committer::{Committer, Job, Journaled};
use self::contents::Contents;
use self::journal::{Disk, Journal, Machine, SEGMENT_BYTES};
use self::recent::Recent;
use super::{Batch, Commit, CommitError, Key, Scan, Store, StoreError, View};

mod checkpoint;
mod committer;
mod contents;
#[cfg(test)]
pub(crate) mod crash;
mod directory;
#[cfg(test)]
mod in_place;
mod journal;
mod layout;
#[cfg(test)]
mod power_cut;
mod recent;
mod record;
#[cfg(test)]
mod tests;

pub use self::directory::OpenError;

/// How many batches may wait for the committer; more wait at their callers.
const QUEUE: usize = 1024;

/// A store in one directory, for one process.
pub struct SledStore {
    contents: Contents,
    journaled: Arc<Mutex<Journaled>>,
    jobs: Option<mpsc::Sender<Job>>,
    committer: Option<JoinHandle<()>>,
    failed: Arc<OnceLock<Arc<str>>>,
    path: PathBuf,
    /// Held until the database is closed.
    _lock: std::fs::File,
}

/// Whether anybody has this store open.
#[cfg(test)]
pub(crate) fn is_open(path: &Path) -> bool {
    matches!(directory::lock(path), Err(OpenError::InUse { .. }))
}

impl SledStore {
    /// Opens the store in a directory, which is created where it does not exist.
    ///
    /// # Errors
    /// When another process has it open, another version wrote it, or the disk refuses: see [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, Arc::new(Machine), SEGMENT_BYTES)
    }

    /// With segments so short that checkpoints come soon.
    #[cfg(test)]
    pub(crate) fn open_short(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, Arc::new(Machine), 64 << 10)
    }

    /// As [`SledStore::open`], on a disk that tests watch, with segments of another length.
    fn open_with(path: &Path, disk: Arc<dyn Disk>, segment_bytes: u64) -> Result<Self, OpenError> {
        let lock = directory::lock(path)?;
        let (durable, mark) = directory::open(path, &disk)?;
        let error = |source| OpenError::io(path, source);
        let journal = Journal::begin(path, disk, segment_bytes, mark).map_err(error)?;
        let contents = Contents { recent: Arc::new(Recent::default()), layout: durable.layout.clone() };
        let failed = Arc::new(OnceLock::new());
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let checkpointer =
            Checkpointer::spawn(durable.clone(), Arc::clone(&contents.recent), Arc::clone(&failed))
                .map_err(error)?;
        let kept = (durable, Arc::clone(&failed));
        let journaled = Journaled::new(contents.clone(), journal, checkpointer, kept);
        let journaled = Arc::new(Mutex::new(journaled));
        let committer = Committer { journaled: Arc::clone(&journaled), jobs: waiting };
        let committer = std::thread::Builder::new().name("store-commit".to_owned()).spawn(|| committer.run());
        let (jobs, committer) = (Some(jobs), Some(committer.map_err(error)?));
        Ok(Self { contents, journaled, jobs, committer, failed, path: path.to_owned(), _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the store takes on disk, in bytes.
    ///
    /// # Errors
    /// When the file system cannot say.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.contents.layout.size_on_disk()? + journal::size_on_disk(&self.path))
    }

    /// Commits a batch on this thread if that is quick: nobody else commits, or is about to. `Err` gives it back.
    fn commit_here(&self, batch: Batch) -> Result<Result<(), CommitError>, Batch> {
        let idle = self.jobs.as_ref().is_some_and(|jobs| jobs.capacity() == jobs.max_capacity());
        if !batch.awaited || !idle {
            return Err(batch);
        }
        match self.journaled.try_lock() {
            Ok(mut journaled) if journaled.is_quick() => Ok(journaled.commit(batch)),
            _ => Err(batch),
        }
    }

    fn failure(&self) -> StoreError {
        let stopped = || Arc::from("the committer stopped");
        StoreError::Failed { reason: self.failed.get().cloned().unwrap_or_else(stopped) }
    }
}

impl View for SledStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.contents.get(key)
    }
}

impl Store for SledStore {
    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        self.contents.scan(scan)
    }

    fn commit(&self, batch: Batch) -> Commit<'_> {
        Box::pin(async move {
            let batch = match self.commit_here(batch) {
                Ok(committed) => return committed,
                Err(batch) => batch,
            };
            let (done, outcome) = oneshot::channel();
            let jobs = self.jobs.as_ref().ok_or_else(|| self.failure())?;
            jobs.send(Job { batch, done }).await.map_err(|_| self.failure())?;
            outcome.await.unwrap_or_else(|_| Err(self.failure().into()))
        })
    }

    fn health(&self) -> Result<(), StoreError> {
        let running = self.committer.as_ref().is_some_and(|thread| !thread.is_finished());
        if running && self.failed.get().is_none() { Ok(()) } else { Err(self.failure()) }
    }
}

impl Drop for SledStore {
    /// Lets the committer finish what it was given.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(committer) = self.committer.take() {
            let _ = committer.join();
        }
    }
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledStore").field("path", &self.path).finish_non_exhaustive()
    }
}

//! The default engine: sled 0.34.7 in one directory, with no server.
//!
//! What sled does not do, this module does: a flush that is a durability point ([`committer`]), large values
//! that are synced with all others ([`layout`]), a refusal of a second process ([`directory`]).

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use self::committer::{Committer, Job, Sync};
use self::layout::Layout;
use super::{Batch, Commit, Key, Scan, Store, StoreError, View};

mod committer;
#[cfg(test)]
mod crash;
mod directory;
mod layout;
#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod tests;

pub use self::directory::OpenError;

/// How many batches may wait for the committer; more wait at their callers.
const QUEUE: usize = 1024;

/// A store in one directory, for one process.
pub struct SledStore {
    layout: Layout,
    jobs: Option<mpsc::Sender<Job>>,
    committer: Option<JoinHandle<()>>,
    failed: Arc<OnceLock<Arc<str>>>,
    path: PathBuf,
    /// Held until the database is closed.
    _lock: std::fs::File,
}

impl SledStore {
    /// Opens the store in a directory, which is created where it does not exist.
    ///
    /// # Errors
    /// When another process has it open, another version wrote it, or the disk refuses: see [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, |sync| sync)
    }

    /// As [`SledStore::open`], with the call that makes a group durable wrapped: tests watch it and make it fail.
    fn open_with(path: &Path, wrap: impl FnOnce(Sync) -> Sync) -> Result<Self, OpenError> {
        let lock = directory::lock(path)?;
        let (db, mut sync) = directory::open(path)?;
        let layout = Layout::new(db);
        directory::check_format(&layout, path, &mut sync)?;
        let failed = Arc::new(OnceLock::new());
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let committer = Committer::new(layout.clone(), wrap(sync), waiting, Arc::clone(&failed));
        let committer = std::thread::Builder::new().name("store-commit".to_owned()).spawn(|| committer.run());
        let committer = committer.map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let (jobs, committer) = (Some(jobs), Some(committer));
        Ok(Self { layout, jobs, committer, failed, path: path.to_owned(), _lock: lock })
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
        self.layout.size_on_disk()
    }

    fn failure(&self) -> StoreError {
        let stopped = || Arc::from("the committer stopped");
        StoreError::Failed { reason: self.failed.get().cloned().unwrap_or_else(stopped) }
    }
}

impl View for SledStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.layout.get(key)
    }
}

impl Store for SledStore {
    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        self.layout.scan(scan)
    }

    fn commit(&self, batch: Batch) -> Commit<'_> {
        Box::pin(async move {
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

//! Committing: the committer's thread takes every batch that waits, settles them as one group, writes the group to the
//! journal, and only then acknowledges. A batch that somebody waits for and that comes alone is committed where it came
//! in: on a machine with few cores, waking one thread and then the other takes as long as the disk.
//!
//! The order is journal, `fdatasync`, readable, acknowledged. So nobody reads what a power cut could take back, and
//! sled, which gets its data from what is readable, never runs ahead of the journal.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::super::overlay::Overlay;
use super::super::{Batch, CommitError, StoreError};
use super::checkpoint::{Checkpointer, Durable};
use super::contents::Contents;
use super::journal::Journal;
use super::recent::Table;

/// A batch and who waits for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), CommitError>>,
}

/// The most batches in one group, and the bytes after which none is added: they bound memory and the wait of the
/// first.
const GROUP: usize = 1024;
const GROUP_BYTES: usize = 4 << 20;

/// After a commit the next may come soon, and others with it, so that a group is better: how long until one is alone.
const ALONE: Duration = Duration::from_millis(2);
/// How long the last sync may have taken for the next one to be made on a thread that has other things to do.
const QUICK: Duration = Duration::from_millis(1);

/// The thread's part: what waits, and what it is committed to.
pub(super) struct Committer {
    pub(super) journaled: Arc<Mutex<Journaled>>,
    pub(super) jobs: mpsc::Receiver<Job>,
}

/// The journal with all that belongs to it. Whoever holds it commits.
pub(super) struct Journaled {
    contents: Contents,
    journal: Journal,
    checkpointer: Checkpointer,
    durable: Durable,
    failed: Arc<OnceLock<Arc<str>>>,
    /// When the last group was durable, and what it took.
    last: Option<(Instant, Duration)>,
}

type Settled = Vec<(Result<(), CommitError>, oneshot::Sender<Result<(), CommitError>>)>;

impl Committer {
    /// Until every sender is gone and every batch is settled.
    pub(super) fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            let mut journaled = self.journaled.lock().unwrap_or_else(PoisonError::into_inner);
            let (changes, settled) = settle(&journaled.contents, first, &mut self.jobs);
            let durable = journaled.make_durable(changes);
            drop(journaled);
            for (outcome, done) in settled {
                // Nobody may be waiting any more: the batch stands all the same.
                let _ = done.send(durable.clone().map_err(CommitError::Store).and(outcome));
            }
        }
        self.journaled.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

/// What the group changes, and what became of each of its batches.
fn settle(contents: &Contents, first: Job, jobs: &mut mpsc::Receiver<Job>) -> (Table, Settled) {
    let mut overlay = Overlay::over(contents);
    let (mut settled, mut next) = (Vec::new(), Some(first));
    while let Some(job) = next {
        settled.push((overlay.admit(job.batch), job.done));
        let room = settled.len() < GROUP && overlay.bytes() < GROUP_BYTES;
        next = if room { jobs.try_recv().ok() } else { None };
    }
    (overlay.into_changes(), settled)
}

impl Journaled {
    pub(super) fn new(
        contents: Contents,
        journal: Journal,
        checkpointer: Checkpointer,
        (durable, failed): (Durable, Arc<OnceLock<Arc<str>>>),
    ) -> Self {
        Self { contents, journal, checkpointer, durable, failed, last: None }
    }

    /// Whether one batch by itself is committed quickly: the last commit is some time ago, the disk was quick then,
    /// and no segment is full.
    pub(super) fn is_quick(&self) -> bool {
        let ready = |(at, took): (Instant, Duration)| at.elapsed() >= ALONE && took <= QUICK;
        self.last.is_some_and(ready) && self.journal.has_room()
    }

    /// Commits one batch by itself.
    pub(super) fn commit(&mut self, batch: Batch) -> Result<(), CommitError> {
        let mut overlay = Overlay::over(&self.contents);
        let admitted = overlay.admit(batch);
        let changes = overlay.into_changes();
        self.make_durable(changes).map_err(CommitError::Store).and(admitted)
    }

    /// After a failure the kernel may have dropped the dirty pages and marked them clean, so that a second fdatasync
    /// would succeed without having written them; hence no retry.
    fn make_durable(&mut self, changes: Table) -> Result<(), StoreError> {
        if let Some(reason) = self.failed.get() {
            return Err(StoreError::Failed { reason: Arc::clone(reason) });
        }
        if changes.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let Self { journal, checkpointer, contents, .. } = self;
        let written = journal.append(&changes, |mark| {
            // The other segment is free once its checkpoint is complete.
            let begun = checkpointer.wait() && checkpointer.begin(contents.recent.turn(), mark);
            if begun { Ok(()) } else { Err(io::Error::other("the last checkpoint failed")) }
        });
        if let Err(error) = written {
            return Err(self.fail(&error.to_string()));
        }
        crash_point!(GroupDurable);
        self.contents.recent.extend(changes);
        crash_point!(GroupReadable);
        self.last = Some((Instant::now(), began.elapsed()));
        Ok(())
    }

    fn fail(&self, reason: &str) -> StoreError {
        let reason = self.failed.get_or_init(|| reason.into());
        tracing::error!(%reason, "the store could not make a write durable and takes no more writes");
        StoreError::Failed { reason: Arc::clone(reason) }
    }

    /// The next open has nothing to replay. Where this fails, it has.
    fn close(&mut self) {
        if !self.checkpointer.wait() || self.failed.get().is_some() {
            return;
        }
        let table = self.contents.recent.turn();
        if !table.is_empty()
            && let Err(reason) = self.durable.take(&table, self.journal.mark())
        {
            tracing::error!(%reason, "the store could not make its last checkpoint; the next start repeats it");
        }
    }
}

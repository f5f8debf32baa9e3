//! The one thread that commits: it takes every batch that waits, settles them as one group, writes the group to the
//! journal, and only then acknowledges.
//!
//! The order is journal, `fdatasync`, readable, acknowledged. So nobody reads what a power cut could take back, and
//! sled, which gets its data from what is readable, never runs ahead of the journal.

use std::io;
use std::sync::{Arc, OnceLock};

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

pub(super) struct Committer {
    pub(super) contents: Contents,
    pub(super) journal: Journal,
    pub(super) checkpointer: Checkpointer,
    pub(super) durable: Durable,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) failed: Arc<OnceLock<Arc<str>>>,
}

type Settled = Vec<(Result<(), CommitError>, oneshot::Sender<Result<(), CommitError>>)>;

impl Committer {
    /// Until every sender is gone and every batch is settled.
    pub(super) fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            let (changes, settled) = self.settle(first);
            let durable = self.make_durable(changes);
            for (outcome, done) in settled {
                // Nobody may be waiting any more: the batch stands all the same.
                let _ = done.send(durable.clone().map_err(CommitError::Store).and(outcome));
            }
        }
        self.close();
    }

    /// What the group changes, and what became of each of its batches.
    fn settle(&mut self, first: Job) -> (Table, Settled) {
        let mut overlay = Overlay::over(&self.contents);
        let (mut settled, mut next) = (Vec::new(), Some(first));
        while let Some(job) = next {
            settled.push((overlay.admit(job.batch), job.done));
            let room = settled.len() < GROUP && overlay.bytes() < GROUP_BYTES;
            next = if room { self.jobs.try_recv().ok() } else { None };
        }
        (overlay.into_changes(), settled)
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
        Ok(())
    }

    fn fail(&self, reason: &str) -> StoreError {
        let reason = self.failed.get_or_init(|| reason.into());
        tracing::error!(%reason, "the store could not make a write durable and takes no more writes");
        StoreError::Failed { reason: Arc::clone(reason) }
    }

    /// The next open has nothing to replay. Where this fails, it has.
    fn close(mut self) {
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

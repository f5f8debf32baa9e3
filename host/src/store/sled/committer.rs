//! The one thread that writes: it takes every batch that waits, applies them as one, makes them durable, and
//! only then acknowledges them.
//!
//! sled's own `flush` ends in `sync_file_range` on Linux, which is no durability point, and deadlocks when called
//! from many tasks at once (sled issue 1308). So nobody else flushes, and an `fdatasync` follows each flush.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

use super::super::overlay::Overlay;
use super::super::{Batch, CommitError, StoreError};
use super::layout::Layout;

/// Makes what was flushed durable.
pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// A batch and who waits for it.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<(), CommitError>>,
}

/// The most batches in one group: bounds memory and the wait of the first.
const GROUP: usize = 1024;

pub(super) struct Committer {
    layout: Layout,
    sync: Sync,
    jobs: mpsc::Receiver<Job>,
    failed: Arc<OnceLock<Arc<str>>>,
}

impl Committer {
    pub(super) const fn new(
        layout: Layout,
        sync: Sync,
        jobs: mpsc::Receiver<Job>,
        failed: Arc<OnceLock<Arc<str>>>,
    ) -> Self {
        Self { layout, sync, jobs, failed }
    }

    /// Until every sender is gone and every batch is settled.
    pub(super) fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = self.jobs.try_recv()
            {
                group.push(next);
            }
            self.settle(group);
        }
    }

    fn settle(&mut self, group: Vec<Job>) {
        let layout = self.layout.clone();
        let mut overlay = Overlay::over(&layout);
        let admitted: Vec<_> = group.into_iter().map(|job| (overlay.admit(job.batch), job.done)).collect();
        let durable = self.make_durable(overlay);
        for (outcome, done) in admitted {
            // Nobody may be waiting any more: the batch stands all the same.
            let _ = done.send(durable.clone().map_err(CommitError::Store).and(outcome));
        }
    }

    /// In this order: apply, flush, fdatasync. After a failure the kernel may have dropped the dirty pages and
    /// marked them clean, so that a second fdatasync would succeed without having written them; hence no retry.
    fn make_durable(&mut self, overlay: Overlay<'_>) -> Result<(), StoreError> {
        if let Some(reason) = self.failed.get() {
            return Err(StoreError::Failed { reason: Arc::clone(reason) });
        }
        let changes = overlay.into_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let written =
            self.layout.apply(changes).and_then(|()| (self.sync)().map_err(|error| error.to_string()));
        written.map_err(|reason| {
            tracing::error!(%reason, "the store could not make a write durable and takes no more writes");
            StoreError::Failed { reason: Arc::clone(self.failed.get_or_init(|| reason.into())) }
        })
    }
}

//! Moves what the journal holds into sled, on a thread of its own, and makes it durable there; the journal's
//! segment can then be used again.
//!
//! sled takes a segment of its file into use again as soon as it believes the copies of what lay there to be on the
//! disk. It believes that after a `sync_file_range`, which is no durability point, once it has filled at least one
//! more segment of 512 KiB. So little must be written between two `fdatasync`s, and then the copies that it relies
//! on were covered by an earlier one. Hence small steps, and hence nothing is given to sled outside a checkpoint.
//! sled is flushed at the end only: what it still holds back in memory, it does not rely on.
//!
//! Steps may be repeated: they carry the last state of each key, and the mark, which says that a checkpoint is
//! complete, comes last in sled's log. After a crash in between, the journal has everything since the mark before.

use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::journal::Disk;
use super::layout::Layout;
use super::recent::{Recent, Table};
use super::record::Mark;

/// The bytes of one step, and its keys: for one key sled may rewrite a whole leaf. On the average it writes three
/// times what it is given.
const STEP_BYTES: usize = if cfg!(test) { TEST_STEP_BYTES } else { 128 << 10 };
const STEP_KEYS: usize = 256;
/// So that a checkpoint of a short segment takes several steps.
const TEST_STEP_BYTES: usize = 16 << 10;

/// sled's file, with the call that makes it durable.
#[derive(Clone)]
pub(super) struct Durable {
    pub(super) layout: Layout,
    pub(super) file: Arc<File>,
    pub(super) disk: Arc<dyn Disk>,
}

impl Durable {
    /// Everything up to `mark` is in `table` or in sled; when this returns, in sled.
    pub(super) fn take(&self, table: &Table, mark: Mark) -> Result<(), String> {
        let mut cells = table.iter().peekable();
        loop {
            let (mut step, mut bytes) = (Vec::new(), 0);
            while bytes < STEP_BYTES
                && step.len() < STEP_KEYS
                && let Some((key, value)) = cells.next()
            {
                bytes += key.as_bytes().len() + value.as_ref().map_or(0, Vec::len);
                step.push((key, value.as_deref()));
            }
            let last = cells.peek().is_none();
            self.layout.apply(&step, last.then_some(mark))?;
            crash_point!(StepApplied);
            if last {
                self.layout.flush()?;
                crash_point!(StepsFlushed);
            }
            self.sync().map_err(|error| error.to_string())?;
            if last {
                crash_point!(SegmentTaken);
                return Ok(());
            }
        }
    }

    /// What sled has handed to the kernel is durable afterwards.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.disk.sync("db", &self.file)
    }
}

/// The thread, and whether it has work.
pub(super) struct Checkpointer {
    work: Option<Sender<(Arc<Table>, Mark)>>,
    done: Receiver<()>,
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn spawn(
        durable: Durable,
        recent: Arc<Recent>,
        failed: Arc<OnceLock<Arc<str>>>,
    ) -> std::io::Result<Self> {
        let (work, waiting) = channel::<(Arc<Table>, Mark)>();
        let (finished, done) = channel();
        let run = move || {
            for (table, mark) in waiting {
                if let Err(reason) = durable.take(&table, mark) {
                    tracing::error!(%reason, "the store could not make a checkpoint and takes no more writes");
                    failed.get_or_init(|| reason.into());
                    return;
                }
                drop(table);
                recent.drop_leaving();
                if finished.send(()).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(run)?;
        Ok(Self { work: Some(work), done, busy: false, thread: Some(thread) })
    }

    /// Waits for the checkpoint under way. `false` when it failed; why is then in `failed`.
    pub(super) fn wait(&mut self) -> bool {
        !std::mem::take(&mut self.busy) || self.done.recv().is_ok()
    }

    /// Gives the thread a table. The one before must be done.
    pub(super) fn begin(&mut self, table: Arc<Table>, mark: Mark) -> bool {
        self.busy = true;
        self.work.as_ref().is_some_and(|work| work.send((table, mark)).is_ok())
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

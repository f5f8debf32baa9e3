//! Digests of files over a restart, in the store: else a model of many gigabytes is read and hashed again before
//! anything about it can be promoted.
//!
//! Whether a digest is still that of its file is asked of MLflow each time it is used, before a restart and after:
//! by the file's size, `ETag` and `Last-Modified`, which must all be as they were. MLflow serves a file of its own
//! disk with an `ETag` made of the file's time of change and its size (Starlette's `FileResponse`, Flask's
//! `send_file`), so that a file which was written while we were down has another one, and is read. The file is
//! looked at before its bytes are sent: bytes may be newer than what is kept with them, which then does not match
//! again, and never older. A file that MLflow fetches from elsewhere (S3 and the like) comes without an `ETag`, or with
//! one of the copy: nothing about it is kept, or nothing matches, and it is read each time.
//!
//! What this cannot see, it could not see without a restart: other bytes of the same length whose time was set to that
//! of the old ones. Whoever can do that writes to MLflow's disk. A weak `ETag` (`W/"…"`, RFC 9110 §8.8.1) promises no
//! bytes, and is good for the life of a process at most.
//!
//! This module must not know: how files are read, and when a digest is believed.

use std::sync::Arc;

use countersign_core::digest::Digest;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::digests::FileKey;
use crate::mlflow::artifacts::Validators;
use crate::store::{Batch, Key, Scan, Store, StoreError, codec, keys};

/// Records that are read, or written, in one go.
const AT_ONCE: usize = 256;

/// What is kept of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) file: FileKey,
    pub(super) validators: Validators,
    pub(super) digest: Digest,
    /// When it last told the digest: those that did so longest ago make room for others.
    pub(super) used: Millis,
}

/// A record on its way to the store.
enum Change {
    Put(Record),
    Forget(FileKey),
    /// Wants to know when all before it is there.
    Ask(oneshot::Sender<()>),
}

/// The records, written behind whoever reads a file: nobody waits for them, and what a crash loses is read again.
#[derive(Debug)]
pub(super) struct Kept {
    changes: mpsc::UnboundedSender<Change>,
}

impl Kept {
    /// What is kept of the files of one MLflow. A record that cannot be read, or stands where it does not belong, is
    /// left out: its file is read again, and written over it.
    pub(super) fn open(store: Arc<dyn Store>, mlflow: &str) -> (Self, Vec<Record>) {
        let records = records(&*store, mlflow).unwrap_or_else(|error| {
            tracing::warn!(%error, "digests of files not read from the store: the files are read again");
            Vec::new()
        });
        let (changes, waiting) = mpsc::unbounded_channel();
        tokio::spawn(write(store, mlflow.to_owned(), waiting));
        (Self { changes }, records)
    }

    pub(super) fn put(&self, record: Record) {
        let weak = record.validators.etag.starts_with("W/");
        self.change(if weak { Change::Forget(record.file) } else { Change::Put(record) });
    }

    pub(super) fn forget(&self, file: FileKey) {
        self.change(Change::Forget(file));
    }

    /// Resolves when everything before is in the store.
    pub(super) async fn written(&self) {
        let (done, written) = oneshot::channel();
        self.change(Change::Ask(done));
        let _ = written.await;
    }

    /// A writer that is gone is at its end with us.
    fn change(&self, change: Change) {
        let _ = self.changes.send(change);
    }
}

fn records(store: &dyn Store, mlflow: &str) -> Result<Vec<Record>, StoreError> {
    let mut found = Vec::new();
    let mut scan = Scan::prefix(keys::file_digests()).limit(AT_ONCE);
    loop {
        let page = store.scan(&scan)?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        scan = Scan::prefix(keys::file_digests()).limit(AT_ONCE).after(last.clone());
        let read =
            page.iter().filter_map(|(key, value)| codec::decode::<Record>(key, value).ok().zip(Some(key)));
        found.extend(
            read.filter(|(record, key)| at(mlflow, &record.file).as_ref() == Some(*key)).map(|(r, _)| r),
        );
    }
}

/// Where the record of a file lies. The same path in another MLflow is another file.
fn at(mlflow: &str, file: &FileKey) -> Option<Key> {
    let named = serde_json::to_vec(&(mlflow, file)).ok()?;
    Some(keys::file_digest(&Digest::of(&named)))
}

async fn write(store: Arc<dyn Store>, mlflow: String, mut changes: mpsc::UnboundedReceiver<Change>) {
    let mut taken = Vec::new();
    while changes.recv_many(&mut taken, AT_ONCE).await > 0 {
        let (mut batch, mut asked) = (Batch::new(), Vec::new());
        for change in taken.drain(..) {
            batch = match change {
                Change::Put(record) => put(batch, &mlflow, &record),
                Change::Forget(file) => at(&mlflow, &file).into_iter().fold(batch, Batch::delete),
                Change::Ask(done) => {
                    asked.push(done);
                    batch
                }
            };
        }
        if let Err(error) = store.commit(batch).await {
            tracing::warn!(%error, "digests of files not kept: the files are read again after a restart");
        }
        for done in asked {
            let _ = done.send(());
        }
    }
}

fn put(batch: Batch, mlflow: &str, record: &Record) -> Batch {
    match (at(mlflow, &record.file), codec::encode(record)) {
        (Some(key), Ok(value)) => batch.put(key, value),
        _ => batch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::artifacts::Location;
    use crate::store::memory::MemoryStore;

    const MLFLOW: &str = "http://mlflow.example";

    fn record(path: &str, etag: &str, used: i64) -> Record {
        let location = Location::Proxied { root: "1/models/m-1/artifacts".to_owned() };
        let file = FileKey { workspace: "default".into(), location, path: path.to_owned() };
        let last_modified = "Fri, 27 Nov 2026 21:43:04 GMT".to_owned();
        let validators = Validators { size: 7, etag: etag.to_owned(), last_modified };
        Record { file, validators, digest: Digest::of(path.as_bytes()), used: Millis::new(used) }
    }

    /// What the next process finds.
    fn check(store: &Arc<MemoryStore>, mlflow: &str, expect: &[Record]) {
        let (_, mut found) = Kept::open(Arc::clone(store) as Arc<dyn Store>, mlflow);
        found.sort_by(|a, b| a.file.path.cmp(&b.file.path));
        assert_eq!(found, expect);
    }

    #[tokio::test]
    async fn the_next_process_finds_what_was_kept_last_and_nothing_else() {
        let store = Arc::new(MemoryStore::new());
        let (kept, none) = Kept::open(Arc::clone(&store) as Arc<dyn Store>, MLFLOW);
        assert_eq!(none, []);
        let [a, b, newer] = [record("a", "\"1\"", 1), record("b", "\"2\"", 1), record("b", "\"3\"", 2)];
        for record in
            [&a, &b, &record("c", "\"4\"", 1), &newer, &record("d", "\"5\"", 1), &record("d", "W/\"5\"", 1)]
        {
            kept.put(record.clone());
        }
        kept.forget(record("c", "", 0).file);
        kept.written().await;
        check(&store, MLFLOW, &[a.clone(), newer.clone()]);
        check(&store, "http://another.example", &[]);

        let key = |of: &Record| at(MLFLOW, &of.file).unwrap();
        let moved = codec::encode(&a).unwrap();
        store.commit(Batch::new().put(key(&newer), moved)).await.unwrap();
        check(&store, MLFLOW, std::slice::from_ref(&a));
        for unreadable in [&b""[..], b"\x01{", b"\x09{}", b"\x01{\"file\":1}"] {
            store.commit(Batch::new().put(key(&newer), unreadable.to_vec())).await.unwrap();
            check(&store, MLFLOW, std::slice::from_ref(&a));
        }
        kept.put(newer.clone());
        kept.written().await;
        check(&store, MLFLOW, &[a, newer]);
    }

    #[tokio::test]
    async fn many_are_found_page_by_page() {
        let store = Arc::new(MemoryStore::new());
        let (kept, _) = Kept::open(Arc::clone(&store) as Arc<dyn Store>, MLFLOW);
        let many: Vec<Record> =
            (0..2 * AT_ONCE + 1).map(|i| record(&format!("{i:04}"), "\"1\"", 1)).collect();
        many.iter().for_each(|record| kept.put(record.clone()));
        kept.written().await;
        check(&store, MLFLOW, &many);
    }
}

//! What is true of the sled engine alone: its directory, its order of steps, its failures.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::super::CommitError;
use super::*;

fn put(n: u64, bytes: usize) -> Batch {
    Batch::new().put(Key::space("n").number(n), vec![7; bytes])
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5 {
        let store = SledStore::open(dir.path()).unwrap();
        assert_eq!(store.scan(&Scan::prefix(Key::space("n"))).unwrap().len() as u64, n);
        store.commit(put(n, 6000)).await.unwrap();
    }
}

#[tokio::test]
async fn a_second_open_is_refused_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    let message = SledStore::open(dir.path()).unwrap_err().to_string();
    let pid = std::process::id().to_string();
    for part in [dir.path().to_str().unwrap(), "in use", &pid, "stop that one"] {
        assert!(message.contains(part), "{message}");
    }
    drop(store);
    SledStore::open(dir.path()).unwrap();
}

#[test]
fn another_format_and_another_database_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(SledStore::open(dir.path()).unwrap());
    let write = |key: &[u8], value: &[u8]| {
        let (db, _) = directory::open(dir.path()).unwrap();
        db.insert(key, value).unwrap();
        db.flush().unwrap();
    };
    write(b"\0format", b"2");
    let message = SledStore::open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("format 2") && message.contains("store export"), "{message}");

    let foreign = tempfile::tempdir().unwrap();
    let db = sled::open(foreign.path()).unwrap();
    db.insert("a", "b").unwrap();
    drop(db);
    let message = SledStore::open(foreign.path()).unwrap_err().to_string();
    assert!(message.contains("not a Countersign store"), "{message}");
}

#[test]
fn a_snapshot_that_a_crash_left_unfinished_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    drop(SledStore::open(dir.path()).unwrap());
    let left = dir.path().join("snap.0000000000ABCDEF.generating");
    std::fs::write(&left, b"half a snapsh").unwrap();
    SledStore::open(dir.path()).unwrap();
    assert!(!left.exists());
}

/// sled writes large nodes to `blobs/` and never syncs them.
#[tokio::test]
async fn no_value_is_large_enough_to_leave_the_synced_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    for n in 0..400 {
        store.commit(put(n, 4096 * (1 + n as usize % 3))).await.unwrap();
    }
    store.commit(put(0, 6_000_000)).await.unwrap();
    drop(store);
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
}

/// Apply, flush, fdatasync, acknowledge: while the fdatasync has not returned, the batch can be read (applied) and
/// is in the kernel's hands (a copy of the directory has it), and nobody has been told that it is done.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_the_sync_returned() {
    let dir = tempfile::tempdir().unwrap();
    let (entered, entries) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let wrap = |mut sync: Sync| -> Sync {
        Box::new(move || {
            entered.send(()).unwrap();
            released.recv().unwrap();
            sync()
        })
    };
    let store = Arc::new(SledStore::open_with(dir.path(), wrap).unwrap());
    let writer = Arc::clone(&store);
    let commit = tokio::spawn(async move { writer.commit(put(1, 100)).await });
    tokio::task::spawn_blocking(move || entries.recv().unwrap()).await.unwrap();

    let copy = tempfile::tempdir().unwrap();
    for name in ["conf", "db"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    let flushed = SledStore::open(copy.path()).unwrap();
    assert!(flushed.get(&Key::space("n").number(1)).unwrap().is_some(), "flushed before the sync");
    assert!(store.get(&Key::space("n").number(1)).unwrap().is_some(), "applied before the sync");
    assert!(!commit.is_finished(), "acknowledged before the sync returned");
    release.send(()).unwrap();
    commit.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failed_sync_is_never_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let wrap = |mut sync: Sync| -> Sync {
        Box::new(move || match counted.fetch_add(1, Ordering::SeqCst) {
            1 => Err(io::Error::from_raw_os_error(5)),
            _ => sync(),
        })
    };
    let store = SledStore::open_with(dir.path(), wrap).unwrap();
    store.commit(put(1, 10)).await.unwrap();
    store.health().unwrap();
    for n in 2..5 {
        let failed = store.commit(put(n, 10)).await.unwrap_err();
        let CommitError::Store(error @ StoreError::Failed { .. }) = failed else { panic!("{failed:?}") };
        assert!(error.to_string().contains("Input/output error"), "{error}");
        assert!(matches!(store.health(), Err(StoreError::Failed { .. })));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(store.get(&Key::space("n").number(1)).unwrap().is_some(), "reads go on");
}

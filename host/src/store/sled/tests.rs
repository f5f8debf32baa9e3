//! What is true of the sled engine alone: its directory, its order of steps, its failures.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
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
        let db = sled::open(dir.path()).unwrap();
        db.insert(key, value).unwrap();
        db.flush().unwrap();
    };
    write(b"\0format", b"3");
    let message = SledStore::open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("format 3") && message.contains("store export"), "{message}");

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

/// A disk whose syncs of the journal can be held up and counted, and made to fail.
#[derive(Default)]
struct Troubled {
    /// Tells that a sync has begun, and waits until it may be carried out.
    hold: Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>,
    syncs: AtomicUsize,
    /// The name of the file and the number of the call that fails, from 0 after opening.
    failing_sync: Mutex<Option<(&'static str, usize)>>,
    full: Mutex<bool>,
}

impl Disk for Troubled {
    fn write(&self, _: &str, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        if *self.full.lock().unwrap() {
            // A part gets there.
            file.write_all_at(&bytes[..bytes.len() / 2], at)?;
            return Err(io::Error::from_raw_os_error(28));
        }
        file.write_all_at(bytes, at)
    }

    fn sync(&self, name: &str, file: &File) -> io::Result<()> {
        if let Some((entered, released)) = self.hold.lock().unwrap().as_ref() {
            entered.send(()).unwrap();
            released.recv().unwrap();
        }
        if let Some((failing, left)) = self.failing_sync.lock().unwrap().as_mut()
            && name.starts_with(*failing)
        {
            self.syncs.fetch_add(1, Ordering::SeqCst);
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => return Err(io::Error::from_raw_os_error(5)),
            }
        }
        file.sync_data()
    }
}

/// Of the files that the disk has for sure.
fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

fn n(n: u64) -> Key {
    Key::space("n").number(n)
}

/// Write, fdatasync, show, acknowledge: while the fdatasync has not returned, the batch is in the kernel's hands (a
/// copy of the directory has it), nobody can read it, and nobody has been told that it is done.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_the_sync_returned() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Troubled::default());
    let store = Arc::new(SledStore::open_with(dir.path(), Arc::clone(&disk) as _, SEGMENT_BYTES).unwrap());
    let (entered, entries) = mpsc::channel();
    let (release, released) = mpsc::channel();
    *disk.hold.lock().unwrap() = Some((entered, released));
    let writer = Arc::clone(&store);
    let commit = tokio::spawn(async move { writer.commit(put(1, 100)).await });
    tokio::task::spawn_blocking(move || entries.recv().unwrap()).await.unwrap();

    let written = SledStore::open(copy_of(dir.path()).path()).unwrap();
    assert!(written.get(&n(1)).unwrap().is_some(), "written before the sync");
    assert_eq!(store.get(&n(1)).unwrap(), None, "readable before the sync returned");
    assert!(!commit.is_finished(), "acknowledged before the sync returned");
    release.send(()).unwrap();
    commit.await.unwrap().unwrap();
    assert!(store.get(&n(1)).unwrap().is_some());
    drop(release);
    disk.hold.lock().unwrap().take();
}

async fn refused(store: &SledStore, key: u64, reason: &str) {
    let failed = store.commit(put(key, 10)).await.unwrap_err();
    let CommitError::Store(error @ StoreError::Failed { .. }) = failed else { panic!("{failed:?}") };
    assert!(error.to_string().contains(reason), "{error}");
    assert!(matches!(store.health(), Err(StoreError::Failed { .. })));
    assert_eq!(store.get(&n(key)).unwrap(), None);
}

#[tokio::test]
async fn a_failed_sync_is_never_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Troubled::default());
    let store = SledStore::open_with(dir.path(), Arc::clone(&disk) as _, SEGMENT_BYTES).unwrap();
    *disk.failing_sync.lock().unwrap() = Some(("journal", 1));
    store.commit(put(1, 10)).await.unwrap();
    store.health().unwrap();
    for key in 2..5 {
        refused(&store, key, "Input/output error").await;
    }
    assert_eq!(disk.syncs.load(Ordering::SeqCst), 2);
    assert!(store.get(&n(1)).unwrap().is_some(), "reads go on");
    drop(store);
    assert!(SledStore::open(dir.path()).unwrap().get(&n(1)).unwrap().is_some());
}

#[tokio::test]
async fn a_full_disk_refuses_and_what_was_half_written_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Troubled::default());
    let store = SledStore::open_with(dir.path(), Arc::clone(&disk) as _, SEGMENT_BYTES).unwrap();
    store.commit(put(1, 10)).await.unwrap();
    *disk.full.lock().unwrap() = true;
    refused(&store, 2, "No space left").await;
    drop(store);
    for _ in 0..2 {
        let store = SledStore::open(dir.path()).unwrap();
        assert!(store.get(&n(1)).unwrap().is_some());
        assert_eq!(store.get(&n(2)).unwrap(), None);
        store.commit(put(3, 10)).await.unwrap();
    }
}

/// The journal keeps what a checkpoint could not bring into sled.
#[tokio::test]
async fn a_failed_checkpoint_costs_nothing_that_was_acknowledged() {
    for failing in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(Troubled::default());
        let store = SledStore::open_with(dir.path(), Arc::clone(&disk) as _, 16 << 10).unwrap();
        *disk.failing_sync.lock().unwrap() = Some(("db", failing));
        let mut acknowledged = 0;
        while store.commit(put(acknowledged, 3000)).await.is_ok() {
            acknowledged += 1;
        }
        assert!(acknowledged > 5 && store.health().is_err());
        let all_there = |store: &SledStore| {
            assert!((0..acknowledged).all(|key| store.get(&n(key)).unwrap() == Some(vec![7; 3000])));
        };
        all_there(&store);
        drop(store);
        all_there(&SledStore::open(dir.path()).unwrap());
    }
}

/// What has left for sled, what is leaving and what is only in the journal are one store.
#[tokio::test]
async fn scans_and_reads_go_over_all_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let store = SledStore::open_with(dir.path(), Arc::new(Machine), 8 << 10).unwrap();
        for key in 0..60 {
            store.commit(put(key, 500)).await.unwrap();
            store.commit(Batch::new().delete(n(key / 2 * 2))).await.unwrap();
        }
        let all = Scan::prefix(Key::space("n"));
        let numbers = |scan: Scan| -> Vec<_> {
            store.scan(&scan).unwrap().iter().map(|(key, _)| key.last_number().unwrap()).collect()
        };
        let odd: Vec<_> = (0..60).filter(|key| key % 2 == 1).collect();
        assert_eq!(numbers(all.clone()), odd, "{round}");
        assert_eq!(numbers(all.clone().newest_first()), odd.iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(numbers(all.clone().after(n(30)).limit(3)), [31, 33, 35]);
        assert_eq!(numbers(all.newest_first().after(n(59)).limit(2)), [57, 55]);
        assert!((0..60).all(|key| store.get(&n(key)).unwrap().is_some() == (key % 2 == 1)));
    }
}

#[tokio::test]
async fn a_store_without_a_journal_is_upgraded() {
    let dir = tempfile::tempdir().unwrap();
    drop(SledStore::open(dir.path()).unwrap());
    let key = n(1);
    {
        let db = sled::open(dir.path()).unwrap();
        db.insert(b"\0format", b"1").unwrap();
        db.remove(b"\0journal").unwrap();
        db.insert([&[1], key.as_bytes()].concat(), &[0, 9]).unwrap();
        db.flush().unwrap();
    }
    for name in journal::SEGMENTS {
        let _ = std::fs::remove_file(dir.path().join(name));
    }
    let store = SledStore::open(dir.path()).unwrap();
    assert_eq!(store.get(&key).unwrap(), Some(vec![9]));
    store.commit(put(2, 10)).await.unwrap();
    drop(store);
    let db = sled::open(dir.path()).unwrap();
    assert_eq!(db.get(b"\0format").unwrap().as_deref(), Some(&b"2"[..]), "refused by an older version");
}

/// A database of another day beside a journal: what is between them is lost, and nothing may hide it.
#[tokio::test]
async fn a_journal_that_does_not_go_on_where_the_database_ends_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open(dir.path()).unwrap();
    store.commit(put(1, 10)).await.unwrap();
    drop(store);
    let old = copy_of(dir.path());
    let store = SledStore::open(dir.path()).unwrap();
    store.commit(put(2, 10)).await.unwrap();
    drop(store);
    let store = SledStore::open(dir.path()).unwrap();
    store.commit(put(3, 10)).await.unwrap();
    let new = copy_of(dir.path());
    let refuse = |expect: &str| {
        let message = SledStore::open(old.path()).unwrap_err().to_string();
        assert!(message.contains(expect) && message.contains("restore the whole directory"), "{message}");
    };
    std::fs::copy(new.path().join("journal.0"), old.path().join("journal.0")).unwrap();
    refuse("goes on after record 2, its database ends at record 1");
    for name in ["db", "conf"] {
        std::fs::remove_file(old.path().join(name)).unwrap();
    }
    for entry in std::fs::read_dir(old.path()).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    refuse("goes on after record 2, its database ends at record 0");
}

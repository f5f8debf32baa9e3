//! Where a batch is committed: on the thread that it came in on, or on the committer's.

use std::fs::File;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use super::*;

/// Remembers which thread synced last; nothing need survive here.
#[derive(Default)]
struct Witness {
    last: Mutex<Option<String>>,
    slow: bool,
}

impl Disk for Witness {
    fn sync(&self, _: &str, _: &File) -> io::Result<()> {
        *self.last.lock().unwrap() = std::thread::current().name().map(str::to_owned);
        if self.slow {
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(())
    }
}

/// How many of some batches, with rests between them, were committed by who gave them.
async fn in_place(awaited: bool, rest: Duration, slow: bool) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Witness { slow, ..Witness::default() });
    let store = SledStore::open_with(dir.path(), Arc::clone(&disk) as _, SEGMENT_BYTES).unwrap();
    let mut here = 0;
    for n in 0..20 {
        std::thread::sleep(rest);
        let key = Key::space("n").number(n);
        let batch = Batch::new().put(key.clone(), vec![1]);
        store.commit(if awaited { batch.awaited() } else { batch }).await.unwrap();
        assert_eq!(store.get(&key).unwrap(), Some(vec![1]), "what is acknowledged can be read");
        here += usize::from(disk.last.lock().unwrap().as_deref() != Some("store-commit"));
    }
    drop(store);
    let store = SledStore::open(dir.path()).unwrap();
    assert_eq!(store.scan(&Scan::prefix(Key::space("n"))).unwrap().len(), 20);
    here
}

#[tokio::test]
async fn an_awaited_batch_that_comes_alone_is_committed_where_it_came_in() {
    let rest = Duration::from_millis(5);
    // A busy machine makes some syncs seem slow.
    assert!(in_place(true, rest, false).await > 0);
    assert_eq!(in_place(false, rest, false).await, 0, "nobody waits for it");
    assert_eq!(in_place(true, rest, true).await, 0, "the disk is slow");
}

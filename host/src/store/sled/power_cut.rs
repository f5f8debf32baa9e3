//! Power cuts: what was not synced is dropped, in whole or in part, and everything acknowledged must be there.
//!
//! Just before an fdatasync the disk holds, for each page of each file, either what the last fdatasync of the file
//! left there or what was written since: the kernel writes back as it likes. The test builds such disks and opens
//! them. Segments are short, so that cuts fall into checkpoints and changes of segment too.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const PAGE: usize = 4096;
const WRITERS: u64 = 4;
const BATCHES: u64 = 120;
const SHORT: u64 = 64 << 10;

/// Which pages reached the disk between two syncs.
#[derive(Debug, Clone, Copy)]
enum WroteBack {
    Nothing,
    SomePages,
    Everything,
}

/// A disk after a power cut, and the highest number that each writer had acknowledged.
struct Cut {
    disk: PathBuf,
    acknowledged: Vec<u64>,
}

/// What the disk holds for sure, and the cuts made so far.
struct Watched {
    dir: PathBuf,
    images: PathBuf,
    acknowledged: Arc<Vec<AtomicU64>>,
    /// Whether a sync is carried out.
    honest: bool,
    wrote_back: WroteBack,
    state: Mutex<State>,
}

struct State {
    /// As the last sync left each file.
    synced: BTreeMap<String, Vec<u8>>,
    /// Syncs of each file.
    syncs: BTreeMap<String, u64>,
    random: u64,
    cuts: Vec<Cut>,
}

impl Disk for Watched {
    /// While one file is synced, no other is: what one cut sees is of one moment.
    fn sync(&self, name: &str, file: &File) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        let syncs = state.syncs.entry(name.to_owned()).or_default();
        *syncs += 1;
        let (nth, begun) = (*syncs, state.synced.len() > 1);
        // The journal is synced more often than the database.
        if begun && nth.is_multiple_of(if name == "db" { 2 } else { 5 }) {
            self.cut(&mut state);
        }
        if self.honest || !begun {
            file.sync_data()?;
            state.synced.insert(name.to_owned(), self.read(name));
        }
        Ok(())
    }
}

impl Watched {
    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.dir.join(name)).unwrap()
    }

    /// Sled renames and syncs its other files itself, and `open` syncs the directory: they are as they are.
    fn cut(&self, state: &mut State) {
        let acknowledged = self.acknowledged.iter().map(|n| n.load(Ordering::SeqCst)).collect();
        let disk = self.images.join(state.cuts.len().to_string());
        std::fs::create_dir(&disk).unwrap();
        for entry in std::fs::read_dir(&self.dir).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name == "db" || name.starts_with("journal.") {
                let written = self.read(&name);
                std::fs::write(disk.join(&name), self.mix(&name, &written, state)).unwrap();
            } else if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), disk.join(name)).unwrap();
            }
        }
        state.cuts.push(Cut { disk, acknowledged });
    }

    fn mix(&self, name: &str, written: &[u8], state: &mut State) -> Vec<u8> {
        let mut disk = state.synced.get(name).cloned().unwrap_or_default();
        if !matches!(self.wrote_back, WroteBack::Nothing) {
            disk.resize(written.len().max(disk.len()), 0);
        }
        for (page, new) in disk.chunks_mut(PAGE).zip(written.chunks(PAGE)) {
            let take = match self.wrote_back {
                WroteBack::Nothing => false,
                WroteBack::SomePages => toss(&mut state.random),
                WroteBack::Everything => true,
            };
            if take {
                let both = page.len().min(new.len());
                page[..both].copy_from_slice(&new[..both]);
            }
        }
        disk
    }
}

/// Xorshift, so that a failure can be repeated.
fn toss(random: &mut u64) -> bool {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random & 1 == 1
}

/// Runs writers on a store and cuts the power every few groups.
fn run(wrote_back: WroteBack, honest: bool, images: &Path) -> Vec<Cut> {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged: Arc<Vec<AtomicU64>> = Arc::new((0..WRITERS).map(|_| AtomicU64::new(0)).collect());
    let watched = Arc::new(Watched {
        dir: dir.path().to_owned(),
        images: images.to_owned(),
        acknowledged: Arc::clone(&acknowledged),
        honest,
        wrote_back,
        state: Mutex::new(State {
            synced: BTreeMap::new(),
            syncs: BTreeMap::new(),
            random: 0x9e37_79b9_7f4a_7c15,
            cuts: Vec::new(),
        }),
    });
    let disk: Arc<dyn Disk> = Arc::clone(&watched) as _;
    let store = Arc::new(SledStore::open_with(dir.path(), disk, SHORT).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(write_all(&store, &acknowledged));
    drop(store);
    std::mem::take(&mut watched.state.lock().unwrap().cuts)
}

/// Each writer commits 1, 2, 3 … under its own prefix, overwrites a counter, and notes what was acknowledged.
async fn write_all(store: &Arc<SledStore>, acknowledged: &Arc<Vec<AtomicU64>>) {
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, acknowledged) = (Arc::clone(store), Arc::clone(acknowledged));
            tokio::spawn(async move {
                for n in 1..=BATCHES {
                    let counter = n.to_be_bytes().to_vec();
                    let batch = Batch::new().put(place(writer, n), content(n)).put(place(writer, 0), counter);
                    store.commit(batch).await.unwrap();
                    acknowledged[writer as usize].store(n, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

fn place(writer: u64, n: u64) -> Key {
    Key::space("w").number(writer).number(n)
}

/// About a kilobyte; every seventh is long enough to be cut into chunks.
fn content(n: u64) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(7) { 9000 } else { 1000 }]
}

/// How many acknowledged values are not on the disk after the cut.
fn lost(cut: &Cut) -> usize {
    let store = SledStore::open_with(&cut.disk, Arc::new(Machine), SHORT).unwrap();
    let mut lost = 0;
    for (writer, &upto) in (0..).zip(&cut.acknowledged) {
        lost += (1..=upto).filter(|&n| store.get(&place(writer, n)).unwrap() != Some(content(n))).count();
        let counter =
            store.get(&place(writer, 0)).unwrap().map_or(0, |n| u64::from_be_bytes(n.try_into().unwrap()));
        // A batch is whole: its counter says which numbers are there, acknowledged or not.
        assert!(counter >= upto || lost > 0, "counter {counter}, acknowledged {upto}");
        assert!(
            counter == 0 || store.get(&place(writer, counter)).unwrap() == Some(content(counter)),
            "half a batch"
        );
    }
    lost
}

fn check(wrote_back: WroteBack) {
    let images = tempfile::tempdir().unwrap();
    let cuts = run(wrote_back, true, images.path());
    assert!(cuts.len() >= 10 && cuts.iter().any(|cut| cut.acknowledged.iter().any(|&n| n > 20)));
    for cut in &cuts {
        assert_eq!(lost(cut), 0, "{wrote_back:?}, {}", cut.disk.display());
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_all_unsynced_pages_are() {
    check(WroteBack::Nothing);
}

#[test]
fn nothing_acknowledged_is_lost_when_some_unsynced_pages_are() {
    check(WroteBack::SomePages);
}

#[test]
fn nothing_acknowledged_is_lost_when_no_page_is() {
    check(WroteBack::Everything);
}

/// The test sees what it is for: without `fdatasync`, acknowledged writes are gone.
#[test]
fn without_the_sync_acknowledged_writes_are_lost() {
    let images = tempfile::tempdir().unwrap();
    let cuts = run(WroteBack::Nothing, false, images.path());
    assert!(cuts.iter().map(lost).sum::<usize>() > 0);
}

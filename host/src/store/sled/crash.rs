//! Processes that are killed while they write, and while they open: everything acknowledged must be there.
//!
//! Their segments are short, so that kills also meet checkpoints, changes of segment and long replays.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::crash_point::{Point, VARIABLE, arm};

/// Says to the test binary that it is the child, and where the store is.
const CHILD: &str = "COUNTERSIGN_TEST_CRASH_DIR";
const WRITERS: u64 = 4;
/// signal(7).
const SIGABRT: i32 = 6;

/// The child: opens the store, says so, writes until it is killed, and says what was acknowledged. In a test run
/// of its own it has nothing to do.
#[test]
fn child_writes_until_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = Arc::new(open(Path::new(&dir)));
    println!("\nopened");
    arm();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(&store), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

fn open(dir: &Path) -> SledStore {
    SledStore::open_short(dir).unwrap()
}

async fn write(store: Arc<SledStore>, writer: u64) {
    let newest = Scan::prefix(place(writer)).newest_first().limit(1);
    let last = store.scan(&newest).unwrap().first().and_then(|(key, _)| key.last_number()).unwrap_or(0);
    for n in last + 1.. {
        store.commit(Batch::new().put(place(writer).number(n), content(n))).await.unwrap();
        println!("acknowledged {writer} {n}");
    }
}

fn place(writer: u64) -> Key {
    Key::space("w").number(writer)
}

fn content(n: u64) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(5) { 9000 } else { 800 }]
}

fn spawn(dir: &Path) -> Child {
    writer(dir).spawn().unwrap()
}

fn writer(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "store::sled::crash::child_writes_until_killed",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env(CHILD, dir).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A process that ends at a point of this store loses nothing of what it had acknowledged, nor does the next.
pub(crate) fn survives(point: Point) {
    let dir = tempfile::tempdir().unwrap();
    let mut highest = vec![0; WRITERS as usize];
    for _ in 0..2 {
        let mut child = writer(dir.path()).env(VARIABLE, point.name()).spawn().unwrap();
        let said = listen(child.stdout.take().unwrap());
        let ended = child.wait().unwrap();
        assert_eq!(ended.signal(), Some(SIGABRT), "{point:?}: it did not come there");
        for (highest, said) in highest.iter_mut().zip(said.acknowledged) {
            *highest = said.max(*highest);
        }
        check_all_there(dir.path(), &highest);
    }
}

/// What a child said before it was killed.
struct Said {
    opened: bool,
    /// The highest number per writer.
    acknowledged: Vec<u64>,
}

fn listen(stdout: ChildStdout) -> Said {
    let mut said = Said { opened: false, acknowledged: vec![0; WRITERS as usize] };
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        said.opened |= line == "opened";
        if let ["acknowledged", writer, n] = line.split(' ').collect::<Vec<_>>().as_slice() {
            // The kill may have cut the last line.
            if let (Ok(writer), Ok(n)) = (writer.parse::<usize>(), n.parse()) {
                said.acknowledged[writer] = n;
            }
        }
    }
    said
}

/// Starts a child on a directory, kills it after a while, and returns what it had said.
fn kill_after(dir: &Path, delay: Duration) -> Said {
    let mut child = spawn(dir);
    let stdout = child.stdout.take().unwrap();
    let listening = std::thread::spawn(move || listen(stdout));
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    listening.join().unwrap()
}

fn check_all_there(dir: &Path, acknowledged: &[u64]) {
    let store = open(dir);
    for (writer, &upto) in (0..).zip(acknowledged) {
        for n in 1..=upto {
            let value = store.get(&place(writer).number(n)).unwrap();
            assert_eq!(value, Some(content(n)), "writer {writer}, {n} of {upto}");
        }
    }
}

#[test]
fn everything_acknowledged_survives_kills_while_writing() {
    let dir = tempfile::tempdir().unwrap();
    let mut highest = vec![0; WRITERS as usize];
    for round in 0..8 {
        let said = kill_after(dir.path(), Duration::from_millis(150 + 40 * round));
        for (highest, said) in highest.iter_mut().zip(said.acknowledged) {
            *highest = said.max(*highest);
        }
        check_all_there(dir.path(), &highest);
    }
    assert!(highest.iter().all(|&n| n > 0), "nothing was acknowledged: {highest:?}");
}

/// Delays step through the open in fractions of a millisecond, from the start of the process on.
#[test]
fn a_kill_during_open_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut highest = kill_after(dir.path(), Duration::from_millis(600)).acknowledged;
    let mut killed_while_opening = 0;
    for round in 0..60 {
        let said = kill_after(dir.path(), Duration::from_micros(2_000 + 500 * round));
        killed_while_opening += usize::from(!said.opened);
        for (highest, said) in highest.iter_mut().zip(said.acknowledged) {
            *highest = said.max(*highest);
        }
    }
    assert!(killed_while_opening > 0 && highest.iter().all(|&n| n > 0));
    check_all_there(dir.path(), &highest);
}

//! The ledger on disk: durable appends beside a raw file that is written and synced in the same groups, and the
//! check of an export beside plain SHA-256 over its bytes.
//!
//! `cargo bench -p countersign --bench ledger`; `-- append` or `-- verify` for one part, `-- verify --entries 1000000`
//! for a long ledger.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "shared/ledger.rs"]
mod disk;
#[path = "shared/place.rs"]
mod place;
#[path = "ledger/raw.rs"]
mod raw;
#[path = "shared/table.rs"]
mod table;

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::ledger::{Draft, Ledger, export, verify};
use countersign::store::Batch;
use countersign_core::time::Millis;
use ring::digest::{Context, SHA256};
use serde::Serialize;

use raw::RawLog;
use table::Row;

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 5;
const SECONDS: f64 = 1.0;
const ENTRY_BYTES: usize = 1024;
const BUFFER: usize = 64 << 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let entries = place::entries().unwrap_or(100_000);
    let part = arguments.first().filter(|argument| !argument.starts_with('-'));
    let wants = |name: &str| part.is_none_or(|part| part == name);
    place::within("ledger", async |dir| {
        let mut rows = Vec::new();
        if wants("append") {
            rows.extend(append(&dir).await);
        }
        if wants("verify") {
            rows.extend(check(&dir, entries).await);
        }
        table::print(&rows);
    });
}

/// Budget 7: acknowledged means on disk, for both.
async fn append(dir: &Path) -> Vec<Row> {
    let ledger = Arc::new(disk::open(&dir.join("append")).await);
    let raw = Arc::new(RawLog::create(&dir.join("raw")));
    let mut rows = Vec::new();
    for writers in [1, 16, 64] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (raw, ledger) = (Arc::clone(&raw), Arc::clone(&ledger));
            theirs.push(rate(writers, move |n| to_raw(Arc::clone(&raw), n)).await);
            ours.push(rate(writers, move |n| to_ledger(Arc::clone(&ledger), n)).await);
        }
        let target = if writers == 64 { "≥ 0.5, goal 0.7" } else { "goal 0.7" };
        let name = format!("[7] durable appends of 1 KB, {writers} writers, raw file");
        rows.push(Row::rates(&name, &ours, &theirs, target));
    }
    rows
}

async fn to_ledger(ledger: Arc<Ledger>, number: u64) {
    ledger.append(vec![draft(number)], Batch::new()).await.unwrap();
}

async fn to_raw(raw: Arc<RawLog>, number: u64) {
    let mut bytes = vec![b'x'; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    raw.append(bytes).await;
}

/// Acknowledged appends per second.
async fn rate<F>(writers: u64, append: impl Fn(u64) -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let started = Instant::now();
    let writer = |first: u64| {
        let append = append.clone();
        async move {
            let mut done = 0_u64;
            while started.elapsed().as_secs_f64() < SECONDS {
                append(first + done).await;
                done += 1;
            }
            done
        }
    };
    let tasks: Vec<_> = (0..writers).map(|i| tokio::spawn(writer(i << 32))).collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    done as f64 / started.elapsed().as_secs_f64()
}

/// Budget 11: on one core, everything in the page cache, as for plain hashing.
async fn check(dir: &Path, entries: u64) -> Vec<Row> {
    let ledger = disk::open(&dir.join("verify")).await;
    for first in (0..entries).step_by(256) {
        let drafts = (first..entries.min(first + 256)).map(draft).collect();
        ledger.append(drafts, Batch::new()).await.unwrap();
    }
    let file = dir.join("export.jsonl");
    let mut out = BufWriter::new(File::create(&file).unwrap());
    ledger.export(&mut out, &mut |_| ()).await.unwrap();
    drop(out);
    let (mut hashed, mut checked, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hashed.push(seconds(|| {
            std::hint::black_box(sha256(&file));
        }));
        checked.push(seconds(|| {
            let found = export::verify(&mut reader(&file), Some(ledger.verifier()), &mut |_| ()).unwrap();
            assert_eq!(found.entries, entries);
        }));
        stored.push(seconds(|| drop(verify::store(&**ledger.store(), &mut |_| ()).unwrap())));
    }
    let row = |name: &str, ours: &[f64], target| Row {
        name: format!("{name} of {entries}, SHA-256"),
        ours: table::micros(Duration::from_secs_f64(table::median(ours))),
        baseline: table::micros(Duration::from_secs_f64(table::median(&hashed))),
        ratio: format!("{:.2}", table::paired(ours, &hashed)),
        target,
    };
    vec![row("[11] verify an export", &checked, "≤ 5, goal 2"), row("     verify the store", &stored, "")]
}

/// An entry of 1 KB of the kind that decisions make.
fn draft(number: u64) -> Draft {
    let body = Body {
        decision: "allow",
        model: "fraud",
        number,
        subject: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        reasons: ["a rule of the policy that held for the version that was judged"; 10],
    };
    Draft::new(Millis::new(1_767_225_600_000), "decision", &body).unwrap()
}

#[derive(Serialize)]
struct Body {
    decision: &'static str,
    model: &'static str,
    number: u64,
    subject: &'static str,
    reasons: [&'static str; 10],
}

fn reader(path: &PathBuf) -> BufReader<File> {
    BufReader::with_capacity(BUFFER, File::open(path).unwrap())
}

fn sha256(path: &PathBuf) -> ring::digest::Digest {
    let (mut input, mut hash) = (reader(path), Context::new(&SHA256));
    loop {
        let bytes = input.fill_buf().unwrap();
        if bytes.is_empty() {
            return hash.finish();
        }
        hash.update(bytes);
        let read = bytes.len();
        input.consume(read);
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

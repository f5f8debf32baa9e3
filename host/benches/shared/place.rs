//! Where a bench of the ledger runs: in a directory that goes with it, on two threads, with as many entries as it is told.

use std::path::{Path, PathBuf};

/// What stands behind `--entries`.
pub fn entries() -> Option<u64> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "--entries");
    at.map(|at| arguments[at + 1].parse().unwrap())
}

pub fn within(name: &str, measured: impl AsyncFnOnce(PathBuf)) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measured(dir.clone()));
    std::fs::remove_dir_all(&dir).unwrap();
}

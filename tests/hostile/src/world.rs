//! What a guest can learn of the world outside. Everything is reported in findings: `what` is the code, what was
//! seen the measured value. `reached` means that the outside was reached and `refused` that it was not.

use std::fmt::Display;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign_sdk::prelude::*;

pub(crate) fn environment() -> Report {
    let mut seen = Findings::new();
    seen.extend(std::env::vars().map(|(name, value)| saw("variable", format!("{name}={value}"))));
    seen.extend(std::env::args().map(|argument| saw("argument", argument)));
    seen.report("looked at the environment")
}

pub(crate) fn files() -> Report {
    let mut tried = Findings::new();
    tried.push(attempt("read", std::fs::read_to_string("/etc/passwd").map(|text| text.len())));
    tried.push(attempt("list", std::fs::read_dir("/").map(Iterator::count)));
    tried.push(attempt("write", std::fs::write("/tmp/hostile", "was here").map(|()| 0)));
    tried.report("tried the file system")
}

pub(crate) fn network() -> Report {
    let mut tried = Findings::new();
    tried.push(attempt("connect", TcpStream::connect(("127.0.0.1", 9)).map(|_| 0)));
    tried.push(attempt("listen", std::net::TcpListener::bind(("127.0.0.1", 0)).map(|_| 0)));
    tried.push(attempt(
        "resolve",
        std::net::ToSocketAddrs::to_socket_addrs("localhost:80").map(Iterator::count),
    ));
    tried.report("tried the network")
}

#[expect(
    clippy::disallowed_methods,
    reason = "reports what the ambient clock says, to prove that it is frozen"
)]
pub(crate) fn clocks(given_ms: i64) -> Report {
    let start = Instant::now();
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    std::hint::black_box((0..1_000_000_u64).fold(0, u64::wrapping_add));
    let mut seen = Findings::new();
    seen.push(saw("given-ms", given_ms));
    seen.push(saw("wall-ms", wall.as_millis()));
    seen.push(saw("elapsed-ns", start.elapsed().as_nanos()));
    seen.report("looked at the clocks")
}

pub(crate) fn random() -> Report {
    let draws = (0..4).map(|n| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(n);
        saw("random", hasher.finish())
    });
    draws.collect::<Findings>().report("drew random values")
}

pub(crate) fn sleeps(milliseconds: u32) -> Report {
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(milliseconds.into()));
    let mut seen = Findings::new();
    seen.push(saw("elapsed-ns", start.elapsed().as_nanos()));
    seen.report("slept")
}

/// Counts against a real timer, so often that no two runs are alike, on a machine that hardly lets it run either.
pub(crate) fn races(microseconds: u32) -> Report {
    let mut seen = Findings::new();
    for _ in 0..8 {
        seen.push(saw("asked", asked_in(microseconds)));
    }
    seen.report("raced a timer")
}

#[cfg(target_arch = "wasm32")]
fn asked_in(microseconds: u32) -> u64 {
    let timer = wasip2::clocks::monotonic_clock::subscribe_duration(u64::from(microseconds) * 1_000);
    let mut asked = 0;
    while !timer.ready() {
        asked += 1;
    }
    asked
}

#[cfg(not(target_arch = "wasm32"))]
const fn asked_in(_: u32) -> u64 {
    0
}

fn saw(what: &str, value: impl Display) -> Finding {
    Finding::info(what, format!("{what}: {value}")).measured(value)
}

fn attempt<E: Display>(what: &str, result: Result<usize, E>) -> Finding {
    match result {
        Ok(amount) => Finding::error("reached", format!("{what} worked: {amount}")).segment(what),
        Err(error) => Finding::info("refused", format!("{what}: {error}")).segment(what),
    }
}

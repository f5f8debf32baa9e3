//! The parts of WASI 0.2 that guests of every language start with, made harmless.
//!
//! Empty environment, no files, no network, a wall clock that stands still, a monotonic clock that moves one step
//! per reading, random bytes that follow from the input: the same input gives the same run. The context is made
//! when a guest first needs it; most evaluations of Rust guests never do.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use countersign_core::digest::Digest;
use countersign_core::time::Millis;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{self, cli, clocks, filesystem, random, sockets};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::sink::Sink;
use super::state::State;

/// Nanoseconds that the monotonic clock moves with every reading.
const MONOTONIC_STEP: u64 = 1_000;

/// Bytes that one call for random bytes may ask for.
const MAX_RANDOM: u64 = 1 << 20;

/// What one guest sees of WASI.
pub(super) struct Wasi {
    now: Millis,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    context: Option<Box<WasiCtx>>,
    random: Option<Seeded>,
}

impl Wasi {
    pub(super) fn new(now: Millis, stdout: Sink, stderr: Sink) -> Self {
        Self { now, stdout, stderr, context: None, random: None }
    }

    fn build(&self) -> Box<WasiCtx> {
        let mut builder = WasiCtx::builder();
        builder.stdout(self.stdout.clone()).stderr(self.stderr.clone());
        builder.wall_clock(Frozen(self.now)).monotonic_clock(Stepping::default());
        // Not linked, but the builder would otherwise ask the machine for seeds.
        builder.secure_random(wasmtime_wasi::Deterministic::new(vec![0; 8]));
        builder.insecure_random(wasmtime_wasi::Deterministic::new(vec![0; 8])).insecure_random_seed(0);
        builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        Box::new(builder.build())
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.context.is_none() {
            self.wasi.context = Some(self.wasi.build());
        }
        let Self { wasi, table, .. } = self;
        WasiCtxView { ctx: wasi.context.get_or_insert_with(|| Box::new(WasiCtx::builder().build())), table }
    }
}

struct Frozen(Millis);

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.get()).unwrap_or(0))
    }
}

#[derive(Default)]
struct Stepping(AtomicU64);

impl HostMonotonicClock for Stepping {
    fn resolution(&self) -> u64 {
        MONOTONIC_STEP
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(MONOTONIC_STEP, Relaxed)
    }
}

/// Random bytes that follow from a seed: SHA-256 over the seed and a counter.
#[derive(Debug, Clone)]
pub(super) struct Seeded {
    seed: Digest,
    counter: u64,
}

impl Seeded {
    fn new(seed: Digest) -> Self {
        Self { seed, counter: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        let hash = Sha256::new().chain_update("countersign random 1").chain_update(self.seed.as_bytes());
        hash.chain_update(self.counter.to_le_bytes()).finalize().into()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len.next_multiple_of(32));
        while bytes.len() < len {
            bytes.extend_from_slice(&self.block());
        }
        bytes.truncate(len);
        bytes
    }

    fn number(&mut self) -> u64 {
        self.block().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

/// Put into a store's error when a guest asks for more random bytes at once than is sensible.
#[derive(Debug, thiserror::Error)]
#[error("{0} random bytes were asked for at once, {MAX_RANDOM} are allowed")]
pub(super) struct TooMuchRandomness(u64);

impl State {
    fn seeded(&mut self) -> wasmtime::Result<&mut Seeded> {
        if self.wasi.random.is_none() {
            self.wasi.random = Some(Seeded::new(self.calls.input.digest()?));
        }
        Ok(self.wasi.random.get_or_insert_with(|| Seeded::new(Digest::of(b""))))
    }

    fn random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        match usize::try_from(len) {
            Ok(bytes) if len <= MAX_RANDOM => Ok(self.seeded()?.bytes(bytes)),
            _ => Err(wasmtime::Error::new(TooMuchRandomness(len))),
        }
    }
}

impl random::random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.seeded()?.number())
    }
}

impl random::insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.seeded()?.number())
    }
}

impl random::insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let seeded = self.seeded()?;
        Ok((seeded.number(), seeded.number()))
    }
}

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links WASI. `filesystem` and `sockets` are there so that guests of every language start; they refuse.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add_io(linker)?;
    add_cli(linker)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, State::clocks)?;
    random::random::add_to_linker::<_, State>(linker, |state| state)?;
    random::insecure::add_to_linker::<_, State>(linker, |state| state)?;
    random::insecure_seed::add_to_linker::<_, State>(linker, |state| state)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, State::filesystem)?;
    add_sockets(linker)
}

fn add_io(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::io::error::add_to_linker::<_, Io>(linker, |state: &mut State| state.ctx().table)?;
    bindings::io::poll::add_to_linker::<_, Io>(linker, |state: &mut State| state.ctx().table)?;
    bindings::io::streams::add_to_linker::<_, Io>(linker, |state: &mut State| state.ctx().table)
}

fn add_cli(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    cli::environment::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, State::cli)
}

fn add_sockets(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<_, WasiSockets>(linker, &options, State::sockets)?;
    sockets::instance_network::add_to_linker::<_, WasiSockets>(linker, State::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(linker, State::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(linker, State::sockets)?;
    sockets::tcp::add_to_linker::<_, WasiSockets>(linker, State::sockets)?;
    sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(linker, State::sockets)?;
    sockets::udp::add_to_linker::<_, WasiSockets>(linker, State::sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_they_do_not_repeat() {
        let mut one = Seeded::new(Digest::of(b"input"));
        let mut two = Seeded::new(Digest::of(b"input"));
        let bytes = one.bytes(100);
        assert_eq!(bytes, two.bytes(100));
        assert_ne!(bytes, one.bytes(100));
        assert_ne!(bytes, Seeded::new(Digest::of(b"other")).bytes(100));
    }
}

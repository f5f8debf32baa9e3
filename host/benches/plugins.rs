//! What one evaluation costs, beside the same check as a native function and beside bare wasmtime, in one run.
//!
//! `cargo build -p metric-threshold -p hostile --target wasm32-wasip2 --profile plugin`, then
//! `cargo bench -p countersign --bench plugins`. One argument names a part: `one`, `throughput`, `runaway`, `cold`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "plugins/bare.rs"]
mod bare;
#[path = "plugins/native.rs"]
mod native;
#[path = "plugins/subject.rs"]
mod subject;
#[path = "shared/table.rs"]
mod table;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::clock::SystemClock;
use countersign::plugins::{
    CheckInput, CheckRecord, CodeCache, Engine, EngineConfig, NoSources, Plugin, Sources,
};
use countersign_core::check::Conclusion;

use bare::Bare;
use table::Row;

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 9;
const PER_ROUND: usize = 4_000;
/// Evaluations that are under way at once where throughput is measured.
const CALLERS: usize = 8;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rows = runtime.block_on(async {
        let bench = Bench::new().await;
        let mut rows = Vec::new();
        if wants("one") {
            rows.extend(bench.one().await);
        }
        if wants("throughput") {
            rows.push(bench.throughput().await);
        }
        if wants("runaway") {
            rows.extend(bench.runaway().await);
        }
        if wants("cold") {
            rows.extend(bench.cold().await);
        }
        std::fs::remove_dir_all(&bench.dir).unwrap();
        rows
    });
    table::print(&rows);
}

struct Bench {
    dir: PathBuf,
    engine: Engine,
    plugin: Arc<Plugin>,
    input: Arc<CheckInput>,
    bare: Bare,
}

impl Bench {
    async fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
        let engine = new_engine(&dir);
        let load = subject::load("plugins/metric-threshold");
        let component = load.component.clone();
        let plugin = engine.load(load).await.unwrap();
        let record = CheckRecord { reads: plugin.reads().cloned(), ..subject::record() };
        let input = Arc::new(CheckInput::new(record));
        let bare = Bare::new(&component, input.record());
        let bytes = input.canonical().unwrap().len();
        println!("subject: {bytes} bytes of canonical JSON, pooled: {}", engine.is_pooled());
        Self { dir, engine, plugin, input, bare }
    }

    /// Budget 4: one evaluation, beside the same check as a native function and beside bare wasmtime.
    async fn one(&self) -> Vec<Row> {
        let (mut ours, mut native, mut bare, mut run) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS * PER_ROUND / 4 {
            let started = Instant::now();
            let evaluation = self.engine.evaluate_check(&self.plugin, &self.input, sources()).await;
            ours.push(started.elapsed());
            assert_eq!(evaluation.outcome.conclusion(), Conclusion::Pass, "{:?}", evaluation.outcome);
            run.push(timed(|| evaluation.check_run(&self.plugin, &self.input, true)));
            native.push(timed(|| native::check(black_box(self.input.record()))));
            bare.push(timed(|| self.bare.evaluate()));
        }
        let again = || self.input.record().clone();
        let mut inputs: Vec<_> = (0..99).map(|_| again()).map(|r| timed(|| CheckInput::new(r))).collect();
        let p50 = quantile(&mut ours, 50);
        let (native, bare) = (quantile(&mut native, 50), quantile(&mut bare, 50));
        let against = |name: &str, other: Duration, target| Row {
            name: name.to_owned(),
            ours: table::micros(p50),
            baseline: table::micros(other),
            ratio: format!("{:.1}", p50.as_secs_f64() / other.as_secs_f64()),
            target,
        };
        vec![
            against("[4] one evaluation, p50, against native", native, "≤ 60 µs, goal 30"),
            against("    against bare wasmtime, same thread", bare, ""),
            alone("    p99", quantile(&mut ours, 99), ""),
            alone("    its check run, digests included", quantile(&mut run, 50), ""),
            alone("    making the input, once per subject", quantile(&mut inputs, 50), ""),
        ]
    }

    /// Budget 5: two threads, against a bare loop on two threads that makes the same call.
    async fn throughput(&self) -> Row {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let rate = |took: Duration| PER_ROUND as f64 / took.as_secs_f64();
        for _ in 0..ROUNDS {
            theirs.push(rate(self.bare.round(PER_ROUND, 2)));
            ours.push(rate(self.round().await));
        }
        Row::rates("[5] evaluations on two threads, bare loop", &ours, &theirs, "≥ 0.6, goal 0.9")
    }

    async fn round(&self) -> Duration {
        let started = Instant::now();
        let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(self.caller())).collect();
        for caller in callers {
            caller.await.unwrap();
        }
        started.elapsed()
    }

    fn caller(&self) -> impl Future<Output = ()> + use<> {
        let (engine, plugin, input) =
            (self.engine.clone(), Arc::clone(&self.plugin), Arc::clone(&self.input));
        async move {
            for _ in 0..PER_ROUND / CALLERS {
                engine.evaluate_check(&plugin, &input, sources()).await;
            }
        }
    }

    /// Budget 13: four spinning guests; time over the deadline, and what a timer on the callers' runtime notices.
    async fn runaway(&self) -> Vec<Row> {
        let plugin = self.engine.load(subject::load("tests/hostile")).await.unwrap();
        let mut spinning = subject::record();
        spinning.config = r#"{"mode":"loop"}"#.to_owned();
        let spinning = Arc::new(CheckInput::new(spinning));
        let budget = Duration::from_millis(plugin.limits().cpu.as_millis().unsigned_abs());
        let (mut late, mut delays, mut idle) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            idle.extend(timer().await);
            let timer = tokio::spawn(timer());
            let spins: Vec<_> = (0..4)
                .map(|_| {
                    let (engine, plugin, input) =
                        (self.engine.clone(), Arc::clone(&plugin), Arc::clone(&spinning));
                    tokio::spawn(async move { engine.evaluate_check(&plugin, &input, sources()).await.cpu })
                })
                .collect();
            for spin in spins {
                late.push(spin.await.unwrap().saturating_sub(budget));
            }
            delays.extend(timer.await.unwrap());
        }
        let (mine, quiet) = (quantile(&mut delays, 99), quantile(&mut idle, 99));
        vec![
            alone("[13] runaway: over its budget, p99", quantile(&mut late, 99), "≤ 50 ms, goal 5"),
            Row {
                name: "     a neighbour's timer, late by, p99".to_owned(),
                ours: table::micros(mine),
                baseline: table::micros(quiet),
                ratio: String::new(),
                target: "≤ 20 ms, goal 3",
            },
        ]
    }

    /// Budget 14: from compiled code on disk to the first verdict.
    async fn cold(&self) -> Vec<Row> {
        let (mut loads, mut firsts) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS * 5 {
            let load = subject::load("plugins/metric-threshold");
            let started = Instant::now();
            let plugin = self.engine.load(load).await.unwrap();
            loads.push(started.elapsed());
            self.engine.evaluate_check(&plugin, &self.input, sources()).await;
            firsts.push(started.elapsed());
        }
        vec![
            alone("[14] cold: cached code to first verdict", quantile(&mut firsts, 50), "≤ 1 ms, goal 0.3"),
            alone("     of which loading", quantile(&mut loads, 50), ""),
        ]
    }
}

/// How late a timer of 5 ms is, again and again, for about as long as a spinning guest may run.
async fn timer() -> Vec<Duration> {
    const PERIOD: Duration = Duration::from_millis(5);
    let mut delays = Vec::new();
    for _ in 0..80 {
        let started = Instant::now();
        tokio::time::sleep(PERIOD).await;
        delays.push(started.elapsed().saturating_sub(PERIOD));
    }
    delays
}

fn new_engine(dir: &Path) -> Engine {
    let cache = CodeCache::open(dir, &SystemClock::new()).unwrap();
    Engine::new(EngineConfig { threads: 2, ..EngineConfig::default() }, Some(cache)).unwrap()
}

fn sources() -> Arc<dyn Sources> {
    Arc::new(NoSources)
}

/// A row with nothing beside ours.
fn alone(name: &str, ours: Duration, target: &'static str) -> Row {
    let (baseline, ratio) = (String::new(), String::new());
    Row { name: name.to_owned(), ours: table::micros(ours), baseline, ratio, target }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

fn quantile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

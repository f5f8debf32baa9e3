//! What one evaluation costs, beside the same check as a native function and beside bare wasmtime, in one run.
//!
//! `cargo bench -p countersign --bench plugins`; needs `cargo xt plugins`. Prints medians of paired rounds and their
//! ratios; asserts nothing, because machines are shared and noisy.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::clock::SystemClock;
use countersign::plugins::{
    CheckInput, CheckRecord, CodeCache, Engine, EngineConfig, Limits, Load, NoSources, Plugin, Sources,
};
use countersign_core::action::Action;
use countersign_core::check::{Conclusion, Finding, Outcome, Report, Severity};
use countersign_core::digest::Digest;
use countersign_core::facts::{Metric, MetricOrigin, Run, Subject, VersionFacts};
use countersign_core::names::{Alias, ModelName, PluginName, Stage, Version, Workspace};
use countersign_core::policy::Grant;
use countersign_core::time::Millis;

const ROUNDS: usize = 7;
const PER_ROUND: usize = 2_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(all());
}

async fn all() {
    let dir = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
    let engine = new_engine(&dir);
    let plugin = engine.load(request("metric-threshold")).await.unwrap();
    let input = Arc::new(CheckInput::new(record()));
    println!(
        "subject: {} bytes of canonical JSON, pooled: {}",
        input.canonical().unwrap().len(),
        engine.is_pooled()
    );
    one_evaluation(&engine, &plugin, &input).await;
    throughput(&engine, &plugin, &input).await;
    runaway(&engine).await;
    cold_start(&dir).await;
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Budget 4: against the same check as a native function.
async fn one_evaluation(engine: &Engine, plugin: &Arc<Plugin>, input: &Arc<CheckInput>) {
    let (mut guest, mut native, mut convert) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..PER_ROUND {
            let started = Instant::now();
            let outcome = engine.evaluate_check(plugin, input, sources()).await.outcome;
            guest.push(started.elapsed());
            assert_eq!(outcome.conclusion(), Conclusion::Pass, "{outcome:?}");
            let started = Instant::now();
            std::hint::black_box(natively(std::hint::black_box(input.record())));
            native.push(started.elapsed());
        }
        let started = Instant::now();
        std::hint::black_box(CheckInput::new(record()));
        convert.push(started.elapsed());
    }
    let (p50, p99, floor) = (quantile(&mut guest, 50), quantile(&mut guest, 99), quantile(&mut native, 50));
    println!(
        "[4] one evaluation: p50 {p50:?}, p99 {p99:?}; native {floor:?}; ratio {:.1}",
        ratio(p50, floor)
    );
    println!("    making and converting the input once: {:?}", quantile(&mut convert, 50));
}

/// Budget 5: two threads, against a bare store and instance of the same component without limits, log or transcript.
async fn throughput(engine: &Engine, plugin: &Arc<Plugin>, input: &Arc<CheckInput>) {
    let bare = Bare::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let (engine, plugin, input) = (engine.clone(), Arc::clone(plugin), Arc::clone(input));
                tokio::spawn(async move {
                    for _ in 0..PER_ROUND / 8 {
                        engine.evaluate_check(&plugin, &input, sources()).await;
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        ours.push(started.elapsed());
        theirs.push(bare.round(PER_ROUND));
    }
    let (ours, theirs) = (quantile(&mut ours, 50), quantile(&mut theirs, 50));
    let rate = |took: Duration| PER_ROUND as f64 / took.as_secs_f64();
    println!("[5] evaluations/s, two threads: {:.0}", rate(ours));
    println!("    bare store + instance, no call: {:.0}/s; ratio {:.2}", rate(theirs), ratio(theirs, ours));
}

/// Budget 13: four spinning guests; time over the deadline, and what a timer on the main runtime notices.
async fn runaway(engine: &Engine) {
    let plugin = engine.load(request("hostile")).await.unwrap();
    let mut spinning = record();
    spinning.config = r#"{"mode":"loop"}"#.to_owned();
    let spinning = Arc::new(CheckInput::new(spinning));
    let mut late = Vec::new();
    let timer = tokio::spawn(async {
        let mut delays = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
            delays.push(started.elapsed().saturating_sub(Duration::from_millis(5)));
        }
        delays
    });
    let budget = Duration::from_millis(plugin.limits().cpu.as_millis().unsigned_abs());
    let spins: Vec<_> = (0..4)
        .map(|_| {
            let (engine, plugin, input) = (engine.clone(), Arc::clone(&plugin), Arc::clone(&spinning));
            tokio::spawn(async move { engine.evaluate_check(&plugin, &input, sources()).await.cpu })
        })
        .collect();
    for spin in spins {
        late.push(spin.await.unwrap().saturating_sub(budget));
    }
    let mut delays = timer.await.unwrap();
    println!("[13] runaway: over its CPU budget by at most {:?}", quantile(&mut late, 100));
    println!(
        "     a neighbour's timer: p50 {:?}, p99 {:?} late",
        quantile(&mut delays, 50),
        quantile(&mut delays, 99)
    );
}

/// Budget 14: from compiled code on disk to the first verdict.
async fn cold_start(dir: &Path) {
    let (mut loads, mut firsts) = (Vec::new(), Vec::new());
    let input = Arc::new(CheckInput::new(record()));
    let engine = new_engine(dir);
    for _ in 0..ROUNDS {
        let request = request("metric-threshold");
        let started = Instant::now();
        let plugin = engine.load(request).await.unwrap();
        loads.push(started.elapsed());
        engine.evaluate_check(&plugin, &input, sources()).await;
        firsts.push(started.elapsed());
    }
    println!(
        "[14] cold: load from cache {:?}, to the first verdict {:?}",
        quantile(&mut loads, 50),
        quantile(&mut firsts, 50)
    );
}

fn new_engine(dir: &Path) -> Engine {
    let cache = CodeCache::open(dir, &SystemClock::new()).unwrap();
    Engine::new(EngineConfig { threads: 2, ..EngineConfig::default() }, Some(cache)).unwrap()
}

fn component(name: &str) -> Vec<u8> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
    let dir = std::env::var_os("COUNTERSIGN_PLUGINS_DIR").map_or_else(default, PathBuf::from);
    let path = dir.join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        println!("no {}: {error}; build it with `cargo xt plugins`", path.display());
        std::process::exit(1)
    })
}

fn request(name: &str) -> Load {
    let component = component(name);
    let grants: BTreeSet<Grant> = Grant::ALL.into();
    let pinned = Digest::of(&component);
    Load {
        name: PluginName::new(name),
        component: component.into(),
        pinned,
        grants,
        limits: Limits::default(),
    }
}

fn sources() -> Arc<dyn Sources> {
    Arc::new(NoSources)
}

/// Twenty tags, twenty metrics, twenty parameters: about 3 KB.
fn record() -> CheckRecord {
    let texts = |word: &str| -> BTreeMap<String, String> {
        (0..20).map(|i| (format!("{word}-{i}"), format!("the value of {word} {i}"))).collect()
    };
    let metric = |i: usize| Metric {
        name: if i == 0 { "auc".to_owned() } else { format!("metric-{i}") },
        value: "0.91".to_owned(),
        step: 0,
        timestamp: Millis::new(0),
        origin: MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    };
    let run = Run {
        id: "r".repeat(32),
        user: Some("ada".to_owned()),
        status: "FINISHED".to_owned(),
        params: texts("param"),
        tags: BTreeMap::new(),
        datasets: Vec::new(),
    };
    let subject = Subject {
        workspace: Workspace::new("default"),
        model: ModelName::new("fraud"),
        version: Version::new(7),
        created: Millis::new(0),
        source: "models:/m-1".to_owned(),
        manifest: None,
    };
    let action = Action::SetAlias {
        model: subject.model.clone(),
        alias: Alias::new("champion"),
        version: subject.version,
    };
    let version = VersionFacts {
        subject,
        description: None,
        stage: Stage::None,
        status: "READY".to_owned(),
        tags: texts("tag"),
        aliases: Vec::new(),
        run: Some(run),
        logged_model: None,
        metrics: (0..20).map(metric).collect(),
        files: Vec::new(),
        mlmodel: None,
        missing: Vec::new(),
    };
    let config = r#"{"metric":"auc","min":"0.85"}"#.to_owned();
    CheckRecord { format: 1, version, action, tier: None, config, now: Millis::new(0) }
}

/// What `metric-threshold` does with this configuration, without a sandbox.
fn natively(record: &CheckRecord) -> Outcome {
    let config: BTreeMap<String, String> = serde_json::from_str(&record.config).unwrap();
    let value = |metric: &&Metric| metric.name == config["metric"];
    let measured = record.version.metrics.iter().find(value).map(|metric| metric.value.clone());
    let decimal = |text: &str| text.parse::<f64>().unwrap();
    let enough = measured.as_deref().is_some_and(|value| decimal(value) >= decimal(&config["min"]));
    let finding = Finding {
        code: "metric-below-min".to_owned(),
        severity: Severity::Error,
        message: "auc is below its minimum".to_owned(),
        measured,
        comparator: Some(">=".to_owned()),
        threshold: config.get("min").cloned(),
        sample_size: None,
        segment: None,
        remediation: None,
        extensions: Vec::new(),
    };
    let conclusion = if enough { Conclusion::Pass } else { Conclusion::Fail };
    let findings = if enough { Vec::new() } else { vec![finding] };
    Outcome::Reported(Report {
        conclusion,
        summary: "auc is 0.91".to_owned(),
        findings,
        extensions: Vec::new(),
    })
}

/// Bare wasmtime with the same pool and nothing of ours: every import traps, no limit is set.
struct Bare {
    engine: wasmtime::Engine,
    pre: wasmtime::component::InstancePre<()>,
}

impl Bare {
    fn new() -> Self {
        let mut pool = wasmtime::PoolingAllocationConfig::new();
        pool.total_memories(64).linear_memory_keep_resident(2 << 20).pagemap_scan(wasmtime::Enabled::Auto);
        let mut config = wasmtime::Config::new();
        config.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool));
        let engine = wasmtime::Engine::new(&config).unwrap();
        let bytes = component("metric-threshold");
        let component = wasmtime::component::Component::from_binary(&engine, &bytes).unwrap();
        let mut linker = wasmtime::component::Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        Self { engine, pre }
    }

    fn round(&self, evaluations: usize) -> Duration {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..evaluations / 2 {
                        let mut store = wasmtime::Store::new(&self.engine, ());
                        self.pre.instantiate(&mut store).unwrap();
                    }
                });
            }
        });
        started.elapsed()
    }
}

fn quantile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

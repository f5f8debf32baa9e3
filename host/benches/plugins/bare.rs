//! Bare wasmtime with the same pool and the same call, and nothing of ours: no limit, no fibre, no log, no
//! transcript; every import traps.

use std::time::Duration;
use std::time::Instant;

use ::countersign::plugins::CheckRecord;
use countersign_core::facts::{Metric, VersionFacts};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use self::countersign::plugin::types as wit;
use self::exports::countersign::plugin::checks::Input;

wasmtime::component::bindgen!({ path: "../wit", world: "check" });

pub struct Bare {
    engine: Engine,
    check: CheckPre<()>,
    input: Input,
}

impl Bare {
    pub fn new(component: &[u8], record: &CheckRecord) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_memories(64).linear_memory_keep_resident(2 << 20).table_keep_resident(64 << 10);
        pool.pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre: InstancePre<()> = linker.instantiate_pre(&component).unwrap();
        Self { engine, check: CheckPre::new(pre).unwrap(), input: input(record) }
    }

    /// One call in a fresh instance.
    pub fn evaluate(&self) -> wit::Report {
        let mut store = Store::new(&self.engine, ());
        let instance = self.check.instantiate(&mut store).unwrap();
        instance.countersign_plugin_checks().call_check(&mut store, &self.input).unwrap().unwrap()
    }

    /// That many evaluations on so many threads.
    pub fn round(&self, evaluations: usize, threads: usize) -> Duration {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..evaluations / threads).for_each(|_| drop(self.evaluate())));
            }
        });
        started.elapsed()
    }
}

fn input(record: &CheckRecord) -> Input {
    Input {
        version: version(&record.version),
        action: wit::Action {
            kind: "set-alias".to_owned(),
            target: Some("champion".to_owned()),
            extensions: vec![],
        },
        tier: None,
        config: record.config.clone(),
        now_ms: 0,
    }
}

fn version(facts: &VersionFacts) -> wit::ModelVersion {
    let run = facts.run.as_ref().unwrap();
    wit::ModelVersion {
        subject: wit::Subject {
            workspace: facts.subject.workspace.to_string(),
            model: facts.subject.model.to_string(),
            version: facts.subject.version.to_string(),
            created_ms: 0,
            source: facts.subject.source.clone(),
            manifest_digest: None,
            extensions: Vec::new(),
        },
        description: None,
        stage: facts.stage.to_string(),
        status: facts.status.clone(),
        tags: pairs(&facts.tags),
        aliases: Vec::new(),
        run: Some(wit::Run {
            id: run.id.clone(),
            user: run.user.clone(),
            status: run.status.clone(),
            params: pairs(&run.params),
            tags: Vec::new(),
            datasets: Vec::new(),
            extensions: Vec::new(),
        }),
        logged_model: None,
        metrics: facts.metrics.iter().map(metric).collect(),
        files: Vec::new(),
        mlmodel: None,
        missing: Vec::new(),
        extensions: Vec::new(),
    }
}

fn metric(metric: &Metric) -> wit::Metric {
    wit::Metric {
        name: metric.name.clone(),
        value: metric.value.clone(),
        step: metric.step,
        timestamp_ms: 0,
        origin: wit::MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    }
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> Vec<wit::KeyValue> {
    map.iter().map(|(key, value)| wit::KeyValue { key: key.clone(), value: value.clone() }).collect()
}

//! Components, inputs and sources that the tests share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use countersign::clock::SystemClock;
use countersign::plugins::{
    self, Answer, CheckInput, CheckRecord, CodeCache, Engine, EngineConfig, Evaluation, Limits, Load,
    LoadError, Plugin, RegistryAnswer, RegistryQuery, Sources,
};
use countersign_core::action::Action;
use countersign_core::check::Outcome;
use countersign_core::digest::Digest;
use countersign_core::facts::{File, Metric, MetricOrigin, Subject, VersionFacts};
use countersign_core::names::{Alias, ModelName, PluginName, Stage, Version, Workspace};
use countersign_core::policy::Grant;
use countersign_core::time::Millis;
use serde_json::Value;

/// One engine for all tests of a process, as in a server; compiled code is shared between processes.
pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins");
        let cache = CodeCache::open(dir, &SystemClock::new()).unwrap();
        Engine::new(EngineConfig::default(), Some(cache)).unwrap()
    })
}

/// The bytes of a component that `cargo xt plugins` built; `COUNTERSIGN_PLUGINS_DIR` says where.
pub(super) fn component(name: &str) -> Bytes {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let default = || root.join("target/plugins");
    let dir = std::env::var_os("COUNTERSIGN_PLUGINS_DIR").map_or_else(default, PathBuf::from);
    let path = dir.join(format!("{name}.wasm"));
    match std::fs::read(&path) {
        Ok(bytes) => bytes.into(),
        Err(error) => panic!("no {}: {error}; build it with `cargo xt plugins`", path.display()),
    }
}

pub(super) async fn load(name: &str, grants: &[Grant], limits: Limits) -> Result<Arc<Plugin>, LoadError> {
    let component = component(name);
    let pinned = Digest::of(&component);
    let grants: BTreeSet<Grant> = grants.iter().copied().collect();
    engine().load(Load { name: PluginName::new(name), component, pinned, grants, limits }).await
}

pub(super) async fn hostile(limits: Limits) -> Arc<Plugin> {
    load("hostile", &[Grant::Registry, Grant::Artifacts], limits).await.unwrap()
}

pub(super) const FILE: &[u8] = &[7; 300_000];

pub(super) fn version() -> VersionFacts {
    let subject = Subject {
        workspace: Workspace::new("default"),
        model: ModelName::new("fraud"),
        version: Version::new(7),
        created: Millis::new(1_700_000_000_000),
        source: "models:/m-1".to_owned(),
        manifest: None,
    };
    let metric = Metric {
        name: "auc".to_owned(),
        value: "0.91".to_owned(),
        step: 0,
        timestamp: Millis::new(1_700_000_000_000),
        origin: MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    };
    let file = File { path: "model.pkl".to_owned(), size: FILE.len() as u64, digest: Some(Digest::of(FILE)) };
    VersionFacts {
        subject,
        description: None,
        stage: Stage::None,
        status: "READY".to_owned(),
        tags: BTreeMap::new(),
        aliases: Vec::new(),
        run: None,
        logged_model: None,
        metrics: vec![metric],
        files: vec![file],
        mlmodel: None,
        missing: Vec::new(),
    }
}

pub(super) fn input(config: &Value) -> Arc<CheckInput> {
    let version = version();
    let action = Action::SetAlias {
        model: version.subject.model.clone(),
        alias: Alias::new("champion"),
        version: version.subject.version,
    };
    let (config, now) = (config.to_string(), Millis::new(1_800_000_000_000));
    Arc::new(CheckInput::new(CheckRecord {
        format: 1,
        version,
        action,
        tier: None,
        config,
        now,
        reads: None,
    }))
}

/// A registry with one champion and the subject's file; each answer takes `delay`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Live {
    pub(super) delay: Duration,
}

impl Sources for Live {
    fn query(&self, query: RegistryQuery) -> Answer<RegistryAnswer> {
        let delay = self.delay;
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(match query {
                RegistryQuery::MetricHistory { .. } => RegistryAnswer::History(version().metrics),
                _ => RegistryAnswer::Version(Some(Box::new(version()))),
            })
        })
    }

    fn read(&self, _: &str, offset: u64, len: u32) -> Answer<Bytes> {
        let from = usize::try_from(offset).unwrap();
        Box::pin(async move { Ok(Bytes::from_static(&FILE[from..from + len as usize])) })
    }
}

pub(super) async fn evaluate(plugin: &Arc<Plugin>, config: &Value) -> Evaluation<Outcome> {
    engine().evaluate_check(plugin, &input(config), Arc::new(Live::default())).await
}

/// The finding codes and measured values of a report.
pub(super) fn measured(evaluation: &Evaluation<Outcome>) -> Vec<(String, String)> {
    let findings = evaluation.outcome.findings().iter();
    findings.map(|f| (f.code.clone(), f.measured.clone().unwrap_or_default())).collect()
}

pub(super) fn no_sources() -> Arc<dyn Sources> {
    Arc::new(plugins::NoSources)
}

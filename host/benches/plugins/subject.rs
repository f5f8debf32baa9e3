//! The subject that every evaluation of the bench judges, and the components that judge it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign::plugins::{self, CheckRecord, Limits, Load};
use countersign_core::action::Action;
use countersign_core::digest::Digest;
use countersign_core::facts::{Metric, MetricOrigin, Run, Subject, VersionFacts};
use countersign_core::names::{Alias, ModelName, PluginName, Stage, Version, Workspace};
use countersign_core::policy::Grant;
use countersign_core::time::Millis;

/// The component of a plugin of this workspace, with its manifest; `folder` is from the root of the workspace.
pub fn component(folder: &str) -> Vec<u8> {
    let name = folder.rsplit('/').next().unwrap();
    let file = format!("../wasm32-wasip2/plugin/{}.wasm", name.replace('-', "_"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let component = std::fs::read(&path).unwrap_or_else(|error| {
        println!("no {}: {error}", path.display());
        println!(
            "build it: cargo build -p metric-threshold -p hostile --target wasm32-wasip2 --profile plugin"
        );
        std::process::exit(1)
    });
    let manifest = plugins::read_manifest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder));
    plugins::embed(&component, &manifest.unwrap()).unwrap()
}

pub fn load(folder: &str) -> Load {
    let component = component(folder);
    let grants: BTreeSet<Grant> = Grant::ALL.into();
    let (name, pinned) = (PluginName::new(folder.rsplit('/').next().unwrap()), Digest::of(&component));
    Load { name, component: component.into(), pinned, grants, limits: Limits::default() }
}

/// Twenty tags, twenty metrics, twenty parameters: a few KB.
pub fn record() -> CheckRecord {
    let version = version();
    let model = version.subject.model.clone();
    let action = Action::SetAlias { model, alias: Alias::new("champion"), version: version.subject.version };
    let config = r#"{"metric":"auc","min":"0.85"}"#.to_owned();
    CheckRecord { format: 1, version, action, tier: None, config, now: Millis::new(0), reads: None }
}

fn version() -> VersionFacts {
    let subject = Subject {
        workspace: Workspace::new("default"),
        model: ModelName::new("fraud"),
        version: Version::new(7),
        created: Millis::new(0),
        source: "models:/m-1".to_owned(),
        manifest: None,
    };
    VersionFacts {
        subject,
        description: None,
        stage: Stage::None,
        status: "READY".to_owned(),
        tags: texts("tag"),
        aliases: Vec::new(),
        run: Some(run()),
        logged_model: None,
        metrics: (0..20).map(metric).collect(),
        files: Vec::new(),
        mlmodel: None,
        missing: Vec::new(),
    }
}

fn run() -> Run {
    Run {
        id: "r".repeat(32),
        user: Some("ada".to_owned()),
        status: "FINISHED".to_owned(),
        params: texts("param"),
        tags: BTreeMap::new(),
        datasets: Vec::new(),
    }
}

fn metric(i: usize) -> Metric {
    Metric {
        name: if i == 0 { "auc".to_owned() } else { format!("metric-{i}") },
        value: "0.91".to_owned(),
        step: 0,
        timestamp: Millis::new(0),
        origin: MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    }
}

fn texts(word: &str) -> BTreeMap<String, String> {
    (0..20).map(|i| (format!("{word}-{i}"), format!("the value of {word} {i}"))).collect()
}

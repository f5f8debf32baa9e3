//! What is kept, as a running server does it: runs are executed again, evidence goes when its time is over, and
//! people are forgotten.

use countersign_tests::http;
use countersign_tests::stage::eventually;
use countersign_tests::workdir;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains};

/// A gate without people, whose one check does what `config` says.
fn policy(name: &str, config: &str) -> String {
    let pinned = workdir::pinned("hostile", &["registry", "artifacts"]).unwrap();
    format!(
        r#"{pinned}[[seat]]
name = "risk"
members = ["ruth"]

[[tier]]
name = "low"
keep_evidence = "1d"

[[gate]]
name = "production"
mode = "enforce"
models = ["{name}*"]
guards = [{{ alias = "champion" }}]

  [[gate.check]]
  plugin = "hostile"
  required = true
  config = {config}
"#
    )
}

fn replaying(config: &'static str) -> Scene {
    let upstream = countersign_tests::mlflow::shared().unwrap().port();
    let mut scene = Scene::before(upstream, "keep", |name| policy(name, config));
    scene.configure("[replay]\nsample = \"1 in 1\"\ninterval = \"200ms\"\n");
    scene.host.start().unwrap();
    scene
}

fn metrics(scene: &Scene) -> String {
    http::get(scene.host.workdir().admin_port, "/metrics").unwrap().1
}

fn awaits_metric(scene: &Scene, words: &str) {
    let found = eventually(PATIENCE, || {
        let text = metrics(scene);
        if text.contains(words) { Ok(()) } else { Err(anyhow::anyhow!("no `{words}` in {text}")) }
    });
    found.unwrap();
}

#[test]
fn a_plugin_that_is_not_deterministic_is_found_by_a_replay() {
    let scene = replaying("{ mode = \"race\", count = 2000 }");
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    let found = scene.awaits("plugin-unstable", &["hostile", "every host call agrees"]);
    assert_ne!(found["replayed"], found["recorded"], "{found}");
    let run = scene.entries()[usize::try_from(found["run"].as_u64().unwrap()).unwrap()].clone();
    assert_eq!((&run["kind"], &run["body"]["plugin"]), (&json!("check-run"), &json!("hostile")));
    awaits_metric(&scene, "countersign_replays_total{result=\"differs\"}");
    let page = scene.call("ruth", "GET", "/_countersign/plugins/hostile", None);
    contains(&page.text(), &["as a replay in the background found", "every host call agrees"]);
    let health = scene.call("ruth", "GET", "/_countersign/health", None);
    contains(&health.text(), &["hostile", "(ledger entry"]);
    scene.verify();
}

#[test]
fn a_plugin_that_is_deterministic_is_replayed_and_nothing_is_said() {
    let scene = replaying("{ mode = \"random\" }");
    let model = scene.model("b");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    awaits_metric(&scene, "countersign_replays_total{result=\"same\"}");
    assert_eq!(scene.of_kind("plugin-unstable"), Vec::<Value>::new());
    assert!(!metrics(&scene).contains("result=\"differs\""));
}

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

/// With more time it would have had a result: that is no other result.
#[test]
fn a_run_that_ended_by_time_is_held_against_no_plugin() {
    let scene = replaying("{ mode = \"sleep-in-host\", count = 5500 }");
    let model = scene.model("t");
    let version = scene.register(&model, 0.9).version;
    let held = scene.alias(&model, "champion", &version);
    contains(&held.text(), &["hostile", "wall"]);
    awaits_metric(&scene, "countersign_replays_total{result=\"cannot\"}");
    assert!(!metrics(&scene).contains("result=\"differs\""));
    assert_eq!(scene.of_kind("plugin-unstable"), Vec::<Value>::new());
}

#[test]
fn evidence_is_held_and_nothing_has_had_its_time() {
    let scene = replaying("{ mode = \"ok\" }");
    let model = scene.model("c");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    let body = json!({"model": model, "reason": "case 7"});
    let held = scene.call("ruth", "POST", "/_countersign/api/v1/retention/holds", Some(&body));
    assert_eq!(held.status, 200, "{}", held.text());
    let id = held.json().unwrap()["id"].as_str().unwrap().to_owned();
    let page = scene.call("ruth", "GET", "/_countersign/retention", None);
    contains(&page.text(), &["case 7", &model, "1d after the last entry", "Release the hold"]);
    let listed = scene.read("retention");
    assert_eq!((&listed["holds"][0]["id"], &listed["rules"][0]["keep"]), (&json!(id), &json!("1d")));
    let nobody = json!({"model": "no-such-model", "reason": "case 8"});
    let unknown = scene.call("ruth", "POST", "/_countersign/api/v1/retention/holds", Some(&nobody));
    assert_eq!(unknown.status, 404, "{}", unknown.text());
    let said = scene.host.does(&["retention", "collect", "--dry-run"], None).unwrap();
    contains(&said, &["no evidence has had its time"]);
    let release = format!("/_countersign/api/v1/retention/holds/{id}/release");
    let reason = json!({"reason": "the case is closed"});
    assert_eq!(scene.call("ana", "POST", &release, Some(&reason)).status, 403, "ana is a machine");
    assert_eq!(scene.call("ruth", "POST", &release, Some(&reason)).status, 200);
    assert_eq!(scene.call("ruth", "POST", &release, Some(&reason)).status, 404);
    assert_eq!(scene.of_kind("held").len() + scene.of_kind("released").len(), 2);
    scene.verify();
}

#[test]
fn a_person_is_erased_and_every_proof_holds() {
    let scene = replaying("{ mode = \"ok\" }");
    let model = scene.model("d");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    let path = format!("/_countersign/api/v1/models/{model}/versions/{version}");
    let id = scene.of_kind("version-created")[0]["by"].as_str().unwrap().to_owned();
    let before = scene.call("ruth", "GET", "/_countersign/ledger", None).text();
    contains(&before, &["ana"]);
    assert_eq!(scene.call("ana", "GET", &path, None).status, 200);
    let runs: Vec<usize> = scene
        .entries()
        .iter()
        .enumerate()
        .filter(|(_, e)| e["kind"] == "check-run")
        .map(|(i, _)| i)
        .collect();
    let said = scene.host.does(&["user", "erase", "ana"], None).unwrap();
    contains(&said, &[&format!("erased {id}"), "every proof holds"]);
    assert_eq!(scene.of_kind("profile-erased")[0], json!({"person": id, "by": null}));
    let gone = eventually(PATIENCE, || match scene.call("ana", "GET", &path, None).status {
        401 => Ok(()),
        status => Err(anyhow::anyhow!("ana is still let in: {status}")),
    });
    gone.unwrap();
    let page = scene.call("ruth", "GET", "/_countersign/ledger", None).text();
    contains(&page, &[&format!("erased person {id}")]);
    let again = scene.host.does(&["user", "erase", &id], None).unwrap();
    contains(&again, &["was erased on", "nothing was left to erase"]);
    scene.verify();
    for run in runs {
        scene.host.does(&["replay", &run.to_string()], None).unwrap();
    }
}

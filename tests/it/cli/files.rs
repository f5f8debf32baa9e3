//! Configuration, policy and plugins: what is wrong is named, with its place and what to do.

use std::fs;

use countersign_tests::{paths, plugins};

use super::Place;

fn append(place: &Place, text: &str) {
    let file = place.host.workdir().config();
    let before = fs::read_to_string(&file).unwrap();
    fs::write(file, before + text).unwrap();
}

#[test]
fn a_key_that_nobody_knows() {
    let place = Place::new();
    append(&place, "\n[plugins]\nthread = 3\n");
    for arguments in [&["config", "check"][..], &["serve"], &["user", "list"]] {
        place.fails(arguments, 1, &["countersign.toml", "`thread` in `[plugins]`", "`threads`"]);
    }
}

#[test]
fn a_file_that_is_not_there() {
    let place = Place::new();
    fs::remove_file(place.host.workdir().config()).unwrap();
    place.fails(&["config", "check"], 1, &["error: ", "countersign.toml", "No such file", "hint: "]);
}

#[test]
fn everything_wrong_with_a_policy_at_once() {
    let place = Place::new();
    place.does(&["user", "add", "ruth"]);
    let policy = super::POLICY.replace("risk = 1", "legal = 1").replace("enforce", "strict");
    fs::write(place.host.workdir().policy(), policy).unwrap();
    let says = ["policy.toml:11:8", "`strict`", "error: ", "`legal`"];
    for arguments in [&["policy", "check"][..], &["config", "check"], &["serve"]] {
        place.fails(arguments, 1, &says);
    }
}

#[test]
fn a_good_installation_is_shown_without_its_secrets() {
    let place = Place::new();
    assert!(place.does(&["config", "check"]).contains("can be used"));
    let shown = place.does(&["config", "show"]);
    assert!(shown.contains("secret = \"…\"") && shown.contains("interval = \"2s\""), "{shown}");
    let schema: serde_json::Value = serde_json::from_str(&place.does(&["config", "schema"])).unwrap();
    assert!(schema["properties"]["server"].is_object(), "{schema}");
    let checked = place.does(&["policy", "check", "--output", "json"]);
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["summary"]["gates"][0]["name"], "production");
}

#[test]
fn a_doctor_says_what_to_do() {
    let place = Place::new();
    let output = place.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for text in ["ok    config", "fail  people", "countersign user add", "fail  upstream", "start MLflow"] {
        assert!(output.stdout.contains(text), "`{text}` is missing: {}", output.stdout);
    }
}

#[test]
fn a_plugin_is_inspected_pinned_and_tested() {
    let place = Place::new();
    let component = paths::plugin("metric-threshold");
    let (file, digest) = (component.display().to_string(), plugins::digest(&component).unwrap());
    let inspected = place.does(&["plugin", "inspect", &file]);
    assert!(inspected.contains(&digest) && inspected.contains("countersign:plugin/registry@"), "{inspected}");

    let pinned: toml::Table = toml::from_str(&place.does(&["plugin", "pin", &file])).unwrap();
    assert_eq!(pinned["plugin"][0]["digest"].as_str(), Some(digest.as_str()));
    assert_eq!(pinned["plugin"][0]["grants"][0].as_str(), Some("registry"));
    let policy = format!("{pinned}{}", super::POLICY);
    fs::write(place.host.workdir().policy(), policy).unwrap();
    assert!(place.does(&["policy", "check"]).contains("1 plugin,"));

    let tested = place.does(&["plugin", "test", &file]);
    assert!(tested.lines().count() > 3 && tested.lines().all(|line| line.starts_with("ok ")), "{tested}");
}

#[test]
fn a_check_is_run_over_files_of_ones_own() {
    let place = Place::new();
    let model = place.host.workdir().dir.join("model");
    fs::create_dir(&model).unwrap();
    let fixture = |name: &str| paths::root().join("plugins/artifact-safety/fixtures").join(name);
    let file = paths::plugin("artifact-safety").display().to_string();
    let run = ["plugin", "run", &file, "--artifacts", "model"];
    fs::copy(fixture("plain-4.pkl"), model.join("model.pkl")).unwrap();
    assert!(place.does(&run).starts_with("pass  1 files, 1 pickles"));

    fs::copy(fixture("evil-4.pkl"), model.join("evil.pkl")).unwrap();
    let output = place.run(&run);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.contains("error dangerous-global: `evil.pkl` imports"), "{output:?}");
    let json = place.run(&[&run[..], &["--output", "json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&report["conclusion"], json.status.code()), (&"fail".into(), Some(1)), "{report}");
}

#[test]
fn a_check_is_run_over_facts_of_ones_own() {
    let place = Place::new();
    let file = paths::plugin("metric-threshold").display().to_string();
    let facts =
        r#"{"version": {"model": "m", "version": "1", "metrics": [{"name": "auc", "value": "0.7"}]}}"#;
    fs::write(place.host.workdir().dir.join("given.json"), facts).unwrap();
    let run = |config: &str| {
        place.run(&["plugin", "run", &file, "--facts", "given.json", "--check-config", config])
    };
    let (good, weak) = (run(r#"{"metric": "auc", "min": "0.6"}"#), run(r#"{"metric": "auc", "min": "0.8"}"#));
    assert!(good.stdout.starts_with("pass  ") && good.status.success(), "{good:?}");
    assert!(weak.stdout.starts_with("fail  ") && weak.status.code() == Some(1), "{weak:?}");
    let refused = run(r#"{"metirc": "auc"}"#);
    assert!(refused.stderr.contains("metirc") && refused.status.code() == Some(1), "{refused:?}");
}

#[test]
fn what_is_no_plugin_is_refused() {
    let place = Place::new();
    let dir = &place.host.workdir().dir;
    place.fails(&["plugin", "inspect", "gone.wasm"], 1, &["gone.wasm", "No such file", "plugin build"]);
    fs::write(dir.join("text.wasm"), "text").unwrap();
    place.fails(&["plugin", "pin", "text.wasm"], 1, &["text.wasm", "not a WebAssembly component"]);
    place.fails(&["plugin", "build", "nowhere", "--out", "x.wasm"], 1, &["nowhere/plugin.toml"]);

    let file = paths::plugin("metric-threshold").display().to_string();
    let wrong = r#"{"name": "wrong", "given": {"version": {"model": "m", "version": "1"},
        "config": {"metric": "auc", "min": "0.5"}}, "expect": {"conclusion": "pass"}}"#;
    fs::write(dir.join("wrong.json"), wrong).unwrap();
    let output = place.run(&["plugin", "test", &file, "wrong.json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.starts_with("fail  metric-threshold: case `wrong`"), "{output:?}");
}

//! A policy that changes under a running server, one that cannot be taken, and the three modes of a gate.

use countersign_tests::http;
use countersign_tests::stage::eventually;
use countersign_tests::workdir;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains, policy, policy_without_people, refused, signal};

/// Waits until the server says that it has refused the policy's file for a reason with these words.
fn awaits_refusal(scene: &Scene, words: &[&str]) {
    let said = eventually(PATIENCE, || {
        let said = scene.readiness()["policy_refused"].as_str().unwrap_or_default().to_owned();
        match words.iter().all(|word| said.contains(word)) {
            true => Ok(said),
            false => Err(anyhow::anyhow!("no {words:?} in `{said}`")),
        }
    });
    said.unwrap();
    scene.awaits("policy-refused", words);
}

fn digest(scene: &Scene) -> Value {
    scene.read("policy")["digest"].clone()
}

/// What is wrong with a policy, how to make it so, and what the server must say of it.
fn broken(good: &str) -> Vec<(&'static str, String, Vec<&'static str>)> {
    let greedy = workdir::pinned("hostile-greedy", &[]).unwrap();
    let digest = good.split("digest = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let wrong = format!("sha256:{}", "0".repeat(64));
    vec![
        ("TOML", good.replacen("[[seat]]", "[[seat]", 1), vec!["policy.toml:"]),
        ("key", good.replacen("mode =", "mood =", 1), vec!["policy.toml:", "mood", "`mode`"]),
        (
            "value",
            good.replacen("\"enforce\"", "\"enforced\"", 1),
            vec!["policy.toml:", "enforced", "monitor"],
        ),
        ("plugin", good.replacen("plugin = \"metric", "plugin = \"metrik", 1), vec!["metrik-threshold"]),
        ("digest", good.replacen(digest, &wrong, 1), vec!["metric-threshold", "000000", "the policy pins"]),
        ("file", good.replacen("metric-threshold.wasm", "gone.wasm", 1), vec!["gone.wasm"]),
        ("schema", good.replacen("metric = \"auc\"", "metrics = \"auc\"", 1), vec!["production", "metrics"]),
        ("config", good.replacen("\"0.85\"", "\"lots\"", 1), vec!["production", "metric-threshold", "lots"]),
        ("grants", good.replacen("grants = [\"registry\"]", "grants = []", 1), vec!["registry", "grants"]),
        ("import", format!("{greedy}{good}"), vec!["hostile-greedy", "artifacts"]),
        ("empty", String::new(), vec!["policy"]),
    ]
}

#[test]
fn a_broken_policy_changes_nothing() {
    let scene = Scene::start("reload", policy);
    let model = scene.model("a");
    let weak = scene.register(&model, 0.5);
    let (before, good) = (digest(&scene), policy(&scene.name));
    for (what, text, words) in broken(&good) {
        scene.write_policy(&text);
        awaits_refusal(&scene, &words);
        assert_eq!(digest(&scene), before, "{what}");
        let said = refused(&scene.alias(&model, "champion", &weak.version));
        contains(&said, &["metric-threshold", "0.85"]);
    }
    std::fs::remove_file(scene.host.workdir().policy()).unwrap();
    awaits_refusal(&scene, &["policy.toml", "cannot be read"]);
    for refusal in scene.of_kind("policy-refused") {
        assert_eq!(refusal["kept"], before, "{refusal}");
    }
    scene.write_policy(&good);
    eventually(PATIENCE, || match &scene.readiness()["policy_refused"] {
        Value::Null => Ok(()),
        said => Err(anyhow::anyhow!("{said}")),
    })
    .unwrap();
    assert_eq!(scene.holder(&model, "champion"), None);
    scene.verify();
}

#[test]
fn a_better_policy_takes_effect_on_change_and_on_sighup() {
    let scene = Scene::start("swap", policy);
    let model = scene.model("a");
    let weak = scene.register(&model, 0.5);
    contains(&refused(&scene.alias(&model, "champion", &weak.version)), &["failed", "0.85"]);

    let first = digest(&scene);
    scene.write_policy(&policy(&scene.name).replace("0.85", "0.450"));
    let second = awaits_other(&scene, &first);
    contains(&refused(&scene.alias(&model, "champion", &weak.version)), &["is held", "ruth"]);

    // The same length and the same time: nobody but SIGHUP tells the server.
    let file = scene.host.workdir().policy();
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    scene.write_policy(&policy(&scene.name).replace("0.85", "0.950"));
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(digest(&scene), second, "the file's time and length had not changed");
    signal("HUP", &scene.host.pid().unwrap().to_string());
    let third = awaits_other(&scene, &second);
    contains(&refused(&scene.alias(&model, "champion", &weak.version)), &["failed", "minimum of 0.95"]);

    let loaded: Vec<Value> =
        scene.of_kind("policy-loaded").iter().map(|body| body["policy"].clone()).collect();
    assert_eq!(loaded, [second, third]);
    scene.verify();
}

fn awaits_other(scene: &Scene, than: &Value) -> Value {
    let found = eventually(PATIENCE, || match digest(scene) {
        same if same == *than => Err(anyhow::anyhow!("still {same}")),
        other => Ok(other),
    });
    found.unwrap()
}

#[test]
fn a_start_with_a_broken_policy_or_configuration_is_refused() {
    let mut scene = Scene::before(http::free_port().unwrap(), "start", policy);
    let good = policy(&scene.name);
    for (what, text, words) in broken(&good) {
        if what == "empty" {
            continue;
        }
        scene.write_policy(&text);
        let ended = scene.host.command(&["serve"], None).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{what}: {}", ended.stderr);
        contains(&ended.stderr, &words);
    }
    scene.write_policy(&good);
    let config = std::fs::read_to_string(scene.host.workdir().config()).unwrap();
    let faults: [(&str, &str, &[&str]); 4] = [
        ("[server]", "[server", &["countersign.toml"]),
        ("public_url", "public_uri", &["countersign.toml", "public_uri", "public_url"]),
        ("mode = \"local\"", "mode = \"locale\"", &["countersign.toml", "locale", "local"]),
        ("interval = \"2s\"", "interval = \"soon\"", &["countersign.toml", "interval", "soon"]),
    ];
    for (from, to, words) in faults {
        std::fs::write(scene.host.workdir().config(), config.replacen(from, to, 1)).unwrap();
        let ended = scene.host.command(&["serve"], None).unwrap();
        assert_ne!(ended.status.code(), Some(0), "{to}");
        contains(&ended.stderr, words);
    }
    std::fs::write(scene.host.workdir().config(), config).unwrap();
    scene.host.start().unwrap();
}

#[test]
fn a_monitoring_gate_lets_pass_and_records() {
    let scene = Scene::start("monitor", |name| policy(name).replace("\"enforce\"", "\"monitor\""));
    let model = scene.model("a");
    let weak = scene.register(&model, 0.5);
    assert_eq!(scene.alias(&model, "champion", &weak.version).status, 200);
    assert_eq!(scene.holder(&model, "champion"), Some(weak.version.clone()));
    let would = scene.of_kind("would-refuse");
    assert_eq!(would.len(), 1, "{would:?}");
    contains(&would[0].to_string(), &["metric-threshold", "champion", "production"]);
    assert_eq!(would[0]["gates"][0]["enforced"], false, "{would:?}");
    assert_eq!((scene.of_kind("intent").len(), scene.of_kind("outcome").len()), (1, 1));
    assert_eq!(scene.of_kind("refused").len(), 0);

    // A version that meets everything but the signature is let pass, and recorded, too.
    let strong = scene.register(&model, 0.9);
    let body = json!({"name": model, "version": strong.version, "stage": "Production"});
    let moved = scene.call("ana", "POST", "/api/2.0/mlflow/model-versions/transition-stage", Some(&body));
    assert_eq!(moved.status, 200, "{}", moved.text());
    contains(&scene.of_kind("would-refuse")[1].to_string(), &["risk", "Production"]);
    scene.verify();
}

#[test]
fn a_gate_that_is_off_is_not_there() {
    let scene = Scene::start("off", |name| policy(name).replace("\"enforce\"", "\"off\""));
    let model = scene.model("a");
    let weak = scene.register(&model, 0.5);
    let before = scene.entries().len();
    // Odd spellings, too: nothing is enforced, so MLflow alone judges them.
    let bodies = [
        format!(r#"{{"name":"{model}","alias":"champion","version":"{}"}}"#, weak.version),
        format!(r#"{{ "version" : {v:?}, "alias":"champion", "name":"{model}" }}"#, v = weak.version),
        format!(r#"{{"name":"{model}","alias":"champion","version":"{}","version":"77"}}"#, weak.version),
        r#"{"name":"#.to_owned(),
        "{}".to_owned(),
    ];
    for body in bodies {
        let path = "/api/2.0/mlflow/registered-models/alias";
        let request =
            |r: http::Request| r.header("Content-Type", "application/json").body(body.clone().into());
        let here =
            request(http::request("POST", path).bearer(scene.token("ana"))).send(scene.host.port()).unwrap();
        let there = request(http::request("POST", path)).send(scene.mlflow).unwrap();
        assert_eq!((here.status, here.text()), (there.status, there.text()), "{body}");
        let names = |r: &http::Response| {
            r.headers.iter().map(|(n, _)| n.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&here), names(&there), "{body}");
    }
    assert_eq!(scene.holder(&model, "champion"), Some(weak.version));
    assert_eq!(scene.entries().len(), before);
}

#[test]
fn a_gate_without_people_needs_its_checks_only() {
    let scene = Scene::start("nopeople", policy_without_people);
    let model = scene.model("a");
    let (weak, strong) = (scene.register(&model, 0.5), scene.register(&model, 0.9));
    contains(&refused(&scene.alias(&model, "champion", &weak.version)), &["metric-threshold", "0.5"]);
    assert_eq!(scene.alias(&model, "champion", &strong.version).status, 200);
    assert_eq!(scene.holder(&model, "champion"), Some(strong.version));
    let outcome = scene.of_kind("outcome");
    assert_eq!(outcome[0]["result"]["result"], "applied", "{outcome:?}");
}

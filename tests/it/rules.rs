//! Approval rules decide about real alias writes: they add, they refuse, and where they fail nothing passes.

use countersign_tests::stage::eventually;
use countersign_tests::workdir;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains, refused};

const SEATS: &str = r#"[[seat]]
name = "risk"
members = ["ruth"]

[[tier]]
name = "low"

"#;

/// A gate of one rule, which is pinned with its grants.
fn policy(name: &str, plugin: &str, grants: &[&str], gates: &[(&str, String)]) -> String {
    let pinned = workdir::pinned(plugin, grants).unwrap();
    let gates = gates.iter().map(|(alias, config)| gate(name, alias, plugin, config));
    format!("{pinned}{SEATS}{}", gates.collect::<String>())
}

fn gate(name: &str, alias: &str, plugin: &str, config: &str) -> String {
    format!(
        r#"[[gate]]
name = "{alias}"
mode = "enforce"
models = ["{name}*"]
guards = [{{ alias = "{alias}" }}]

  [[gate.rule]]
  plugin = "{plugin}"
  config = {config}

"#
    )
}

/// A window between two years. No test waits for a clock.
fn window(from: u32, to: u32, more: &str) -> String {
    format!(
        r#"{{ windows = [{{ name = "close", start = "{from}-01-01T00:00Z", end = "{to}-01-01T00:00Z", reason = "the books are closed"{more} }}] }}"#
    )
}

#[test]
fn two_people_as_the_rule_says() {
    let config = "{ tiers = { low = { risk = 1 } } }".to_owned();
    let scene = Scene::start("rule", |name| policy(name, "two-person", &[], &[("champion", config.clone())]));
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let refusal = scene.alias(&model, "champion", &version);
    contains(&refused(&refusal), &["is held", "1 signature from seat risk"]);
    let id = scene.request_of(&refusal);
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    assert_eq!(scene.holder(&model, "champion"), Some(version));
    let runs = scene.of_kind("rule-run");
    assert!(runs.iter().any(|run| run.to_string().contains("two-person")), "{runs:?}");
    for (index, entry) in scene.entries().iter().enumerate().filter(|(_, entry)| entry["kind"] == "rule-run")
    {
        let answer = scene.host.does(&["replay", &index.to_string(), "--output", "json"], None).unwrap();
        let report: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (&report["same"], &report["replayed"][0]["plugin"]),
            (&json!(true), &entry["body"]["run"]["plugin"])
        );
    }
    scene.verify();
}

#[test]
fn a_freeze_refuses_and_a_later_policy_lets_go() {
    let frozen = |name: &str| {
        policy(
            name,
            "change-freeze",
            &[],
            &[
                ("champion", window(2000, 3000, "")),
                ("signed", window(2000, 3000, ", seats = { risk = 1 }")),
                ("later", window(2998, 3000, "")),
            ],
        )
    };
    let scene = Scene::start("freeze", frozen);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let said = refused(&scene.alias(&model, "champion", &version));
    contains(&said, &["change-freeze", "`close`", "the books are closed"]);
    contains(&refused(&scene.alias(&model, "signed", &version)), &["is held", "1 signature from seat risk"]);
    assert_eq!(scene.alias(&model, "later", &version).status, 200);
    assert_eq!(scene.holder(&model, "champion"), None);

    let before = scene.read("policy")["digest"].clone();
    let over = policy(&scene.name, "change-freeze", &[], &[("champion", window(2000, 2001, ""))]);
    scene.write_policy(&over);
    eventually(PATIENCE, || match scene.read("policy")["digest"] == before {
        true => Err(anyhow::anyhow!("the old policy is in force")),
        false => Ok(()),
    })
    .unwrap();
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    scene.verify();
}

#[test]
fn a_version_that_nobody_has_seen_under_staging_is_not_soaked() {
    let config = |time: &str| format!(r#"{{ alias = "staging", at_least = "{time}" }}"#);
    let rules = |name: &str| policy(name, "soak", &["history"], &[("champion", config("72h"))]);
    let scene = Scene::start("soak", rules);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    contains(&refused(&scene.alias(&model, "champion", &version)), &["it is not proved", "`staging`"]);
    // Through Countersign it is recorded at once, though no gate guards it.
    assert_eq!(scene.alias(&model, "staging", &version).status, 200);
    eventually(PATIENCE, || {
        let said = refused(&scene.alias(&model, "champion", &version));
        anyhow::ensure!(said.contains("held `staging` for 0 min, and 72 h are asked for"), "{said}");
        Ok(())
    })
    .unwrap();
    scene.verify();
}

#[test]
fn a_rule_that_fails_holds() {
    let modes = [("err", "undecided"), ("panic", "panicked"), ("loop", "cpu-budget")];
    let scene = Scene::start("badrule", |name| {
        let gates = modes.iter().map(|(mode, _)| *mode).chain(["ok", "strange-seat"]);
        let gates: Vec<_> = gates.map(|mode| (mode, format!(r#"{{ mode = "{mode}" }}"#))).collect();
        policy(name, "hostile-rule", &[], &gates)
    });
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    for (mode, class) in modes {
        let said = refused(&scene.alias(&model, mode, &version));
        contains(&said, &["is held", "hostile-rule"]);
        assert_eq!(scene.holder(&model, mode), None, "{mode}");
        let runs = scene.of_kind("rule-run");
        let told = |run: &Value| run.to_string().contains(class);
        assert!(runs.iter().any(told), "{mode}: no {class} in {runs:?}");
    }
    let strange = refused(&scene.alias(&model, "strange-seat", &version));
    contains(&strange, &["is held", "nobody-sits-here"]);
    assert_eq!(scene.alias(&model, "ok", &version).status, 200);
    assert_eq!(scene.readiness()["ready"], true);
    scene.verify();
}

/// `high` asks two of `risk`, `low` nobody.
fn tiered(name: &str) -> String {
    format!(
        r#"[[seat]]
name = "risk"
members = ["ruth", "lena"]

[[tier]]
name = "high"
when = 'version.tags["risk"] == "high"'

[[tier]]
name = "low"

[[gate]]
name = "production"
mode = "enforce"
models = ["{name}*"]
guards = [{{ alias = "champion" }}]

  [gate.approvals.high]
  seats = {{ risk = 2 }}
"#
    )
}

#[test]
fn whoever_lowers_the_tier_needs_a_second_person() {
    let scene = Scene::start("lowered", tiered);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let tag = |value: &str| {
        let body = json!({"name": model, "version": version, "key": "risk", "value": value});
        scene.post("model-versions/set-tag", &body);
    };
    tag("high");
    contains(
        &refused(&scene.alias(&model, "champion", &version)),
        &["is held", "2 signatures from seat risk"],
    );
    tag("low");
    let refusal = scene.alias(&model, "champion", &version);
    contains(&refused(&refusal), &["is held", "1 signature from seat risk"]);
    // Withdrawing it and asking again is no way round.
    let id = scene.request_of(&refusal);
    let withdrawn = scene.call("ana", "POST", &format!("/_countersign/api/v1/requests/{id}/withdraw"), None);
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.text());
    let refusal = scene.alias(&model, "champion", &version);
    contains(&refused(&refusal), &["is held", "1 signature from seat risk"]);
    assert_eq!(scene.vote("ruth", &scene.request_of(&refusal), "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    // The same call again rests on the same agreement.
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    // Another version that was never high needs nobody.
    let other = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &other).status, 200);
    scene.verify();
}

use serde_json::{Value, json};

use super::*;

fn digest(what: &str) -> Digest {
    Digest::of(what.as_bytes())
}

fn policy() -> Policy {
    let text = r#"
[[plugin]]
name = "card"
source = "file:card.wasm"
digest = "PLUGIN"
[[plugin]]
name = "two"
source = "file:two.wasm"
digest = "PLUGIN"
[[seat]]
name = "risk"
members = ["ruth"]
[[tier]]
name = "low"
[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{ alias = "champion" }]
  [[gate.check]]
  plugin = "card"
  required = true
  config = { min = 5 }
  [[gate.rule]]
  plugin = "two"
  [gate.approvals.low]
  seats = { risk = 1 }
"#;
    Policy::parse("policy.toml", &text.replace("PLUGIN", &digest("plugin").to_string())).unwrap()
}

fn subject() -> Value {
    json!({"workspace": "default", "model": "credit", "version": "7", "created": 1, "source": "s", "manifest": null})
}

fn intent(needed: u32) -> Intent {
    let seats = json!({"risk": {"needed": needed, "signed": ["ruth"]}});
    let gate = json!({"gate": "production", "enforced": true, "tier": {"known": "low"}, "verdict": "satisfied",
        "seats": seats, "unproven": []});
    let action = json!({"kind": "set-alias", "model": "credit", "alias": "champion", "version": "7"});
    let intent = json!({"id": "01980000-0000-7000-8000-000000000000", "request": null,
        "placed": {"workspace": "default", "action": action}, "subject": subject(), "binding": digest("b"),
        "policy": digest("p"), "by": "ana", "gates": [gate], "authors": {}, "body": digest("body")});
    serde_json::from_value(intent).unwrap()
}

fn check_run(plugin: &str, conclusion: &str) -> Entry {
    let body = json!({"workspace": "default", "model": "credit", "version": "7", "plugin": "card",
        "plugin_digest": digest(plugin), "config_digest": Digest::of_json(&json!({"min": 5})).unwrap(),
        "input_digest": digest("input"), "transcript_digest": digest("t"), "outcome_digest": digest("o"),
        "conclusion": conclusion});
    serde_json::from_value(json!({"kind": "check-run", "body": body})).unwrap()
}

fn rule_run(seats: Value, denials: Value) -> Entry {
    let outcome = json!({"ruled": {"summary": "s", "seats": seats, "denials": denials}});
    let run = json!({"plugin": "two", "gate": "production", "plugin_digest": digest("plugin"),
        "input_digest": digest("i"), "transcript_digest": digest("t"), "outcome": outcome, "started_at": 1});
    let body = json!({"workspace": "default", "model": "credit", "version": "7", "run": run});
    serde_json::from_value(json!({"kind": "rule-run", "body": body})).unwrap()
}

fn check(intent: &Intent, before: &[Entry], source: &str, expect: &[&str]) {
    let about: Subject = serde_json::from_value(Value::Object(
        subject()
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain([("source".to_owned(), json!(source))])
            .collect(),
    ))
    .unwrap();
    let before: Vec<&Entry> = before.iter().collect();
    let given = Given { subject: about, tier: Some("low".into()) };
    let found = faults(&policy(), intent, &before, &|_| Some(given.clone()));
    assert_eq!(found.len(), expect.len(), "{found:?}");
    for (fault, words) in found.iter().zip(expect) {
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn a_write_is_covered_by_what_its_policy_asks() {
    let (passed, silent) = (check_run("plugin", "pass"), rule_run(json!([]), json!([])));
    let both = [passed.clone(), silent.clone()];
    check(&intent(1), &both, "s", &[]);
    check(&intent(0), &both, "s", &["asks for 1 in seat risk, and 0 were asked for"]);
    check(&intent(1), &both, "another", &["no run of it on this version passed"]);
    check(
        &intent(1),
        &[check_run("plugin", "fail"), silent.clone()],
        "s",
        &["no run of it on this version passed"],
    );
    check(&intent(1), &[check_run("other", "pass"), silent], "s", &["no run of it on this version passed"]);
    check(&intent(1), std::slice::from_ref(&passed), "s", &["rule two, and no run of it is told of"]);
    let wants = rule_run(json!([{"seat": "risk", "count": 2, "reason": "r"}]), json!([]));
    check(&intent(1), &[passed.clone(), wants], "s", &["wanted 2 in seat risk, and 1 were asked for"]);
    let denies = json!([{"code": "c", "severity": "error", "message": "m"}]);
    check(&intent(1), &[passed, rule_run(json!([]), denies)], "s", &["which refused it"]);
}

#[test]
fn a_run_at_another_tier_covers_nothing() {
    let (passed, silent) = (check_run("plugin", "pass"), rule_run(json!([]), json!([])));
    let given = Given { subject: intent(1).subject.unwrap(), tier: Some("high".into()) };
    let found = faults(&policy(), &intent(1), &[&passed, &silent], &|_| Some(given.clone()));
    assert!(found.len() == 1 && found[0].contains("no run of it on this version passed"), "{found:?}");
}

#[test]
fn a_gate_that_was_not_asked_is_missed() {
    let none = Intent { gates: Vec::new(), ..intent(1) };
    check(&none, &[], "s", &["has gate production for it, which was not asked"]);
    let broken = Intent { break_glass: Some(uuid::Uuid::nil()), ..none.clone() };
    check(&broken, &[], "s", &[]);
    let mut unknown = intent(1);
    unknown.gates[0].gate = "elsewhere".into();
    check(&unknown, &[], "s", &["which was not asked", "has no gate elsewhere"]);
}

//! An approval holds for exactly what was reviewed: whatever changes afterwards makes it stale.

use countersign_tests::http;
use countersign_tests::stage::eventually;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Registered, Scene, contains, policy, refused};

/// A version whose promotion ruth has approved, and the request.
fn approved(scene: &Scene, model: &str) -> (Registered, String) {
    let registered = scene.register(model, 0.9);
    let id = scene.request_of(&scene.alias(model, "champion", &registered.version));
    let answer = scene.vote("ruth", &id, "approve");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json().unwrap()["state"]["is"], "approved");
    (registered, id)
}

/// The approval no longer counts, everyone can see why, and a new signature makes it good.
fn is_stale_and_can_be_renewed(scene: &Scene, model: &str, version: &str, id: &str) {
    let refusal = scene.alias(model, "champion", version);
    contains(&refused(&refusal), &["is held", "1 signature from seat risk"]);
    assert_eq!(scene.request_of(&refusal), id);
    let shown = scene.read(&format!("requests/{id}"));
    assert_eq!(
        (&shown["flags"]["stale"], &shown["state"]["is"]),
        (&json!(true), &json!("in-review")),
        "{shown}"
    );
    assert_eq!(scene.of_kind("stale").last().unwrap()["request"], json!(id));
    assert_eq!(scene.holder(model, "champion"), None);
    let renewed = scene.call("ana", "POST", &format!("/_countersign/api/v1/requests/{id}/renew"), None);
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert_eq!(scene.vote("ruth", id, "approve").status, 200);
    let answer = scene.alias(model, "champion", version);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(scene.holder(model, "champion").as_deref(), Some(version));
    assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "applied");
}

/// What somebody does on MLflow's own port after the approval.
type Change = fn(&Scene, &str, &Registered);

fn overwrites(scene: &Scene, _: &str, version: &Registered) {
    let put = http::request("PUT", &version.file).body(b"flavors: {python_function: {}}\n".to_vec());
    assert_eq!(put.send(scene.mlflow).unwrap().status, 200);
}

fn adds_a_file(scene: &Scene, _: &str, version: &Registered) {
    let file = version.file.replace("MLmodel", "data/extra.pkl");
    assert_eq!(http::request("PUT", &file).body(b"x".to_vec()).send(scene.mlflow).unwrap().status, 200);
}

#[test]
fn changed_artifacts_make_an_approval_stale() {
    let scene = Scene::start("swapped", policy);
    let changes: [(&str, Change); 2] = [("overwritten", overwrites), ("added", adds_a_file)];
    for (what, change) in changes {
        let model = scene.model(what);
        let (version, id) = approved(&scene, &model);
        change(&scene, &model, &version);
        is_stale_and_can_be_renewed(&scene, &model, &version.version, &id);
    }
    scene.verify();
}

#[test]
fn a_changed_metric_is_judged_again() {
    let scene = Scene::start("metric", policy);
    let model = scene.model("a");
    let (version, id) = approved(&scene, &model);
    let metric = json!({"run_id": version.run_id, "key": "auc", "value": 0.3, "timestamp": 2, "step": 1});
    scene.round("POST", "runs/log-metric", &metric);
    contains(
        &refused(&scene.alias(&model, "champion", &version.version)),
        &["was refused", "metric-threshold", "0.3"],
    );
    assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "open");
    assert_eq!(scene.holder(&model, "champion"), None);
}

/// The ledger's entries about check runs of one model, by their index.
fn runs(scene: &Scene, model: &str) -> Vec<(usize, Value)> {
    let all = scene.entries().into_iter().enumerate();
    let ours = all.filter(|(_, entry)| entry["kind"] == "check-run" && entry["body"]["model"] == model);
    ours.map(|(index, entry)| (index, entry["body"].clone())).collect()
}

#[test]
fn a_check_runs_again_only_where_what_it_reads_has_changed() {
    // A pattern foresees nothing: no run but those that are asked for.
    let foreseen = r#"guards = [{ alias = "champion" }, { stage = "Production" }"#;
    let scene =
        Scene::start("reads", |name| policy(name).replace(foreseen, r#"guards = [{ alias = "champ*" }"#));
    let model = scene.model("a");
    let (version, id) = approved(&scene, &model);
    let first = runs(&scene, &model);
    assert_eq!(first.len(), 1, "{first:?}");
    let described = json!({"name": model, "version": version.version, "description": "better words"});
    scene.round("PATCH", "model-versions/update", &described);
    let tag = json!({"name": model, "version": version.version, "key": "owner", "value": "ana"});
    scene.round("POST", "model-versions/set-tag", &tag);
    assert_eq!(scene.alias(&model, "champion", &version.version).status, 200, "the approval stands");
    assert_eq!(runs(&scene, &model), first, "it reads neither description nor tags");
    assert_eq!(
        scene.read(&format!("requests/{id}"))["check_runs"][0]["input_digest"],
        first[0].1["input_digest"]
    );
    let metric = json!({"run_id": version.run_id, "key": "auc", "value": 0.91, "timestamp": 2, "step": 1});
    scene.round("POST", "runs/log-metric", &metric);
    assert_eq!(scene.alias(&model, "champion", &version.version).status, 200);
    let both = runs(&scene, &model);
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "a metric is what it reads");
    for (index, _) in both {
        scene.host.does(&["replay", &index.to_string()], None).unwrap();
    }
    let file = scene.dir().join("evidence.jsonl").display().to_string();
    scene.host.does(&["evidence", "export", &id, "-o", &file], None).unwrap();
    contains(&scene.host.does(&["evidence", "verify", &file], None).unwrap(), &["same bytes"]);
    let page = scene.call("ruth", "GET", "/_countersign/plugins/metric-threshold", None).text();
    contains(&page, &["Reads", "<code>metrics</code>", "its result still stands"]);
    scene.verify();
}

#[test]
fn a_changed_tag_changes_the_tier() {
    let scene = Scene::start("tier", |name| {
        let high = "[[tier]]\nname = \"high\"\nwhen = 'version.tags[\"risk\"] == \"high\"'\n\n[[tier]]";
        let policy = policy(name).replacen("[[tier]]", high, 1);
        policy.replace("[[seat]]", "[[seat]]\nname = \"legal\"\nmembers = [\"lena\"]\n\n[[seat]]")
            + "\n  [gate.approvals.high]\n  seats = { risk = 1, legal = 1 }\n"
    });
    let model = scene.model("a");
    let (version, _) = approved(&scene, &model);
    let tag = json!({"name": model, "version": version.version, "key": "risk", "value": "high"});
    scene.round("POST", "model-versions/set-tag", &tag);
    contains(&refused(&scene.alias(&model, "champion", &version.version)), &["is held", "legal", "lena"]);
    assert_eq!(scene.holder(&model, "champion"), None);
}

#[test]
fn a_model_made_again_is_another() {
    let scene = Scene::start("again", policy);
    let model = scene.model("a");
    let (version, _) = approved(&scene, &model);
    scene.round("DELETE", "registered-models/delete", &json!({ "name": model }));
    let gone = scene.alias(&model, "champion", &version.version);
    assert_eq!(
        (gone.status, gone.json().unwrap()["error_code"].as_str()),
        (404, Some("RESOURCE_DOES_NOT_EXIST"))
    );
    contains(&gone.text(), &[&model]);
    let again = scene.register(&model, 0.9);
    assert_eq!(again.version, version.version, "the number comes back");
    let refusal = scene.alias(&model, "champion", &again.version);
    contains(&refused(&refusal), &["is held", "1 signature from seat risk"]);
    assert_eq!(scene.holder(&model, "champion"), None);
    // The one who registered it is known, too: ana did, both times.
    let id = scene.request_of(&refusal);
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &again.version).status, 200);
}

#[test]
fn a_policy_edited_after_the_vote() {
    let scene = Scene::start("edited", policy);
    let model = scene.model("a");
    let (version, id) = approved(&scene, &model);
    let before = scene.read("policy")["digest"].clone();
    scene.write_policy(&policy(&scene.name).replace("0.85", "0.80"));
    eventually(PATIENCE, || match scene.read("policy")["digest"] == before {
        true => Err(anyhow::anyhow!("the old policy is in force")),
        false => Ok(()),
    })
    .unwrap();
    is_stale_and_can_be_renewed(&scene, &model, &version.version, &id);
}

#[test]
fn a_vote_on_something_older_is_refused() {
    let scene = Scene::start("older", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9);
    let id = scene.request_of(&scene.alias(&model, "champion", &version.version));
    let seen = scene.read(&format!("requests/{id}"))["subject_digest"].clone();
    overwrites(&scene, &model, &version);
    let body = json!({"vote": "approve", "rationale": "fine", "subject_digest": seen});
    let path = format!("/_countersign/api/v1/requests/{id}/reviews");
    let answer = scene.call("ruth", "POST", &path, Some(&body));
    assert_eq!(answer.status, 409, "{}", answer.text());
    contains(&answer.text(), &["has changed", "vote"]);
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &version.version).status, 200);
}

#[test]
fn a_rejection_is_final_for_what_was_rejected() {
    let scene = Scene::start("no", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9);
    let id = scene.request_of(&scene.alias(&model, "champion", &version.version));
    assert_eq!(scene.vote("ruth", &id, "reject").json().unwrap()["state"]["is"], "rejected");
    for _ in 0..2 {
        let refusal = scene.alias(&model, "champion", &version.version);
        contains(&refused(&refusal), &["was refused", "rejected", "final"]);
        assert_eq!(scene.request_of(&refusal), id, "no new request for the same thing");
    }
    assert_eq!(scene.vote("ruth", &id, "approve").status, 409);
    // Something else may be asked for again.
    overwrites(&scene, &model, &version);
    let refusal = eventually(PATIENCE, || {
        let refusal = scene.alias(&model, "champion", &version.version);
        match scene.request_of(&refusal) == id {
            true => Err(anyhow::anyhow!("{}", refusal.text())),
            false => Ok(refusal),
        }
    })
    .unwrap();
    contains(&refused(&refusal), &["is held"]);
    scene.verify();
}

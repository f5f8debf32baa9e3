//! What is live is watched: a tier that moves makes its approval stale, and what nobody signed may be looked at
//! after the fact.

use countersign_tests::stage::eventually;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains, policy, refused};

fn tiered(name: &str) -> String {
    let high = "[[tier]]\nname = \"high\"\nwhen = 'version.tags[\"risk\"] == \"high\"'\n\n[[tier]]";
    let policy = policy(name).replacen("[[tier]]", high, 1);
    policy + "\n  [gate.approvals.high]\n  seats = { risk = 1 }\n"
}

/// The low tier asks nobody, and all of it is looked at.
fn sampled(name: &str) -> String {
    tiered(name).replacen("  seats = { risk = 1 }\n", "  sample = \"1 in 1\"\n  sample_seat = \"risk\"\n", 1)
}

/// Running, and looking at the registry all the time.
fn watching(name: &str, policy: fn(&str) -> String) -> Scene {
    let mut scene = Scene::before(countersign_tests::mlflow::shared().unwrap().port(), name, policy);
    scene.reconfigure("[reconcile]\n", "[facts]\nmax_age = \"200ms\"\n\n[reconcile]\n");
    scene.host.start().unwrap();
    scene
}

/// On MLflow's own port, as somebody does who goes round us.
fn tag(scene: &Scene, model: &str, version: &str, risk: &str) {
    let tag = json!({"name": model, "version": version, "key": "risk", "value": risk});
    scene.round("POST", "model-versions/set-tag", &tag);
}

fn is_soon(scene: &Scene, id: &str, standing: &str) -> Value {
    eventually(PATIENCE, || {
        let shown = scene.read(&format!("requests/{id}"));
        anyhow::ensure!(shown["standing"] == standing, "{shown}");
        Ok(shown)
    })
    .unwrap()
}

#[test]
fn the_tier_of_a_live_version_drifts_and_comes_back() {
    let scene = watching("drift", tiered);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    assert_eq!(is_soon(&scene, &id, "active")["gates"][0]["tier_facts"][0]["fact"], "version.tags[\"risk\"]");

    tag(&scene, &model, &version, "high");
    let shown = is_soon(&scene, &id, "stale");
    contains(
        shown["headline"].as_str().unwrap(),
        &["stale", "its tier is `high` now", "version.tags[\"risk\"] was nothing and is \"high\""],
    );
    let renewal = shown["drift"]["renewal"].as_str().unwrap();
    assert_eq!(scene.read(&format!("requests/{renewal}"))["state"]["is"], "in-review");
    let status = scene.read(&format!("models/{model}/versions/{version}"));
    assert_eq!(status["holds"][0]["drift"]["to"], "high", "{status}");
    contains(
        &refused(&scene.alias(&model, "champion", &version)),
        &["is held", "The approval that it had is stale"],
    );

    tag(&scene, &model, &version, "low");
    is_soon(&scene, &id, "active");
    assert_eq!(scene.read(&format!("requests/{renewal}"))["state"]["is"], "superseded");
    let told = |kind: &str| scene.of_kind(kind).into_iter().filter(|e| e["live"]["model"] == *model).count();
    assert_eq!((told("tier-drift"), told("tier-restored")), (1, 1));
    scene.verify();
}

#[test]
fn a_sample_that_is_objected_to_is_suspended_and_can_be_resumed() {
    let scene = watching("sample", sampled);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200, "nobody signs it");
    let id = eventually(PATIENCE, || {
        let listed = scene.read(&format!("requests?model={model}&state=applied"));
        let id = listed["requests"][0]["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| anyhow::anyhow!("{listed}"))
    })
    .unwrap();
    let say = |who: &str, path: &str, body: Value| {
        let path = format!("/_countersign/api/v1/requests/{id}/{path}");
        scene.call(who, "POST", &path, Some(&body))
    };
    let word = json!({"word": "object", "rationale": "no data sheet"});
    assert_eq!(say("ana", "sample", word.clone()).status, 403, "it is her own");
    let objected = say("ruth", "sample", word);
    assert_eq!(objected.json().unwrap()["standing"], "suspended", "{}", objected.text());
    contains(&refused(&scene.alias(&model, "champion", &version)), &["its approval is suspended"]);
    let resumed = say("ruth", "resume", json!({"reason": "the data sheet is there"}));
    assert_eq!(resumed.json().unwrap()["standing"], "active", "{}", resumed.text());
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    assert_eq!(say("ruth", "revoke", json!({"reason": "not licensed"})).status, 200);
    contains(&refused(&scene.alias(&model, "champion", &version)), &["revoked", "final"]);
    scene.verify();
}

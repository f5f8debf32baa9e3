//! Approvals run out, and what is promoted is taken back: with the real MLflow.

use countersign_tests::http;
use countersign_tests::http::Response;
use countersign_tests::stage::eventually;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains, policy, refused};

/// Versions with the tag `short` are approved for some seconds, and version 1 takes their place.
fn short_lived(name: &str) -> String {
    let tiers = "[[tier]]\nname = \"short\"\nwhen = '\"short\" in version.tags'\n\n[[tier]]\nname = \"low\"";
    let policy = policy(name).replacen("[[tier]]\nname = \"low\"", tiers, 1);
    let policy = policy.replacen("mode = \"enforce\"", "mode = \"enforce\"\non_expiry = { fallback = 1 }", 1);
    format!("{policy}\n  [gate.approvals.short]\n  seats = {{ risk = 1 }}\n  expires = \"12s\"\n")
}

/// Gives the request; none where the approvals of an earlier one still stand.
fn promote(scene: &Scene, model: &str, version: &str) -> String {
    let asked = scene.alias(model, "champion", version);
    if asked.status == 200 {
        return String::new();
    }
    let id = scene.request_of(&asked);
    allow(scene, &id);
    let answer = scene.alias(model, "champion", version);
    assert_eq!(answer.status, 200, "{}", answer.text());
    id
}

fn allow(scene: &Scene, id: &str) {
    let answer = scene.vote("ruth", id, "approve");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn an_alias_falls_back_when_its_approval_has_run_out() {
    let mut scene = Scene::before(countersign_tests::mlflow::shared().unwrap().port(), "expiry", short_lived);
    scene.configure("[schedule]\ninterval = \"300ms\"\n");
    scene.host.start().unwrap();
    let model = scene.model("a");
    let first = scene.register(&model, 0.9).version;
    promote(&scene, &model, &first);
    let second = scene.register(&model, 0.91).version;
    let tag = json!({"name": model, "version": second, "key": "short", "value": "yes"});
    scene.post("model-versions/set-tag", &tag);
    let id = promote(&scene, &model, &second);
    assert_eq!(scene.holder(&model, "champion").as_deref(), Some(second.as_str()));
    scene.awaits("falling-back", &[&id]);
    eventually(PATIENCE, || {
        let shown = scene.read(&format!("requests/{id}"));
        anyhow::ensure!(shown["fallback"]["is"] == "moved", "{shown}");
        Ok(())
    })
    .unwrap();
    assert_eq!(scene.holder(&model, "champion"), Some(first));
    let shown = scene.read(&format!("requests/{id}"));
    assert_eq!((&shown["state"]["is"], &shown["standing"]), (&json!("expired"), &json!("expired")));
    contains(shown["headline"].as_str().unwrap(), &["has run out", "went back to version 1"]);
    contains(&refused(&scene.alias(&model, "champion", &second)), &["is held", "1 signature from seat risk"]);
    scene.verify();
}

fn call(scene: &Scene, method: &str, path: &str, body: &Value) -> Response {
    scene.call("ana", method, &format!("/api/2.0/mlflow/{path}"), Some(body))
}

#[test]
fn what_takes_something_back_waits_for_the_people_of_its_gate() {
    let scene = Scene::start("taken", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let renamed = scene.model("b");
    let calls: [(&str, &str, Value); 5] = [
        ("DELETE", "registered-models/alias", json!({"name": model, "alias": "champion"})),
        (
            "POST",
            "model-versions/transition-stage",
            json!({"name": model, "version": version, "stage": "Archived"}),
        ),
        ("POST", "registered-models/rename", json!({"name": model, "new_name": renamed})),
        ("DELETE", "model-versions/delete", json!({"name": renamed, "version": version})),
        ("DELETE", "registered-models/delete", json!({"name": renamed})),
    ];
    for (method, path, body) in calls {
        let name = body["name"].as_str().unwrap();
        if path.ends_with("transition-stage") {
            let to = json!({"name": name, "version": version, "stage": "Production"});
            allow(&scene, &scene.request_of(&call(&scene, "POST", path, &to)));
            assert_eq!(call(&scene, "POST", path, &to).status, 200);
        } else if path == "registered-models/delete" {
            let second = scene.register(name, 0.9).version;
            promote(&scene, name, &second);
        } else if scene.holder(name, "champion").is_none() {
            promote(&scene, name, &version);
        }
        let held = call(&scene, method, path, &body);
        contains(&refused(&held), &["is held", "1 signature from seat risk"]);
        let id = scene.request_of(&held);
        assert_eq!(scene.request_of(&call(&scene, method, path, &body)), id, "{path}");
        allow(&scene, &id);
        let answer = call(&scene, method, path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "applied", "{path}");
    }
    let path = format!("/api/2.0/mlflow/registered-models/get?name={renamed}");
    assert_eq!(http::request("GET", &path).send(scene.mlflow).unwrap().status, 404);
    scene.verify();
    assert_eq!(scene.of_kind("bypassed"), Vec::<Value>::new());
}

/// What is said of a champion waits, too.
fn talkative(name: &str) -> String {
    let held = "changes = { tags = \"hold\", description = \"hold\", model_tags = \"hold\", model_description = \"hold\" }";
    policy(name).replacen("mode = \"enforce\"", &format!("mode = \"enforce\"\n{held}"), 1)
}

#[test]
fn what_is_said_of_a_champion_waits_for_the_people_of_its_gate() {
    let scene = Scene::start("said", talkative);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    promote(&scene, &model, &version);
    let calls: [(&str, &str, Value, &str); 4] = [
        (
            "POST",
            "model-versions/set-tag",
            json!({"name": model, "version": version, "key": "risk", "value": "low"}),
            "tag risk",
        ),
        (
            "PATCH",
            "model-versions/update",
            json!({"name": model, "version": version, "description": "better"}),
            "description",
        ),
        (
            "POST",
            "registered-models/set-tag",
            json!({"name": model, "key": "owner", "value": "ana"}),
            "model tag owner",
        ),
        (
            "PATCH",
            "registered-models/update",
            json!({"name": model, "description": "scores"}),
            "model description",
        ),
    ];
    for (method, path, body, fact) in calls {
        let id = scene.request_of(&call(&scene, method, path, &body));
        let writes = scene.read(&format!("requests/{id}"))["writes"].clone();
        assert_eq!((&writes[0]["fact"], &writes[0]["was"]), (&json!(fact), &Value::Null), "{path}");
        allow(&scene, &id);
        let answer = call(&scene, method, path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "applied", "{path}");
    }
    let path = format!("/api/2.0/mlflow/registered-models/get?name={model}");
    let found =
        http::request("GET", &path).send(scene.mlflow).unwrap().json().unwrap()["registered_model"].clone();
    assert_eq!((&found["description"], &found["tags"][0]["value"]), (&json!("scores"), &json!("ana")));
    scene.verify();
}

#[test]
fn whoever_deletes_a_model_asks_for_all_that_it_holds() {
    let scene = Scene::start("whole", policy);
    let model = scene.model("a");
    let first = scene.register(&model, 0.9).version;
    let to = json!({"name": model, "version": first, "stage": "Production"});
    allow(&scene, &scene.request_of(&call(&scene, "POST", "model-versions/transition-stage", &to)));
    assert_eq!(call(&scene, "POST", "model-versions/transition-stage", &to).status, 200);
    let second = scene.register(&model, 0.91).version;
    promote(&scene, &model, &second);
    let body = json!({"name": model});
    let held = call(&scene, "DELETE", "registered-models/delete", &body);
    contains(&refused(&held), &["version 1 and version 2 are promoted"]);
    let id = scene.request_of(&held);
    assert_eq!(scene.read(&format!("requests/{id}"))["also"][0]["version"], json!(second));
    allow(&scene, &id);
    assert_eq!(call(&scene, "DELETE", "registered-models/delete", &body).status, 200);
    scene.verify();
    assert_eq!(scene.of_kind("bypassed"), Vec::<Value>::new());
}

/// As [`short_lived`], for a stage that its version leaves.
fn leaving(name: &str) -> String {
    short_lived(name).replacen("{ fallback = 1 }", "{ stage = \"Archived\" }", 1)
}

#[test]
fn a_version_leaves_its_stage_when_its_approval_has_run_out() {
    let mut scene = Scene::before(countersign_tests::mlflow::shared().unwrap().port(), "leaves", leaving);
    scene.configure("[schedule]\ninterval = \"300ms\"\n");
    scene.host.start().unwrap();
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let tag = json!({"name": model, "version": version, "key": "short", "value": "yes"});
    scene.post("model-versions/set-tag", &tag);
    let to = json!({"name": model, "version": version, "stage": "Production"});
    let id = scene.request_of(&call(&scene, "POST", "model-versions/transition-stage", &to));
    allow(&scene, &id);
    assert_eq!(call(&scene, "POST", "model-versions/transition-stage", &to).status, 200);
    scene.awaits("falling-back", &[&id, "Archived"]);
    eventually(PATIENCE, || {
        let shown = scene.read(&format!("requests/{id}"));
        let fallback = &shown["fallback"];
        // Where it leaves for is said before MLflow is asked.
        anyhow::ensure!(fallback["is"] == "moved" && fallback["leaves_for"] == "Archived", "{shown}");
        Ok(())
    })
    .unwrap();
    let path = format!("/api/2.0/mlflow/model-versions/get?name={model}&version={version}");
    let found = http::request("GET", &path).send(scene.mlflow).unwrap().json().unwrap();
    assert_eq!(found["model_version"]["current_stage"], "Archived");
    scene.verify();
    assert_eq!(scene.of_kind("bypassed"), Vec::<Value>::new());
}

#[test]
fn an_apply_compares_what_the_stage_holds() {
    let scene = Scene::start("swap", policy);
    let model = scene.model("a");
    let (first, second) = (scene.register(&model, 0.9).version, scene.register(&model, 0.91).version);
    let to = json!({"name": model, "version": first, "stage": "Production"});
    let id = scene.request_of(&call(&scene, "POST", "model-versions/transition-stage", &to));
    allow(&scene, &id);
    let round = json!({"name": model, "version": second, "stage": "Production"});
    scene.round("POST", "model-versions/transition-stage", &round);
    let path = format!("/_countersign/api/v1/requests/{id}/apply");
    let late = scene.call("ana", "POST", &path, None);
    assert_eq!(late.status, 409, "{}", late.text());
    contains(&late.text(), &["held nothing when this was reviewed", "holds version 2 now"]);
}

#[test]
fn checks_run_again_only_where_what_they_read_has_changed() {
    let scene = Scene::start("again", policy);
    let model = scene.model("a");
    let registered = scene.register(&model, 0.9);
    let id = scene.request_of(&scene.alias(&model, "champion", &registered.version));
    allow(&scene, &id);
    let runs = || scene.of_kind("check-run").len();
    let renew = || {
        let path = format!("/_countersign/api/v1/requests/{id}/renew");
        assert_eq!(scene.call("ana", "POST", &path, None).status, 200);
        scene.read(&format!("requests/{id}/difference"))["changes"].clone()
    };
    assert_eq!(renew(), json!([]));
    let before = runs();
    assert_eq!((renew(), runs()), (json!([]), before));
    let metric = json!({"run_id": registered.run_id, "key": "auc", "value": 0.95, "timestamp": 2});
    scene.post("runs/log-metric", &metric);
    let changed = renew();
    assert_eq!(runs(), before + 1);
    contains(&changed.to_string(), &["metric auc", "0.9\"", "0.95"]);
}

//! What MLflow tells us, what others pretend that it tells us, and what nobody tells us: the reconciler's work.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_tests::http::{self, Response};
use countersign_tests::stage::eventually;
use jiff::Timestamp;
use ring::hmac;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, policy, policy_without_people, unique};

const PATH: &str = "/_countersign/api/v1/webhooks/mlflow";

struct Delivery {
    id: String,
    timestamp: i64,
    secret: String,
    body: Vec<u8>,
}

impl Delivery {
    fn of(scene: &Scene, body: &[u8]) -> Self {
        let config = std::fs::read_to_string(scene.host.workdir().config()).unwrap();
        let secret = config.split("secret = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let timestamp = Timestamp::from_second(now()).unwrap().as_second();
        Self { id: unique("delivery"), timestamp, secret: secret.to_owned(), body: body.to_vec() }
    }

    fn send(&self, scene: &Scene) -> Response {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signed = [format!("{}.{}.", self.id, self.timestamp).as_bytes(), &self.body].concat();
        let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)));
        let request = http::request("POST", PATH)
            .header("X-MLflow-Delivery-Id", &self.id)
            .header("X-MLflow-Timestamp", &self.timestamp.to_string())
            .header("X-MLflow-Signature", &signature);
        request
            .header("Content-Type", "application/json")
            .body(self.body.clone())
            .send(scene.host.port())
            .unwrap()
    }
}

/// In seconds since 1970, from the file system: the one clock that tests may read.
fn now() -> i64 {
    let file = tempfile::tempfile().unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    i64::try_from(written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn created(model: &str) -> Vec<u8> {
    let data = json!({"name": model, "version": "1", "source": "x", "run_id": null, "tags": {}, "description": null});
    json!({"entity": "model_version", "action": "created", "timestamp": "2026-01-01T00:00:00Z", "data": data})
        .to_string()
        .into_bytes()
}

#[test]
fn deliveries() {
    let scene = Scene::start("hooks", policy);
    let model = scene.model("a");
    let good = || Delivery::of(&scene, &created(&model));
    let unknown = json!({"entity": "prompt", "action": "born", "timestamp": "x", "data": {}}).to_string();
    let cases: Vec<(&str, Delivery, u16, &str)> = vec![
        ("good", good(), 200, "\"repeated\":false"),
        ("signature", Delivery { secret: "wrong".to_owned(), ..good() }, 401, "signature"),
        ("old", Delivery { timestamp: now() - 3600, ..good() }, 401, "clock"),
        ("from the future", Delivery { timestamp: now() + 3600, ..good() }, 401, "clock"),
        ("unknown event", Delivery::of(&scene, unknown.as_bytes()), 200, "\"repeated\":false"),
        ("not JSON", Delivery::of(&scene, b"{"), 400, "webhook"),
        ("no object", Delivery::of(&scene, b"[]"), 400, "webhook"),
        ("nothing", Delivery::of(&scene, b""), 400, "webhook"),
        ("huge", Delivery::of(&scene, &vec![b' '; 3 << 20]), 400, "limit"),
    ];
    for (what, delivery, status, word) in cases {
        let answer = delivery.send(&scene);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.text().contains(word), "{what}: {}", answer.text());
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        }
    }
    let again = good();
    assert!(again.send(&scene).text().contains("\"repeated\":false"));
    assert!(again.send(&scene).text().contains("\"repeated\":true"));
    let bare = http::request("POST", PATH).body(created(&model)).send(scene.host.port()).unwrap();
    assert!((400..500).contains(&bare.status), "{}", bare.text());
    assert_eq!(http::request("GET", PATH).send(scene.host.port()).unwrap().status, 405);
}

#[test]
fn a_version_that_appears_is_checked_before_anybody_asks() {
    // The reconciler comes much later: only the webhook can tell.
    let mut scene = Scene::before(countersign_tests::mlflow::shared().unwrap().port(), "tells", policy);
    scene.reconfigure("interval = \"2s\"", "interval = \"10m\"");
    scene.host.start().unwrap();
    scene.host.does(&["webhook", "register"], None).unwrap();
    let again = scene.host.does(&["webhook", "register"], None).unwrap();
    assert!(!again.trim().is_empty());
    let model = scene.model("a");
    let run = scene.logged(0.5);
    scene.round("POST", "registered-models/create", &json!({ "name": model }));
    let body = json!({"name": model, "source": run.source, "run_id": run.run_id});
    scene.round("POST", "model-versions/create", &body);
    let ran = scene.awaits("check-run", &[&model, "metric-threshold"]);
    assert_eq!(ran["conclusion"], "fail", "{ran}");
    let status = scene.read(&format!("models/{model}/versions/1"));
    assert_eq!(status["check_runs"][0]["plugin"], "metric-threshold", "{status}");
    unhook(&scene);
}

/// The MLflow is shared and outlives this Countersign.
fn unhook(scene: &Scene) {
    let url = scene.host.workdir().url();
    let listed = http::request("GET", "/api/2.0/mlflow/webhooks").send(scene.mlflow).unwrap().json().unwrap();
    for hook in listed["webhooks"].as_array().unwrap() {
        if hook["url"].as_str().is_some_and(|at| at.starts_with(&url)) {
            let path = format!("/api/2.0/mlflow/webhooks/{}", hook["webhook_id"].as_str().unwrap());
            assert_eq!(http::request("DELETE", &path).send(scene.mlflow).unwrap().status, 200);
        }
    }
}

fn stage(scene: &Scene, model: &str, version: &str, stage: &str) -> Value {
    let body = json!({"name": model, "version": version, "stage": stage, "archive_existing_versions": false});
    scene.round("POST", "model-versions/transition-stage", &body)
}

#[test]
fn what_moves_past_us_is_recorded() {
    let scene = Scene::start("moves", policy_without_people);
    let model = scene.model("a");
    let (first, second) = (scene.register(&model, 0.9).version, scene.register(&model, 0.9).version);
    assert_eq!(scene.alias(&model, "champion", &first).status, 200);

    let moved = json!({"name": model, "alias": "champion", "version": second});
    scene.round("POST", "registered-models/alias", &moved);
    let bypass = scene.awaits("bypassed", &["alias:champion", &model]);
    assert_eq!((&bypass["was"], &bypass["is"]), (&json!(first), &json!(second)), "{bypass}");
    let shown = scene.read(&format!("models/{model}/versions/{second}"));
    assert_eq!(shown["holds"][0]["bypassed"], true, "{shown}");

    scene.round("DELETE", "registered-models/alias", &json!({"name": model, "alias": "champion"}));
    scene.awaits("bypassed", &["alias:champion", "\"is\":null"]);

    stage(&scene, &model, &first, "Production");
    scene.awaits("bypassed", &["stage:Production"]);

    let promoted = format!("prod.{model}");
    scene.round("POST", "registered-models/create", &json!({ "name": promoted }));
    let run = scene.logged(0.5);
    scene.round(
        "POST",
        "model-versions/create",
        &json!({"name": promoted, "source": run.source, "run_id": run.run_id}),
    );
    scene.awaits("bypassed", &["version", &promoted]);

    // Each once, however often the reconciler looks, and none for what is not governed.
    scene.round("POST", "registered-models/alias", &json!({"name": model, "alias": "dev", "version": first}));
    std::thread::sleep(std::time::Duration::from_secs(5));
    let all = scene.of_kind("bypassed");
    assert_eq!(all.len(), 4, "{all:?}");
    scene.verify();
}

#[test]
fn what_a_wider_policy_finds_is_no_bypass() {
    let scene = Scene::start("wider", |name| policy_without_people(name).replace("champion", "gold"));
    let model = scene.model("a");
    let version = scene.register(&model, 0.5).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let narrow = scene.read("policy")["digest"].clone();
    scene.write_policy(&policy_without_people(&scene.name));
    eventually(PATIENCE, || match scene.read("policy")["digest"] == narrow {
        true => Err(anyhow::anyhow!("the old policy is in force")),
        false => Ok(()),
    })
    .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(scene.of_kind("bypassed"), Vec::<Value>::new());
    scene.round("DELETE", "registered-models/alias", &json!({"name": model, "alias": "champion"}));
    scene.awaits("bypassed", &["alias:champion"]);
}

#[test]
fn a_bypass_is_put_back_where_the_policy_says_so() {
    let scene = Scene::start("back", |name| {
        policy_without_people(name)
            .replace("mode = \"enforce\"", "mode = \"enforce\"\non_bypass = \"revert\"")
    });
    let model = scene.model("a");
    let (first, second) = (scene.register(&model, 0.9).version, scene.register(&model, 0.5).version);
    assert_eq!(scene.alias(&model, "champion", &first).status, 200);
    let done = scene.of_kind("outcome").len();
    for _ in 0..2 {
        let moved = json!({"name": model, "alias": "champion", "version": second});
        scene.round("POST", "registered-models/alias", &moved);
        back_to(&scene, &model, &first);
        scene.round("DELETE", "registered-models/alias", &json!({"name": model, "alias": "champion"}));
        back_to(&scene, &model, &first);
    }
    std::thread::sleep(std::time::Duration::from_secs(3));
    let (bypasses, intents, outcomes) =
        (scene.of_kind("bypassed").len(), scene.of_kind("intent"), scene.of_kind("outcome"));
    assert_eq!((bypasses, intents.len(), outcomes.len()), (4, done + 4, done + 4));
    assert_eq!(intents.last().unwrap()["by"], Value::Null, "nobody asked for it");
    assert_eq!(outcomes.last().unwrap()["result"]["result"], "applied");
    let shown = scene.read(&format!("models/{model}/versions/{first}"));
    assert_eq!(shown["holds"][0]["bypassed"], false, "{shown}");
    scene.verify();
}

fn back_to(scene: &Scene, model: &str, version: &str) {
    eventually(PATIENCE, || match scene.holder(model, "champion") {
        Some(holder) if holder == version => Ok(()),
        other => Err(anyhow::anyhow!("the champion is {other:?}")),
    })
    .unwrap();
}

#[test]
fn what_was_there_before_us_is_no_bypass() {
    let earlier = Scene::start("base", |name| policy(name).replace("\"enforce\"", "\"off\""));
    let model = earlier.model("a");
    let version = earlier.register(&model, 0.5).version;
    assert_eq!(earlier.alias(&model, "champion", &version).status, 200);
    stage(&earlier, &model, &version, "Production");

    // Another Countersign, with an empty store, whose gates cover the same models.
    let scene = Scene::start("late", |_| policy(&earlier.name));
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(scene.of_kind("bypassed"), Vec::<Value>::new());
    let shown = scene.read(&format!("models/{model}/versions/{version}"));
    let names: Vec<_> = shown["holds"].as_array().unwrap().iter().map(|held| held["name"].clone()).collect();
    assert_eq!(names, ["alias:champion", &format!("stage:Production:{version}")], "{shown}");
    scene.round("DELETE", "registered-models/alias", &json!({"name": model, "alias": "champion"}));
    scene.awaits("bypassed", &["alias:champion"]);
}

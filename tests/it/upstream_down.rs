//! MLflow away: before we start, while we run, and between an intent and its outcome.

use std::time::Duration;

use countersign_tests::mlflow::Mlflow;
use countersign_tests::stage::eventually;
use countersign_tests::venv::Venv;
use countersign_tests::{http, mlflow};
use serde_json::{Value, json};

use crate::scene::relay::{Cut, Relay};
use crate::scene::{PATIENCE, Registered, Scene, contains, policy, policy_without_people, refused};

const READ: &str = "/api/2.0/mlflow/registered-models/search";

/// MLflow's error form with a 502: its client says what it says, and so do its pages.
fn reads_fail(scene: &Scene) {
    let answer = scene.call("ana", "GET", READ, None);
    assert_eq!(answer.status, 502, "{}", answer.text());
    let body = answer.json().unwrap();
    assert_eq!(body["error_code"], "TEMPORARILY_UNAVAILABLE", "{body}");
    contains(body["message"].as_str().unwrap(), &["Countersign", "MLflow"]);
}

#[test]
fn an_mlflow_that_dies_and_comes_back() {
    let venv = Venv::for_tests().unwrap();
    let port = http::free_port().unwrap();
    // Countersign is first.
    let mut scene = Scene::before(port, "down", policy);
    scene.host.start().unwrap();
    reads_fail(&scene);
    eventually(PATIENCE, || match scene.readiness()["upstream"]["reachable"] {
        Value::Bool(false) => Ok(()),
        _ => Err(anyhow::anyhow!("{}", scene.readiness())),
    })
    .unwrap();
    let refusal = refused(&scene.alias(&scene.model("a"), "champion", "1"));
    contains(&refusal, &["Countersign did not carry this out", "MLflow"]);

    let dir = scene.dir().join("mlflow");
    let mut upstream = Mlflow::launch_on(port, &venv, &dir, &[], &[]).unwrap();
    upstream.wait(|_| ()).unwrap();
    assert_eq!(scene.call("ana", "GET", READ, None).status, 200);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let refusal = scene.alias(&model, "champion", &version);
    contains(&refused(&refusal), &["is held", "ruth"]);
    assert_eq!(scene.vote("ruth", &scene.request_of(&refusal), "approve").status, 200);

    upstream.kill().unwrap();
    reads_fail(&scene);
    // 403, which MLflow's client shows at once: it repeats 429 and 5xx for minutes.
    contains(&refused(&scene.alias(&model, "champion", &version)), &["Countersign", "MLflow"]);
    scene.host.kill_and_start().unwrap();
    contains(&refused(&scene.alias(&model, "champion", &version)), &["Countersign", "MLflow"]);

    let mut upstream = Mlflow::launch_on(port, &venv, &dir, &[], &[]).unwrap();
    upstream.wait(|_| ()).unwrap();
    let answer = scene.alias(&model, "champion", &version);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(scene.holder(&model, "champion"), Some(version));
    scene.verify();
}

/// Before the shared MLflow, with a wire that can be cut.
fn wired(name: &str, policy: impl Fn(&str) -> String) -> (Relay, Scene) {
    let relay = Relay::to(mlflow::shared().unwrap().port());
    let mut scene = Scene::before(relay.port, name, policy);
    scene.mlflow = mlflow::shared().unwrap().port();
    scene.host.start().unwrap();
    (relay, scene)
}

/// Sends the governed write, waits until it is on the wire, and kills Countersign there.
fn killed_between_intent_and_outcome(relay: &Relay, scene: &mut Scene, cut: Cut, model: &str, version: &str) {
    relay.cut(cut);
    relay.sent();
    let body = json!({"name": model, "alias": "champion", "version": version});
    let call = scene.request("ana", "POST", "/api/2.0/mlflow/registered-models/alias", Some(&body));
    let port = scene.host.port();
    let sending = std::thread::spawn(move || call.send(port).is_err());
    eventually(PATIENCE, || match relay.saw_alias() {
        true => Ok(()),
        false => Err(anyhow::anyhow!("the write is not on its way")),
    })
    .unwrap();
    if cut == Cut::Answer {
        eventually(PATIENCE, || match scene.holder(model, "champion") {
            Some(holder) if holder == version => Ok(()),
            other => Err(anyhow::anyhow!("{other:?}")),
        })
        .unwrap();
    }
    scene.host.kill().unwrap();
    assert!(sending.join().unwrap(), "the client got an answer");
    relay.cut(Cut::Nowhere);
}

fn approved(scene: &Scene, model: &str) -> (Registered, String) {
    let registered = scene.register(model, 0.9);
    let id = scene.request_of(&scene.alias(model, "champion", &registered.version));
    assert_eq!(scene.vote("ruth", &id, "approve").json().unwrap()["state"]["is"], "approved");
    (registered, id)
}

#[test]
fn an_orphan_is_resolved_against_the_registry() {
    for (cut, found, state) in
        [(Cut::Answer, "found-applied", "applied"), (Cut::Request, "found-not-applied", "approved")]
    {
        let (relay, mut scene) = wired("orphan", policy);
        let model = scene.model("a");
        let (registered, id) = approved(&scene, &model);
        killed_between_intent_and_outcome(&relay, &mut scene, cut, &model, &registered.version);
        // Long enough that a reconciler would have its doubts.
        std::thread::sleep(Duration::from_millis(2500));
        scene.host.start().unwrap();
        let outcome = scene.awaits("outcome", &[found]);
        let intent = scene.of_kind("intent").pop().unwrap();
        assert_eq!(outcome["intent"], intent["id"]);
        assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], state);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(scene.of_kind("bypassed"), Vec::<Value>::new(), "it was ours");
        let answer = scene.alias(&model, "champion", &registered.version);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "applied");
        assert_eq!(scene.holder(&model, "champion"), Some(registered.version));
        scene.verify();
    }
}

#[test]
fn an_orphan_whose_model_is_gone_stops_nobody() {
    let (relay, mut scene) = wired("gone", policy_without_people);
    let (gone, kept) = (scene.model("gone"), scene.model("kept"));
    let (first, second) = (scene.register(&gone, 0.9), scene.register(&kept, 0.9));
    killed_between_intent_and_outcome(&relay, &mut scene, Cut::Answer, &gone, &first.version);
    scene.round("DELETE", "registered-models/delete", &json!({ "name": gone }));
    scene.host.start().unwrap();
    scene.awaits("outcome", &["found-not-applied"]);
    killed_between_intent_and_outcome(&relay, &mut scene, Cut::Answer, &kept, &second.version);
    scene.host.start().unwrap();
    scene.awaits("outcome", &["found-applied"]);
    scene.verify();
}

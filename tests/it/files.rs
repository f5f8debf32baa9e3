//! Files under what is promoted, with the real MLflow: a folder is asked for, written for a while, and looked at again.

use countersign_tests::http::Response;
use countersign_tests::stage::eventually;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Registered, Scene, contains, policy, refused};

/// Long enough for a few writes.
fn brief(name: &str) -> String {
    policy(name).replacen("mode = \"enforce\"", "mode = \"enforce\"\nartifact_window = \"12s\"", 1)
}

fn scene(name: &str) -> Scene {
    let mut scene = Scene::before(countersign_tests::mlflow::shared().unwrap().port(), name, brief);
    scene.configure("[schedule]\ninterval = \"300ms\"\n");
    scene.host.start().unwrap();
    scene
}

fn send(scene: &Scene, method: &str, path: &str, bytes: &[u8]) -> Response {
    scene.request("ana", method, path, None).body(bytes.to_vec()).send(scene.host.port()).unwrap()
}

/// The champion and the request that made it one.
fn champion(scene: &Scene) -> (Registered, String) {
    let model = scene.model("a");
    let registered = scene.register(&model, 0.9);
    let id = scene.request_of(&scene.alias(&model, "champion", &registered.version));
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &registered.version).status, 200);
    (registered, id)
}

fn beside(registered: &Registered, name: &str) -> String {
    registered.file.replace("MLmodel", name)
}

#[test]
fn files_of_a_champion_change_only_in_a_window_and_undermine_it() {
    let scene = scene("window");
    let (registered, promoted) = champion(&scene);
    let held = send(&scene, "PUT", &registered.file, b"flavors: {other: {}}\n");
    contains(&refused(&held), &["Change artifacts of", "1 signature from seat risk", "for 12s"]);
    let id = scene.request_of(&held);
    assert_eq!(scene.request_of(&send(&scene, "PUT", &beside(&registered, "data.bin"), b"data")), id);
    let parts =
        beside(&registered, "").replacen("mlflow-artifacts/artifacts/", "mlflow-artifacts/mpu/create/", 1);
    let create = json!({"path": "big.bin", "num_parts": 2});
    let multipart = || scene.call("ana", "POST", parts.trim_end_matches('/'), Some(&create));
    assert_eq!(scene.request_of(&multipart()), id, "an upload in parts is one of them");
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    let answer = send(&scene, "PUT", &registered.file, b"flavors: {other: {}}\n");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_ne!(multipart().status, 403, "MLflow's own answer: its local store knows no parts");
    // Much more than is buffered anywhere: it goes through as it comes.
    let answer = send(&scene, "PUT", &beside(&registered, "data.bin"), &vec![7_u8; 24 << 20]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let closed = scene.awaits("window-closed", &[&id]);
    assert_eq!(closed["changed"].as_array().map(Vec::len), Some(1), "{closed}");
    let after = send(&scene, "PUT", &registered.file, b"flavors: {}\n");
    assert_ne!(scene.request_of(&after), id);
    let intents = scene.of_kind("intent").into_iter().filter(|intent| intent["request"] == json!(id));
    let in_window: Vec<bool> = intents.map(|intent| intent["in_window"] == true).collect();
    assert_eq!(in_window, [false, true, true], "one intent a write");
    eventually(PATIENCE, || {
        let shown = scene.read(&format!("requests/{promoted}"));
        anyhow::ensure!(shown["flags"]["stale"] == true, "{shown}");
        let changes = scene.read(&format!("requests/{promoted}/difference"))["changes"].clone();
        let facts: Vec<&Value> = changes.as_array().unwrap().iter().map(|change| &change["fact"]).collect();
        anyhow::ensure!(facts == ["file MLmodel", "file data.bin"], "{changes}");
        Ok(())
    })
    .unwrap();
    let model = scene.model("a");
    contains(
        &refused(&scene.alias(&model, "champion", &registered.version)),
        &["1 signature from seat risk"],
    );
    scene.verify();
}

#[test]
fn a_url_that_nobody_sees_used_is_given_to_nobody() {
    let scene = scene("presign");
    let (registered, _) = champion(&scene);
    let body = json!({"run_id": registered.run_id, "path": "model/MLmodel"});
    let asked = scene.call("ana", "POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", Some(&body));
    contains(&refused(&asked), &["presigned URL", "upload them through Countersign"]);
    assert_eq!(asked.json().unwrap()["countersign"]["request_id"], Value::Null);
    let upload =
        format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={}&path=model/x.txt", registered.run_id);
    contains(&refused(&send(&scene, "POST", &upload, b"x")), &["of run", "is held"]);
    let removed = send(&scene, "DELETE", &registered.file, b"");
    let id = scene.request_of(&removed);
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    let answer = send(&scene, "DELETE", &registered.file, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    scene.verify();
}

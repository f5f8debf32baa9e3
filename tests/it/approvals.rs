//! Approvals before a real MLflow: evidence first, Countersign applies, what moved meanwhile, an account that wrote files.

use countersign_tests::mlflow;
use countersign_tests::stage::eventually;
use serde_json::{Value, json};

use crate::scene::{PATIENCE, Scene, contains, policy, refused};

const API: &str = "/_countersign/api/v1";

/// Votes wait for evidence, and the last one makes the change.
fn strict(name: &str) -> String {
    let text = policy(name).replace("mode = \"enforce\"", "mode = \"enforce\"\non_approval = \"apply\"");
    format!("{text}  evidence_first = true\n")
}

#[test]
fn evidence_first_and_the_last_vote_applies() {
    let scene = Scene::start("strict", strict);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    let early = scene.vote("ruth", &id, "approve");
    assert_eq!(early.status, 409, "{}", early.text());
    contains(&early.text(), &["have not opened the findings of metric-threshold"]);
    scene.awaits("review-refused", &[&id, "cannot vote yet"]);
    let path = format!("{API}/requests/{id}/evidence/metric-threshold");
    let opened = scene.call("ruth", "POST", &path, None);
    assert_eq!(opened.json().unwrap()["check_runs"][0]["plugin"], "metric-threshold", "{}", opened.text());
    let voted = scene.vote("ruth", &id, "approve").json().unwrap();
    assert_eq!(voted["state"]["is"], "applied", "{voted}");
    assert!(voted["reviews"][0]["looked_for"].as_i64().is_some(), "{voted}");
    assert_eq!(scene.holder(&model, "champion"), Some(version));
    scene.verify();
}

#[test]
fn what_moved_meanwhile_is_not_applied_over() {
    let scene = Scene::start("moved", policy);
    let model = scene.model("a");
    let (first, second) = (scene.register(&model, 0.9).version, scene.register(&model, 0.95).version);
    let id = scene.request_of(&scene.alias(&model, "champion", &second));
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    let moved = json!({"name": model, "alias": "champion", "version": first});
    scene.round("POST", "registered-models/alias", &moved);
    let apply = || scene.call("ana", "POST", &format!("{API}/requests/{id}/apply"), None);
    let refused = apply();
    assert_eq!(refused.status, 409, "{}", refused.text());
    contains(&refused.text(), &["held nothing", "holds version 1"]);
    assert_eq!(scene.holder(&model, "champion"), Some(first));
    let renewed = scene.call("ana", "POST", &format!("{API}/requests/{id}/renew"), None);
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert_eq!(apply().json().unwrap()["state"]["is"], "applied");
    assert_eq!(scene.holder(&model, "champion"), Some(second));
}

#[test]
fn who_wrote_its_files_does_not_sign_it() {
    let scene = Scene::start("files", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9);
    let put = scene.request("ruth", "PUT", &version.file, None).body(b"flavors: {python: {}}\n".to_vec());
    assert_eq!(put.send(scene.host.port()).unwrap().status, 200);
    let id = scene.request_of(&scene.alias(&model, "champion", &version.version));
    let voted = scene.vote("ruth", &id, "approve");
    assert_eq!(voted.status, 403, "{}", voted.text());
    contains(&voted.text(), &["they last changed what is reviewed"]);
    let shown: Value = scene.read(&format!("requests/{id}"));
    assert_eq!(shown["authors"]["writers"].as_array().map(Vec::len), Some(2), "{shown}");
}

/// Two signatures, by ruth and rosa.
fn by_two(name: &str) -> (Scene, String, String) {
    let mut scene = Scene::before(mlflow::shared().unwrap().port(), name, |name| {
        policy(name).replace("[\"ruth\"]", "[\"ruth\", \"rosa\"]").replace("risk = 1", "risk = 2")
    });
    let rosa = scene.host.add_user("rosa", Some("rosa reads some reports")).unwrap();
    scene.tokens.insert("rosa", rosa);
    scene.host.start().unwrap();
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    (scene, version, id)
}

/// Whoever comes second by a hair is told to look again, and is heard then.
#[test]
fn two_reviewers_at_once_are_both_heard() {
    let (scene, version, id) = by_two("both");
    let heard = |who: &'static str| {
        let (scene, id) = (&scene, &id);
        move || loop {
            match scene.vote(who, id, "approve").status {
                409 => {}
                status => return status,
            }
        }
    };
    let answers = std::thread::scope(|threads| {
        let (ruth, rosa) = (threads.spawn(heard("ruth")), threads.spawn(heard("rosa")));
        (ruth.join().unwrap(), rosa.join().unwrap())
    });
    assert_eq!(answers, (200, 200));
    let shown = scene.read(&format!("requests/{id}"));
    assert_eq!(
        (shown["reviews"].as_array().map(Vec::len), &shown["state"]["is"]),
        (Some(2), &json!("approved"))
    );
    assert_eq!(scene.of_kind("reviewed").len(), 2);
    assert_eq!(scene.alias(&scene.model("a"), "champion", &version).status, 200);
    scene.verify();
}

#[test]
fn who_has_left_before_the_write_no_longer_counts() {
    let (scene, version, id) = by_two("left");
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.vote("rosa", &id, "approve").json().unwrap()["state"]["is"], "approved");
    scene.host.does(&["user", "remove", "rosa"], None).unwrap();
    eventually(PATIENCE, || match scene.call("rosa", "GET", "/_countersign/api/v1/me", None).status {
        401 => Ok(()),
        status => Err(anyhow::anyhow!("rosa still gets {status}")),
    })
    .unwrap();
    let model = scene.model("a");
    contains(
        &refused(&scene.alias(&model, "champion", &version)),
        &["is held", "1 signature from seat risk"],
    );
    let apply = scene.call("ana", "POST", &format!("{API}/requests/{id}/apply"), None);
    assert_eq!(apply.status, 409, "{}", apply.text());
    assert_eq!(scene.holder(&model, "champion"), None);
    scene.verify();
}

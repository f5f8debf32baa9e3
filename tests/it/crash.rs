//! SIGKILL at any moment: what was acknowledged is there afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_tests::http::Request;
use serde_json::json;

use crate::scene::{Scene, policy};

/// Kills, and how long the server works before each, in milliseconds: at the start, in the middle, anywhere.
const KILLS: [u64; 7] = [40, 1500, 15, 400, 150, 900, 80];

/// The story's gate for `champion`, and one without people for `shadow`.
fn gates(name: &str) -> String {
    let gate = format!(
        "\n[[gate]]\nname = \"shadow\"\nmode = \"enforce\"\nmodels = [\"{name}*\"]\nguards = [{{ alias = \"shadow-*\" }}]\n"
    );
    policy(name) + &gate
}

/// Sends one request after the other until the server is gone; gives what was answered with 200.
fn works(
    port: u16,
    over: &AtomicBool,
    mut next: impl FnMut(usize) -> (String, Request),
    from: usize,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in from.. {
        let (what, request) = next(number);
        match request.send(port) {
            Ok(answer) if answer.status == 200 => acknowledged.push(what),
            // The very answer may be what the kill has cut.
            _ if over.load(Ordering::SeqCst) => break,
            Ok(answer) => panic!("{what}: {} {}", answer.status, answer.text()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost() {
    let mut scene = Scene::start("crash", gates);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let request = scene.request_of(&scene.alias(&model, "champion", &version));
    let (mut aliases, mut comments) = (Vec::new(), Vec::new());
    for (round, millis) in KILLS.into_iter().enumerate() {
        let over = AtomicBool::new(false);
        let port = scene.host.port();
        let digest = scene.read(&format!("requests/{request}"))["subject_digest"].clone();
        let alias_call = |number: usize| {
            let alias = format!("shadow-{round}-{number}");
            let body = json!({"name": model, "alias": alias, "version": version});
            let call = scene.request("ana", "POST", "/api/2.0/mlflow/registered-models/alias", Some(&body));
            (alias, call)
        };
        let comment_call = |number: usize| {
            let said = format!("comment {round}-{number}");
            let body = json!({"vote": "comment", "rationale": said, "subject_digest": digest});
            let path = format!("/_countersign/api/v1/requests/{request}/reviews");
            (said, scene.request("ruth", "POST", &path, Some(&body)))
        };
        let pid = scene.host.pid().unwrap().to_string();
        std::thread::scope(|threads| {
            let first = threads.spawn(|| works(port, &over, alias_call, 0));
            let second = threads.spawn(|| works(port, &over, comment_call, 0));
            std::thread::sleep(Duration::from_millis(millis));
            over.store(true, Ordering::SeqCst);
            crate::scene::signal("KILL", &pid);
            aliases.extend(first.join().unwrap());
            comments.extend(second.join().unwrap());
        });
        scene.host.kill_and_start().unwrap();
        holds(&scene, &model, &request, &aliases, &comments);
    }
    assert!(aliases.len() > 2 && comments.len() > 1, "{aliases:?} {comments:?}");
    scene.verify();
}

fn holds(scene: &Scene, model: &str, request: &str, aliases: &[String], comments: &[String]) {
    scene.verify();
    let shown = scene.read(&format!("requests/{request}"))["reviews"].to_string();
    for said in comments {
        assert!(shown.contains(&format!("\"{said}\"")), "`{said}` was acknowledged: {shown}");
    }
    let intents: BTreeSet<String> = scene
        .of_kind("intent")
        .iter()
        .filter_map(|intent| {
            intent["placed"]["action"].to_string().split("shadow-").nth(1).map(str::to_owned)
        })
        .map(|rest| format!("shadow-{}", rest.split('"').next().unwrap_or_default()))
        .collect();
    for alias in aliases {
        assert!(intents.contains(alias), "the ledger has no intent for {alias}: {intents:?}");
        assert!(scene.holder(model, alias).is_some(), "{alias}");
    }
}

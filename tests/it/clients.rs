//! Every request that MLflow's own client and pages send is understood.

use countersign_core::classify::CanonicalBody;
use serde::Deserialize;
use serde_json::Value;

use crate::fate::{Fate, fate};

/// Written by `tests/python/client_requests.py`.
const CLIENT: &str = include_str!("../fixtures/client-requests-3.17.2.jsonl");
/// Taken from a browser and from the source of MLflow's pages.
const PAGES: &str = include_str!("../fixtures/ui-requests-3.17.2.jsonl");

#[derive(Debug, Deserialize)]
struct Sent {
    call: String,
    method: String,
    target: String,
    content_type: Option<String>,
    body: Option<String>,
}

fn sent() -> Vec<Sent> {
    CLIENT.lines().chain(PAGES.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whether the call may go by ungoverned.
fn is_open(call: &str) -> bool {
    ["log_metric", "log_batch", "set_tag", "delete_run"].contains(&call)
        || call.contains("logged_model")
        || call.contains("get_latest_versions")
}

fn check(sent: &Sent) {
    let headers: Vec<(String, String)> =
        sent.content_type.iter().map(|value| ("content-type".to_owned(), value.clone())).collect();
    let body = sent.body.clone().unwrap_or_default();
    match fate(&sent.method, &sent.target, &headers, body.as_bytes()) {
        Fate::Governed(classified) => match classified.canonical.body {
            CanonicalBody::Json(bytes) => check_kept(sent, &serde_json::from_slice(&bytes).unwrap()),
            CanonicalBody::Empty => assert!(sent.body.is_none(), "{sent:?}"),
            CanonicalBody::AsSent => assert!(sent.target.contains("artifact"), "{sent:?}"),
        },
        Fate::Passes | Fate::Watched(_) if is_open(&sent.call) || sent.target.contains("get-latest-versions") => {}
        other => panic!("{sent:?}: {other:?}"),
    }
}

/// What is sent on says the same as what came, but for the version that a removed alias had.
fn check_kept(sent: &Sent, canonical: &Value) {
    let mut given: Value = serde_json::from_str(sent.body.as_deref().unwrap()).unwrap();
    if sent.method == "DELETE" && sent.target.ends_with("/alias") {
        given.as_object_mut().unwrap().remove("version");
    }
    if sent.target.ends_with("/transition-stage") {
        assert!(canonical["stage"].as_str().unwrap().eq_ignore_ascii_case(given["stage"].as_str().unwrap()));
        given["stage"] = canonical["stage"].clone();
    }
    assert_eq!(&given, canonical, "{sent:?}");
}

#[test]
fn what_clients_send_is_understood() {
    let sent = sent();
    assert!(sent.len() > 60, "the fixtures are short: {}", sent.len());
    sent.iter().for_each(check);
}

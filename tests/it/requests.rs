//! Bodies, ids and routes that make no sense, and many who ask for the same thing at once.

use std::collections::BTreeSet;

use countersign_tests::http;
use serde_json::{Value, json};

use crate::scene::{Scene, contains, policy};

const API: &str = "/_countersign/api/v1";
const NO_REQUEST: &str = "/requests/00000000-0000-7000-8000-000000000000";

/// RFC 9457, with a sentence.
fn problem(answer: &http::Response, status: u16, what: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {}", answer.text());
    let body = answer.json().unwrap();
    assert_eq!(body["status"], status, "{what}: {body}");
    assert!(body["title"].as_str().is_some_and(|t| !t.is_empty()), "{what}: {body}");
    assert!(body["detail"].as_str().is_some_and(|t| !t.is_empty()), "{what}: {body}");
    body
}

#[test]
fn our_api_names_what_it_cannot_take() {
    let scene = Scene::start("api", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    let digest = scene.read(&format!("requests/{id}"))["subject_digest"].clone();
    let (review, unknown) = (format!("/requests/{id}/reviews"), format!("{NO_REQUEST}/reviews"));
    let vote = |vote: &str, rationale: &str, digest: &Value| {
        json!({"vote": vote, "rationale": rationale, "subject_digest": digest}).to_string()
    };
    let cases: Vec<(&str, &str, String, u16, &str)> = vec![
        ("GET", "/nothing", String::new(), 404, ""),
        ("GET", "/requests/not-an-id", String::new(), 404, "not-an-id"),
        ("GET", NO_REQUEST, String::new(), 404, "there is no request"),
        ("GET", "/requests?state=open&colour=red", String::new(), 400, "colour"),
        ("GET", "/requests?limit=many", String::new(), 400, "limit"),
        ("GET", "/ledger/entries?from=-1", String::new(), 400, "from"),
        ("GET", "/ledger/proof?index=999999999", String::new(), 404, ""),
        ("GET", "/ledger/proof", String::new(), 400, "index"),
        ("GET", "/models/none/versions/0", String::new(), 404, "`0`"),
        ("GET", "/models/none/versions/one", String::new(), 404, "`one`"),
        ("DELETE", "/requests", String::new(), 405, ""),
        ("POST", &review, String::new(), 400, ""),
        ("POST", &review, "{".to_owned(), 400, ""),
        ("POST", &review, "[]".to_owned(), 400, ""),
        ("POST", &review, vote("maybe", "x", &digest), 400, "maybe"),
        ("POST", &review, vote("approve", "   ", &digest), 400, "rationale"),
        ("POST", &review, vote("approve", "x", &json!("sha256:12")), 400, ""),
        (
            "POST",
            &review,
            vote("approve", "x", &json!(format!("sha256:{}", "0".repeat(64)))),
            409,
            "has changed",
        ),
        ("POST", &review, "{\"vote\":\"approve\",\"votes\":1}".to_owned(), 400, "votes"),
        ("POST", &unknown, vote("approve", "x", &digest), 404, "there is no request"),
        ("POST", "/requests", "{\"action\":{\"kind\":\"fly\"}}".to_owned(), 400, "fly"),
        ("POST", &review, vote("comment", &"x".repeat(3 << 20), &digest), 400, "limit"),
    ];
    for (method, path, body, status, word) in cases {
        let what = format!("{method} {path} {}", body.chars().take(80).collect::<String>());
        let request = http::request(method, &format!("{API}{path}")).bearer(scene.token("ruth"));
        let request = request.header("Content-Type", "application/json").body(body.into_bytes());
        let said = problem(&request.send(scene.host.port()).unwrap(), status, &what);
        contains(&said.to_string(), &[word]);
    }
    // A body that is not said to be JSON.
    let request = http::request("POST", &format!("{API}{review}")).bearer(scene.token("ruth"));
    let request = request.body(vote("approve", "x", &digest).into_bytes());
    let said = problem(&request.send(scene.host.port()).unwrap(), 400, "no content type");
    contains(&said.to_string(), &["application/json"]);
    let bare = http::request("GET", &format!("{API}/me")).send(scene.host.port()).unwrap();
    problem(&bare, 401, "nobody");
    assert_eq!(scene.read(&format!("requests/{id}"))["reviews"], json!([]));
}

#[test]
fn a_governed_write_that_cannot_be_read_is_refused() {
    let scene = Scene::start("bodies", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let twice = format!(r#"{{"name":"{model}","alias":"dev","alias":"champion","version":"{version}"}}"#);
    let deep = "[".repeat(100_000);
    let long =
        json!({"name": model, "alias": "champion", "version": version, "x": "x".repeat(2 << 20)}).to_string();
    for body in ["", "{", "[]", "null", "{\"name\":1}", "\u{feff}{}", &twice, &deep, &long] {
        let what: String = body.chars().take(60).collect();
        let request =
            http::request("POST", "/api/2.0/mlflow/registered-models/alias").bearer(scene.token("ana"));
        let request = request.header("Content-Type", "application/json").body(body.as_bytes().to_vec());
        let answer = request.send(scene.host.port()).unwrap();
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        let said = answer.json().unwrap();
        assert_eq!(said["error_code"], "INVALID_PARAMETER_VALUE", "{what}: {said}");
        assert!(said["message"].as_str().is_some_and(|text| text.len() > 20), "{what}: {said}");
    }
    assert_eq!(scene.holder(&model, "champion"), None);
    assert_eq!((scene.of_kind("refused").len(), scene.of_kind("intent").len()), (0, 0));
    // Versions and models that are not there.
    let none = scene.model("none");
    for (of, number) in [(&model, "77"), (&none, "1")] {
        let answer = scene.alias(of, "champion", number);
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert_eq!(answer.json().unwrap()["error_code"], "RESOURCE_DOES_NOT_EXIST");
        contains(&answer.text(), &["version ", number, of]);
    }
}

#[test]
fn many_who_ask_at_once_open_one_request() {
    let scene = Scene::start("many", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let ids: BTreeSet<String> = std::thread::scope(|threads| {
        let call = || scene.request_of(&scene.alias(&model, "champion", &version));
        let asking: Vec<_> = (0..16).map(|_| threads.spawn(call)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(scene.of_kind("request-opened").len(), 1);
    let listed = scene.read(&format!("requests?model={model}"));
    assert_eq!(listed["requests"].as_array().map(Vec::len), Some(1), "{listed}");

    // And many who make the approved call: each is answered, each effect is in the ledger.
    let id = ids.first().unwrap();
    assert_eq!(scene.vote("ruth", id, "approve").status, 200);
    let answers: Vec<u16> = std::thread::scope(|threads| {
        let call = || scene.alias(&model, "champion", &version).status;
        let asking: Vec<_> = (0..8).map(|_| threads.spawn(call)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // MLflow itself answers 400 when its database meets two first aliases at once: forwarded, refused, recorded.
    let made = answers.iter().filter(|status| [200, 400].contains(*status)).count();
    assert!(
        answers.contains(&200) && answers.iter().all(|status| [200, 400, 403].contains(status)),
        "{answers:?}"
    );
    assert_eq!(scene.of_kind("intent").len(), made);
    assert_eq!(scene.of_kind("outcome").len(), made);
    assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "applied");
    decisions_have_pages(&scene);
    scene.verify();
}

/// One at a time or all at once: the same decisions, newest first.
fn decisions_have_pages(scene: &Scene) {
    let all = scene.read("decisions?limit=200")["decisions"].as_array().cloned().unwrap();
    let (mut paged, mut from) = (Vec::new(), String::new());
    loop {
        let page = scene.read(&format!("decisions?limit=1{from}"));
        paged.extend(page["decisions"].as_array().cloned().unwrap());
        match page["next"].as_u64() {
            Some(next) => from = format!("&from={next}"),
            None => break,
        }
    }
    assert!(all.len() > 2 && paged == all, "{} {}", paged.len(), all.len());
}

//! Who comes in, as whom, and what MLflow never gets to see of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_tests::actor::Actor;
use countersign_tests::http::{self, Request, Response};
use countersign_tests::mlflow;
use countersign_tests::venv::Venv;
use serde_json::json;

use crate::scene::relay::Relay;
use crate::scene::{Scene, contains, policy, refused};

mod accounts;

const READ: &str = "/api/2.0/mlflow/registered-models/search";
const PASSWORD: &str = "ruth reads every report";

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn sent(scene: &Scene, request: &Request) -> Response {
    request.send(scene.host.port()).unwrap()
}

/// MLflow's error form, and what a client needs to ask its user.
fn unauthorized(answer: &Response, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Basic realm="), "{what}: {challenge}");
    let body = answer.json().unwrap();
    assert_eq!(body["error_code"], "UNAUTHENTICATED", "{what}: {body}");
    assert!(body["message"].as_str().is_some_and(|text| text.len() > 20), "{what}: {body}");
}

#[test]
fn credentials() {
    let scene = Scene::start("who", policy);
    let (ana, ruth) = (scene.token("ana").to_owned(), scene.token("ruth").to_owned());
    let cases: Vec<(&str, Option<String>, u16)> = vec![
        ("none", None, 401),
        ("a token", Some(format!("Bearer {ana}")), 200),
        ("a name and a password", Some(basic("ruth", PASSWORD)), 200),
        ("a name and its token", Some(basic("ruth", &ruth)), 200),
        ("a name and another's token", Some(basic("ruth", &ana)), 401),
        ("the word token and a token", Some(basic("token", &ana)), 401),
        ("a wrong password", Some(basic("ruth", "guess")), 401),
        ("nobody", Some(basic("rosa", PASSWORD)), 401),
        ("a machine's password", Some(basic("ana", "")), 401),
        ("a wrong token", Some("Bearer cs_wrong".to_owned()), 401),
        ("a changed token", Some(format!("Bearer {}x", ana)), 401),
        ("another scheme", Some("Negotiate abc".to_owned()), 401),
        ("broken base64", Some("Basic ???".to_owned()), 401),
        ("nothing after the scheme", Some("Bearer ".to_owned()), 401),
    ];
    for (what, credentials, status) in cases {
        for path in [READ, "/ajax-api/2.0/mlflow/registered-models/search", "/_countersign/api/v1/me"] {
            let request = http::request("GET", path);
            let request = match &credentials {
                Some(value) => request.header("Authorization", value),
                None => request,
            };
            let answer = sent(&scene, &request);
            let what = format!("{what}, {path}");
            match status {
                401 if path != "/_countersign/api/v1/me" => unauthorized(&answer, &what),
                _ => assert_eq!(answer.status, status, "{what}: {}", answer.text()),
            }
        }
    }
    let alias = json!({"name": "x", "alias": "champion", "version": "1"});
    unauthorized(
        &sent(&scene, &http::request("POST", "/api/2.0/mlflow/registered-models/alias").json(&alias)),
        "write",
    );
    for open in ["/health", "/version"] {
        assert_eq!(sent(&scene, &http::request("GET", open)).status, 200, "{open}");
    }
    scene.host.does(&["user", "remove", "ana"], None).unwrap();
    let gone = http::request("GET", READ).bearer(&ana);
    countersign_tests::stage::eventually(crate::scene::PATIENCE, || match sent(&scene, &gone).status {
        401 => Ok(()),
        other => Err(anyhow::anyhow!("{other}")),
    })
    .unwrap();
}

#[test]
fn anonymous_reads_where_the_operator_allows_them() {
    let mut scene = Scene::before(mlflow::shared().unwrap().port(), "open", policy);
    scene.reconfigure("mode = \"local\"", "mode = \"local\"\nanonymous = \"read\"");
    scene.host.start().unwrap();
    assert_eq!(sent(&scene, &http::request("GET", READ)).status, 200);
    let model = json!({"name": scene.model("a")});
    for path in ["registered-models/create", "registered-models/alias", "runs/create"] {
        let path = format!("/api/2.0/mlflow/{path}");
        unauthorized(&sent(&scene, &http::request("POST", &path).json(&model)), &path);
    }
    // Whoever says who they are must be who they say.
    unauthorized(
        &sent(&scene, &http::request("GET", READ).header("Authorization", &basic("ruth", "guess"))),
        "wrong",
    );
}

#[test]
fn nobody_signs_where_nobody_has_a_name() {
    let mut scene = Scene::before(mlflow::shared().unwrap().port(), "none", policy);
    scene.reconfigure("mode = \"local\"", "mode = \"none\"");
    scene.host.start().unwrap();
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let refusal = scene.alias(&model, "champion", &version);
    contains(&refused(&refusal), &["is held"]);
    let id = scene.request_of(&refusal);
    let answer = scene.vote("ruth", &id, "approve");
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(scene.read(&format!("requests/{id}"))["reviews"], json!([]));
    let page = sent(&scene, &http::request("GET", &format!("/_countersign/requests/{id}")));
    assert_eq!(page.status, 200);
    assert_eq!(scene.holder(&model, "champion"), None);
}

/// A form as a browser of this host sends it.
fn form(path: &str, body: &str) -> Request {
    let request = http::request("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
    request.body(body.as_bytes().to_vec())
}

/// Signs ruth in at the login page; gives her cookie.
fn signed_in(scene: &Scene) -> String {
    let body = format!("name=ruth&password={}&next=%2Fx", PASSWORD.replace(' ', "+"));
    let answer =
        sent(scene, &form("/_countersign/login", &body).header("Origin", &scene.host.workdir().url()));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/x")), "{}", answer.text());
    let cookie = answer.header("set-cookie").unwrap();
    contains(cookie, &["HttpOnly", "SameSite=", "Path=/"]);
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn a_browser_signs_in_comes_back_and_signs_out() {
    let scene = Scene::start("cookie", policy);
    let html = "text/html,application/xhtml+xml;q=0.9";
    for path in ["/", "/_countersign/", "/_countersign/requests/7?tab=all"] {
        let answer = sent(&scene, &http::request("GET", path).header("Accept", html));
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        let encoded = path.replace('?', "%3F").replace('=', "%3D");
        assert_eq!(answer.header("location"), Some(&*format!("/_countersign/login?next={encoded}")));
    }
    let origin = scene.host.workdir().url();
    let wrong =
        sent(&scene, &form("/_countersign/login", "name=ruth&password=guess").header("Origin", &origin));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    contains(&wrong.text(), &["<form"]);
    let elsewhere =
        form("/_countersign/login", &format!("name=ruth&password={}", PASSWORD.replace(' ', "+")));
    assert_eq!(sent(&scene, &elsewhere.header("Origin", "http://evil.example")).header("set-cookie"), None);
    let away = format!("name=ruth&password={}&next=%2F%2Fevil.example", PASSWORD.replace(' ', "+"));
    let answer = sent(&scene, &form("/_countersign/login", &away).header("Origin", &origin));
    assert_eq!(answer.header("location"), Some("/_countersign/"));

    let cookie = signed_in(&scene);
    let read = || http::request("GET", READ).header("Cookie", &cookie);
    assert_eq!(sent(&scene, &read()).status, 200);
    let out = form("/_countersign/logout", "").header("Cookie", &cookie);
    let forged = sent(&scene, &out.clone().header("Origin", "http://evil.example"));
    assert_eq!(forged.header("set-cookie"), None, "{forged:?}");
    assert_eq!(sent(&scene, &read()).status, 200, "another site cannot sign her out");
    let answer = sent(&scene, &out.header("Origin", &origin));
    contains(answer.header("set-cookie").unwrap(), &["Max-Age=0"]);
    unauthorized(&sent(&scene, &read()), "the cookie that was signed out");
    let changed = cookie.replacen("=", "=x", 1);
    unauthorized(&sent(&scene, &http::request("GET", READ).header("Cookie", &changed)), "a changed cookie");
}

#[test]
fn another_sites_form_changes_nothing() {
    let scene = Scene::start("forged", policy);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    let digest = scene.read(&format!("requests/{id}"))["subject_digest"].as_str().unwrap().to_owned();
    let cookie = signed_in(&scene);
    let origin = scene.host.workdir().url();
    let vote = json!({"vote": "approve", "rationale": "forged", "subject_digest": digest});
    let review = format!("vote=approve&rationale=forged&subject_digest={digest}");
    let api = format!("/_countersign/api/v1/requests/{id}");
    let page = format!("/_countersign/requests/{id}");
    let dev = json!({"name": model, "alias": "dev", "version": version});
    let attempts = || {
        vec![
            http::request("POST", &format!("{api}/reviews")).json(&vote),
            http::request("POST", &format!("{api}/withdraw")),
            http::request("POST", &format!("{api}/renew")),
            form(&format!("{page}/reviews"), &review),
            form(&format!("{page}/withdraw"), ""),
            http::request("POST", "/ajax-api/2.0/mlflow/registered-models/alias").json(&dev),
        ]
    };
    let liars: [&[(&str, &str)]; 5] = [
        &[("Origin", "http://evil.example")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &origin)],
        &[],
    ];
    for headers in liars {
        for attempt in attempts() {
            let with = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
            let request = headers.iter().fold(attempt.header("Cookie", &cookie), with);
            let answer = sent(&scene, &request);
            assert_eq!(answer.status, 403, "{headers:?} {request:?}: {}", answer.text());
        }
    }
    assert_eq!(scene.read(&format!("requests/{id}"))["reviews"], json!([]));
    assert_eq!(scene.holder(&model, "dev"), None);
    // The same form from our own page counts.
    let own = form(&format!("{page}/reviews"), &review).header("Cookie", &cookie).header("Origin", &origin);
    let answer = sent(&scene, &own);
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(scene.read(&format!("requests/{id}"))["state"]["is"], "approved");
}

#[test]
fn mlflow_never_sees_our_credentials() {
    let relay = Relay::to(mlflow::shared().unwrap().port());
    let mut scene = Scene::before(relay.port, "secret", policy);
    scene.host.start().unwrap();
    let cookie = signed_in(&scene);
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "dev", &version).status, 200);
    let id = scene.request_of(&scene.alias(&model, "champion", &version));
    assert_eq!(scene.vote("ruth", &id, "approve").status, 200);
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    let ways = [
        http::request("GET", READ).header("Authorization", &basic("ruth", PASSWORD)),
        http::request("GET", READ).header("Cookie", &format!("theme=dark; {cookie}; lang=en")),
        http::request("GET", READ).bearer(scene.token("ruth")),
    ];
    for way in ways {
        assert_eq!(sent(&scene, &way).status, 200);
    }
    let seen = relay.sent();
    contains(&seen, &["registered-models/alias", "champion", "theme=dark", "lang=en"]);
    assert!(!seen.to_ascii_lowercase().contains("\nauthorization:"), "{seen}");
    let value = cookie.split_once('=').unwrap().1;
    for secret in
        [scene.token("ana"), scene.token("ruth"), value, &STANDARD.encode(format!("ruth:{PASSWORD}"))]
    {
        assert!(!seen.contains(secret), "MLflow saw {secret}");
    }
    let log = std::fs::read_to_string(scene.host.workdir().log()).unwrap();
    for secret in [scene.token("ana"), scene.token("ruth"), value, PASSWORD] {
        assert!(!log.contains(secret), "the log has {secret}");
    }
}

/// What a data scientist sees whose token is wrong: at once, and in words.
#[test]
fn a_wrong_token_at_mlflows_own_client() {
    let scene = Scene::start("client", policy);
    let log = scene.dir().join("ana.log");
    let venv = Venv::for_tests().unwrap();
    let mut ana = Actor::start(&venv, "ana", &scene.host.workdir().url(), Some("wrong"), &log).unwrap();
    let reply = ana.ask("versions", &[("model", json!("x"))]).unwrap();
    assert_eq!(reply.error_code.as_deref(), Some("UNAUTHENTICATED"), "{}", reply.message);
    let mut nobody = Actor::start(&venv, "nobody", &scene.host.workdir().url(), None, &log).unwrap();
    let reply = nobody.ask("versions", &[("model", json!("x"))]).unwrap();
    contains(&reply.message, &["UNAUTHENTICATED", "MLFLOW_TRACKING_TOKEN"]);
}

//! The real MLflow, directly and through the proxy: the same status, headers and bytes. And our own calls to it.

use std::collections::BTreeMap;

use base64::Engine;
use countersign::mlflow::client::Probe;
use countersign::mlflow::webhook::{Registered, TOLERANCE, WEBHOOK_NAME, verify};
use countersign::mlflow::{Base, Body, Caller, Canonical, Client, Credentials, Origins, Settings, Upstream};
use countersign_core::names::{Alias, ModelName, Stage, Version, Workspace};
use countersign_core::time::Millis;
use countersign_tests::mlflow::shared;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{origin, proxy, read_until};

const HOP_BY_HOP: [&str; 5] = ["date", "connection", "keep-alive", "transfer-encoding", "te"];

type Answer = (u16, Vec<(String, String)>, Vec<u8>);

async fn ask(base: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = http.request(method.parse().unwrap(), format!("{base}{path}")).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut kept: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()))
        .collect();
    kept.sort();
    (status, kept, response.bytes().await.unwrap().to_vec())
}

async fn same(
    direct: &str,
    through: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let expect = ask(direct, method, path, headers, body).await;
    let got = ask(through, method, path, headers, body).await;
    assert_eq!((got.0, &got.1), (expect.0, &expect.1), "{method} {path}");
    assert!(got.2 == expect.2, "{method} {path}: the bodies differ");
    got
}

fn client(port: u16) -> Client {
    Client::new(&Settings::new(format!("http://127.0.0.1:{port}").parse().unwrap())).unwrap()
}

/// `reqwest` in this test needs the provider that our own client installs.
fn countersign_install_tls() {
    let base: Base = "http://127.0.0.1:1".parse().unwrap();
    Client::new(&Settings::new(base)).unwrap();
}

/// A run with one metric, one file, and a registered version of it. Returns the run's id.
pub(crate) async fn seed(url: &str, model: &str) -> String {
    let post = async |path: &str, body: Value| -> Value {
        let json = [("content-type", "application/json")];
        let (status, _, bytes) =
            ask(url, "POST", &format!("/api/2.0/mlflow/{path}"), &json, body.to_string().as_bytes()).await;
        assert_eq!(status, 200, "{path} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    };
    let run = post("runs/create", json!({"experiment_id": "0", "start_time": 1, "user_id": "ana"})).await;
    let id = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let root = run["run"]["info"]["artifact_uri"].as_str().unwrap().to_owned();
    let metric = json!({"run_id": id, "key": "auc", "value": 0.875, "timestamp": 5, "step": 2});
    post("runs/log-metric", metric).await;
    let path = root.trim_start_matches("mlflow-artifacts:/");
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/{path}/model/MLmodel");
    assert_eq!(ask(url, "PUT", &file, &[], b"flavors: {}\n").await.0, 200);
    post("registered-models/create", json!({"name": model, "description": "ü"})).await;
    let version = json!({"name": model, "source": format!("{root}/model"), "run_id": id});
    post("model-versions/create", version).await;
    post("registered-models/alias", json!({"name": model, "alias": "dev", "version": "1"})).await;
    id
}

fn upstream() -> Upstream {
    let base: Base = shared().unwrap().url().parse().unwrap();
    let origins = Origins::new(&base, Vec::new(), Vec::new());
    Upstream::new(&Settings::new(base.clone()), &base, origins).unwrap()
}

fn caller(peer: &str) -> Caller {
    Caller { peer: peer.parse().unwrap(), peer_is_trusted: false, credentials: Credentials::Keep }
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[tokio::test]
async fn reads_and_errors_are_byte_for_byte_the_same() {
    countersign_install_tls();
    let direct = shared().unwrap().url();
    let through = proxy(shared().unwrap().port()).await.url();
    let model = unique("same");
    let run = seed(&direct, &model).await;
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/model/MLmodel");
    let paths = [
        "/".to_owned(),
        "/health".to_owned(),
        "/version".to_owned(),
        "/models".to_owned(),
        "/static-files/nothing.js".to_owned(),
        "/favicon.ico".to_owned(),
        "/api/3.0/mlflow/server-info".to_owned(),
        "/api/2.0/mlflow/users/current".to_owned(),
        "/api/2.0/mlflow/experiments/get?experiment_id=0".to_owned(),
        "/api/2.0/mlflow/experiments/get?experiment_id=999999".to_owned(),
        "/api/2.0/mlflow/experiments/search".to_owned(),
        format!("/api/2.0/mlflow/registered-models/get?name={model}"),
        format!("/ajax-api/2.0/mlflow/registered-models/get?name={model}"),
        "/api/2.0/mlflow/registered-models/get?name=no%20such%20model".to_owned(),
        "/api/2.0/mlflow/registered-models/get".to_owned(),
        format!("/api/2.0/mlflow/registered-models/search?filter=name%3D%27{model}%27"),
        "/api/2.0/mlflow/registered-models/search?filter=nonsense".to_owned(),
        format!("/api/2.0/mlflow/registered-models/alias?name={model}&alias=dev"),
        format!("/api/2.0/mlflow/registered-models/alias?name={model}&alias=none"),
        format!("/api/2.0/mlflow/registered-models/get-latest-versions?name={model}"),
        format!("/api/2.0/mlflow/model-versions/get?name={model}&version=1"),
        format!("/api/2.0/mlflow/model-versions/get?name={model}&version=2"),
        format!("/api/2.0/mlflow/model-versions/get?name={model}&version=x"),
        format!("/api/2.0/mlflow/model-versions/get-download-uri?name={model}&version=1"),
        format!("/api/2.0/mlflow/model-versions/search?filter=name%3D%27{model}%27"),
        format!("/api/2.0/mlflow/runs/get?run_id={run}"),
        "/api/2.0/mlflow/runs/get?run_id=0".to_owned(),
        format!("/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=auc"),
        format!("/api/2.0/mlflow/artifacts/list?run_id={run}"),
        format!("/api/2.0/mlflow/artifacts/list?run_id={run}&path=model"),
        format!("/api/2.0/mlflow/artifacts/list?run_id={run}&path=..%2F.."),
        format!("/api/2.0/mlflow-artifacts/artifacts?path=0/{run}/artifacts"),
        file.clone(),
        format!("{file}x"),
        "/api/2.0/mlflow-artifacts/artifacts/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "/api//2.0/mlflow/experiments/search".to_owned(),
        "/%61pi/2.0/mlflow/experiments/search".to_owned(),
        format!("/api/2.0/mlflow/runs/get?run_id={}", "x".repeat(14_000)),
    ];
    for path in &paths {
        same(&direct, &through, "GET", path, &[], b"").await;
    }
    for method in ["HEAD", "OPTIONS"] {
        for path in paths.iter().take(20) {
            same(&direct, &through, method, path, &[], b"").await;
        }
    }
    for (name, value) in
        [("range", "bytes=2-5"), ("range", "bytes=900-"), ("accept-encoding", "gzip"), ("if-none-match", "*")]
    {
        same(&direct, &through, "GET", &file, &[(name, value)], b"").await;
    }
    same(&direct, &through, "GET", "/", &[("if-modified-since", "Sun, 22 Nov 2099 20:00:00 GMT")], b"").await;
}

#[tokio::test]
async fn writes_and_their_errors_are_the_same() {
    countersign_install_tls();
    let direct = shared().unwrap().url();
    let through = proxy(shared().unwrap().port()).await.url();
    let model = unique("writes");
    let run = seed(&direct, &model).await;
    let json = [("content-type", "application/json")];
    let tag = json!({"name": model, "key": "k", "value": "ü"}).to_string();
    for (method, path, headers, body) in [
        ("POST", "registered-models/set-tag", &json[..], tag.as_bytes()),
        ("POST", "registered-models/set-tag", &json, b"{"),
        ("POST", "registered-models/set-tag", &json, b""),
        ("POST", "registered-models/set-tag", &[("content-type", "text/plain")], tag.as_bytes()),
        ("POST", "registered-models/set-tag", &[], tag.as_bytes()),
        ("POST", "registered-models/create", &json, json!({"name": model}).to_string().as_bytes()),
        ("POST", "registered-models/create", &json, b"{\"name\": 7}"),
        ("POST", "registered-models/create", &json, b"\xff\xfe"),
        ("POST", "model-versions/create", &json, b"{}"),
        ("POST", "runs/search", &json, json!({"experiment_ids": ["999"]}).to_string().as_bytes()),
        ("POST", "runs/log-batch", &json, json!({"run_id": run}).to_string().as_bytes()),
        ("DELETE", "registered-models/delete", &json, b"{\"name\": \"no such model\"}"),
        (
            "DELETE",
            "registered-models/delete-tag",
            &json,
            json!({"name": model, "key": "z"}).to_string().as_bytes(),
        ),
        ("PATCH", "registered-models/update", &json, b"{}"),
        ("PUT", "registered-models/update", &json, b"{}"),
        ("POST", "no-such-route", &json, b"{}"),
    ] {
        same(&direct, &through, method, &format!("/api/2.0/mlflow/{path}"), headers, body).await;
    }
    let graphql = json!({"query": "{ mlflowGetRun(input: {runId: \"0\"}) { run { info { runId } } } }"});
    same(&direct, &through, "POST", "/graphql", &json, graphql.to_string().as_bytes()).await;
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/some%20%C3%BC.bin");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    same(&direct, &through, "PUT", &file, &[], &bytes).await;
    assert!(same(&direct, &through, "GET", &file, &[], b"").await.2 == bytes);
    let foreign = [("content-type", "application/json"), ("origin", "https://evil.example")];
    let refused = same(&direct, &through, "POST", "/api/2.0/mlflow/runs/search", &foreign, b"{}").await;
    assert_eq!(refused.0, 403);
}

/// MLflow sees a caller on its own host, as it runs on ours: one from elsewhere must still be from elsewhere.
#[tokio::test]
async fn a_remote_caller_is_never_local_to_the_assistant() {
    let upstream = upstream();
    for (peer, claims, refused) in
        [("192.0.2.1", "127.0.0.1", true), ("192.0.2.1", "", true), ("127.0.0.1", "192.0.2.1", false)]
    {
        let request = http::Request::get("/ajax-api/3.0/mlflow/assistant/providers/claude_code/health")
            .header("x-forwarded-for", claims)
            .body(Body::Empty)
            .unwrap();
        let response = upstream.stream(request, &caller(peer)).await.unwrap();
        assert_eq!(response.status().as_u16() == 403, refused, "{peer} {claims} {response:?}");
    }
}

#[tokio::test]
async fn our_own_reads() {
    let mlflow = client(shared().unwrap().port());
    let name = unique("reads");
    let run = seed(&shared().unwrap().url(), &name).await;
    let (workspace, model, one) = (Workspace::new("default"), ModelName::new(name.as_str()), Version::new(1));
    assert_eq!(mlflow.server_version().await.unwrap(), "3.17.2");
    let version = mlflow.version(&workspace, &model, one).await.unwrap();
    assert_eq!((version.run_id.as_str(), version.current_stage.as_str()), (run.as_str(), "None"));
    assert!(version.creation_timestamp > 1_700_000_000_000);
    let error = mlflow.version(&workspace, &model, Version::new(9)).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");

    let dev = mlflow.version_by_alias(&workspace, &model, &Alias::new("dev")).await.unwrap();
    let none = mlflow.version_by_alias(&workspace, &model, &Alias::new("none")).await.unwrap();
    assert_eq!((dev, none), (Some(one), None));
    assert_eq!(mlflow.version_in_stage(&workspace, &model, Stage::Production).await.unwrap(), None);
    assert_eq!(mlflow.version_in_stage(&workspace, &model, Stage::None).await.unwrap(), Some(one));

    let history = mlflow.metric_history(&workspace, &run, "auc").await.unwrap();
    let values: Vec<_> = history.iter().map(|m| (m.value.as_str(), m.step, m.timestamp)).collect();
    assert_eq!(values, [("0.875", 2, 5)]);

    let mut page = None;
    let mut found = Vec::new();
    loop {
        let next = mlflow.search_models(&workspace, page.as_deref()).await.unwrap();
        found.extend(next.items.into_iter().map(|m| m.name));
        page = next.next;
        if page.is_none() {
            break;
        }
    }
    assert!(found.contains(&name));
    assert_eq!(mlflow.current_user(None).await.unwrap(), Probe::NoAccounts);
}

#[tokio::test]
async fn a_governed_write_goes_out_in_our_own_words() {
    let mlflow = shared().unwrap();
    let name = unique("forward");
    countersign_install_tls();
    seed(&mlflow.url(), &name).await;
    let request = Canonical {
        method: http::Method::POST,
        path_and_query: "/api/2.0/mlflow/registered-models/alias".parse().unwrap(),
        content_type: http::HeaderValue::from_static("application/json"),
        body: json!({"name": name, "alias": "champion", "version": "1"}).to_string().into(),
    };
    let mut headers = http::HeaderMap::new();
    for (header, value) in [
        ("content-length", "99999"),
        ("transfer-encoding", "chunked"),
        ("content-encoding", "gzip"),
        ("connection", "content-type"),
    ] {
        headers.insert(header, value.parse().unwrap());
    }
    let response = upstream().forward_canonical(request, &headers, &caller("192.0.2.1")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, &b"{}"[..]));
    let held = client(mlflow.port())
        .version_by_alias(&Workspace::new("default"), &ModelName::new(name), &Alias::new("champion"))
        .await;
    assert_eq!(held.unwrap(), Some(Version::new(1)));
}

#[tokio::test]
async fn our_webhook_is_made_once_and_repaired_and_its_deliveries_verify() {
    let (got, mut deliveries) = tokio::sync::mpsc::unbounded_channel();
    let port = origin(move |mut connection| {
        let got = got.clone();
        async move {
            let head = read_until(&mut connection, "\r\n\r\n").await;
            let length = head.to_ascii_lowercase().split("content-length: ").nth(1).unwrap().to_owned();
            let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
            connection.read_exact(&mut body).await.unwrap();
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            got.send((head, body)).unwrap();
        }
    })
    .await;
    let mlflow = client(shared().unwrap().port());
    let url = format!("http://127.0.0.1:{port}/_countersign/webhooks/mlflow");
    let secret = base64::engine::general_purpose::STANDARD.encode("of this test");

    let Registered::Created(webhook) =
        mlflow.register_webhook("http://127.0.0.1:9/old", &secret).await.unwrap()
    else {
        panic!("somebody else's webhook is called {WEBHOOK_NAME}")
    };
    let repaired = mlflow.register_webhook(&url, &secret).await.unwrap();
    assert!(matches!(repaired, Registered::Repaired(_, ref what) if what == &["url"]), "{repaired:?}");
    let kept = mlflow.register_webhook(&url, &secret).await.unwrap();
    assert!(matches!(kept, Registered::Kept(ref same) if same.webhook_id == webhook.webhook_id), "{kept:?}");
    assert_eq!(mlflow.webhooks().await.unwrap().iter().filter(|w| w.name == WEBHOOK_NAME).count(), 1);

    let result = mlflow.test_webhook(&webhook.webhook_id).await.unwrap();
    assert!(result.success, "{result:?}");
    let (head, body) = deliveries.recv().await.unwrap();
    let lines: BTreeMap<String, String> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut headers = http::HeaderMap::new();
    for (name, value) in &lines {
        headers.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    let sent = Millis::new(lines["x-mlflow-timestamp"].parse::<i64>().unwrap() * 1000);
    let delivery = verify(&headers, &body, &secret, sent, TOLERANCE).unwrap();
    assert_eq!(delivery.id, lines["x-mlflow-delivery-id"]);
    mlflow.delete_webhook(&webhook.webhook_id).await.unwrap();
}

//! Every operation, called by nobody, and by a cookie from another site.

use std::sync::Arc;

use axum::body::Body;
use countersign_core::names::PersonId;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{document, operations};
use crate::app::{App, testing};
use crate::auth::{AuthError, Caller, Identity, Method};
use crate::http::api;
use crate::http::front::Authenticated;

fn session() -> Caller {
    Caller::Known(Identity {
        person: PersonId::new("u_1"),
        name: "ruth".to_owned(),
        machine: false,
        groups: Vec::new(),
        method: Method::Session,
    })
}

/// The call that the document describes, its parameters and its body filled in.
fn call(method: &str, path: &str, operation: &Value) -> Request<Body> {
    let path = path.replace("{id}", "01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d");
    let path = path.replace("{name}", "credit").replace("{version}", "7");
    let path = path.replace("{plugin}", "metric-threshold").replace("{table}", "lead-time");
    let path = path.replace("{index}", "0");
    let path = path.replace("{comment}", "01980000-7a11-7c3e-9d2b-5f0e6a1b2c3d");
    let query = match path.rsplit('/').next() {
        Some("proof") => "?index=0",
        Some("difference") if path.starts_with("/v1/models") => "?against=6",
        _ => "",
    };
    let body = &operation["requestBody"]["content"]["application/json"]["example"];
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder().method(method).uri(format!("{path}{query}"));
    request.header("content-type", "application/json").body(body).unwrap()
}

async fn answer(
    app: &Arc<App>,
    caller: Result<Caller, AuthError>,
    mut call: Request<Body>,
) -> Response<Body> {
    let caller: Authenticated = Arc::new(caller);
    call.extensions_mut().insert(caller);
    call.extensions_mut().insert(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    api::router(Arc::clone(app)).oneshot(call).await.unwrap()
}

async fn problem(response: Response<Body>) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn strangers_are_refused_everywhere() {
    let (app, _files) = testing::app().await;
    let document = document();
    for (method, path, operation) in operations(&document) {
        let here = format!("{method} {path}");
        let anonymous = answer(&app, Ok(Caller::Anonymous), call(&method, &path, operation)).await;
        if operation["security"].as_array().is_some_and(Vec::is_empty) {
            assert_eq!(anonymous.status(), StatusCode::OK, "{here}");
            continue;
        }
        assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED, "{here}");
        assert_eq!(problem(anonymous).await["code"], "unauthenticated", "{here}");
        if path != "/v1/webhooks/mlflow" {
            let wrong = answer(&app, Err(AuthError::Refused), call(&method, &path, operation)).await;
            assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED, "{here}");
            let known = answer(&app, Ok(session()), call(&method, &path, operation)).await;
            assert_ne!(known.status(), StatusCode::UNAUTHORIZED, "{here}");
        }
    }
}

#[tokio::test]
async fn a_cookie_from_another_site_changes_nothing() {
    let (app, _files) = testing::app().await;
    let document = document();
    let changes = operations(&document)
        .into_iter()
        .filter(|(method, path, _)| method == "POST" && path != "/v1/webhooks/mlflow");
    for (method, path, operation) in changes {
        let mut call = call(&method, &path, operation);
        call.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        let refused = answer(&app, Ok(session()), call).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{method} {path}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_too() {
    let (app, _files) = testing::app().await;
    let check = async |method: &str, target: &str, body: &str, expect: StatusCode, part: &str| {
        let request =
            Request::builder().method(method).uri(target).header("content-type", "application/json");
        let request =
            request.header("sec-fetch-site", "same-origin").body(Body::from(body.to_owned())).unwrap();
        let response = answer(&app, Ok(session()), request).await;
        assert_eq!(response.status(), expect, "{method} {target}");
        let detail = problem(response).await["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part), "{method} {target}: {detail}");
    };
    let reviews = "/v1/requests/01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d/reviews";
    check("POST", reviews, "{", StatusCode::BAD_REQUEST, "JSON").await;
    check("POST", reviews, r#"{"vote":"perhaps"}"#, StatusCode::BAD_REQUEST, "perhaps").await;
    check("GET", "/v1/requests?colour=red", "", StatusCode::BAD_REQUEST, "colour").await;
    check("GET", "/v1/requests/7", "", StatusCode::NOT_FOUND, "`7`").await;
    check("GET", "/v1/models/credit/versions/07", "", StatusCode::NOT_FOUND, "`07`").await;
    check("GET", "/v1/models?colour=red", "", StatusCode::BAD_REQUEST, "colour").await;
    check("GET", "/v1/models/credit?versions=1,x", "", StatusCode::NOT_FOUND, "`x`").await;
    check("POST", "/v1/pages/missing", r#"{"hook":"left"}"#, StatusCode::BAD_REQUEST, "left").await;
    check("GET", "/v1/ledger/proof?index=99", "", StatusCode::NOT_FOUND, "no entry 99").await;
    check("DELETE", "/v1/requests", "", StatusCode::METHOD_NOT_ALLOWED, "another method").await;
    check("GET", "/v1/nothing", "", StatusCode::NOT_FOUND, "no such address").await;
}

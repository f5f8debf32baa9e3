//! The form that has the policy's file taken up.

use std::sync::Arc;

use axum::body::Body;
use countersign_core::names::PersonId;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::app::{App, testing};
use crate::auth::{AuthError, Caller, Identity, Method};
use crate::http::front::Authenticated;
use crate::http::site;

const POLICY: &str = "[[seat]]\nname = \"administrator\"\nmembers = [\"ada\"]\n";

/// Status, where it leads, and the page. A browser says from which site a form comes.
async fn ask(app: &Arc<App>, who: &str, (method, path): (&str, &str), from: &str) -> (u16, String, String) {
    let identity = Identity {
        person: PersonId::new(who),
        name: who.to_owned(),
        machine: false,
        groups: Vec::new(),
        method: Method::Session,
    };
    let caller: Result<Caller, AuthError> = Ok(Caller::Known(identity));
    let caller: Authenticated = Arc::new(caller);
    let request = Request::builder().method(method).uri(format!("/_countersign{path}"));
    let mut request = request.header("sec-fetch-site", from).body(Body::empty()).unwrap();
    request.extensions_mut().insert(caller);
    let base = "/_countersign".to_owned();
    let router = axum::Router::new().nest(&base, site::router(Arc::clone(app), base.clone(), None));
    let response = router.oneshot(request).await.unwrap();
    let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, to.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn an_administrator_has_the_file_read_again_and_nobody_else_has() {
    let (app, _, _files) = testing::app_with(POLICY, "http://127.0.0.1:9", &["ada", "ruth"]).await;
    let file = app.generation.load().file.clone();
    let (show, load, ours) = (("GET", "/policy"), ("POST", "/policy/reload"), "same-origin");
    let button = "action=\"/_countersign/policy/reload\"";
    assert!(ask(&app, "ada", show, ours).await.2.contains(button));
    assert!(!ask(&app, "ruth", show, ours).await.2.contains(button));

    std::fs::write(&file, format!("{POLICY}veto = true\n")).unwrap();
    assert_eq!(ask(&app, "ruth", load, ours).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&app, "ada", load, "cross-site").await.0, StatusCode::FORBIDDEN);
    let (status, to, _) = ask(&app, "ada", load, ours).await;
    assert_eq!((status, to.as_str()), (303, "/_countersign/policy?done=loaded"));
    let (_, to, _) = ask(&app, "ada", load, ours).await;
    assert_eq!(to, "/_countersign/policy?done=same");
    let page = ask(&app, "ada", ("GET", "/policy?done=loaded"), ours).await.2;
    assert!(page.contains("The file is in force") && page.contains("asked for by"), "{page}");

    std::fs::write(&file, "[[gate]]\n").unwrap();
    let (status, _, page) = ask(&app, "ada", load, ours).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("A newer file is not in force") && page.contains("policy.toml:"), "{page}");
}

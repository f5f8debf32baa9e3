use super::super::{Databricks, Head, Routed, classify, route};
use crate::action::Action;
use crate::names::{Stage, Version};

fn routed(method: &str, target: &str, prefix: &str) -> Routed {
    route(&Head { method, target, headers: &|_| Vec::new() }, prefix)
}

fn check(method: &str, path: &str, call: &Databricks) {
    for surface in ["/api", "/ajax-api", "/ml/api"] {
        let target = format!("{surface}/2.0/mlflow/{path}");
        assert_eq!(routed(method, &target, "/ml"), Routed::Databricks(call.clone()), "{target}");
    }
}

#[test]
fn what_mlflow_lacks_is_ours() {
    check("POST", "transition-requests/create", &Databricks::CreateRequest);
    check("GET", "transition-requests/list?name=credit&version=1", &Databricks::ListRequests);
    check("POST", "transition-requests/approve", &Databricks::ApproveRequest);
    check("POST", "transition-requests/reject", &Databricks::RejectRequest);
    check("DELETE", "transition-requests/delete?name=credit", &Databricks::DeleteRequest);
    check("POST", "comments/create", &Databricks::CreateComment);
    check("PATCH", "comments/update", &Databricks::UpdateComment);
    check("DELETE", "comments/delete?id=1", &Databricks::DeleteComment);
}

#[test]
fn a_model_is_read_where_mlflow_has_it() {
    let of = |target: &str, prefix: &str| routed("GET", target, prefix);
    let at = |path: &str| Routed::Databricks(Databricks::GetModel { path: path.to_owned() });
    let target = "/api/2.0/mlflow/databricks/registered-models/get";
    assert_eq!(of(target, ""), at("/api/2.0/mlflow/registered-models/get"));
    let under = format!("/databricks{target}");
    assert_eq!(of(&under, "/databricks"), at("/databricks/api/2.0/mlflow/registered-models/get"));
}

/// What no client writes must not reach an upstream that would take it for one of these.
#[test]
fn other_spellings_are_refused() {
    for (method, target) in [
        ("post", "/api/2.0/mlflow/transition-requests/approve"),
        ("POST", "/api/2.0/mlflow//transition-requests/approve"),
        ("POST", "/api/2.0/mlflow/transition%2Drequests/approve"),
        ("PUT", "/api/2.0/mlflow/transition-requests/list"),
        ("POST", "/api/2.0/mlflow/comments/create/"),
        ("POST", "/api/2.0/mlflow/databricks/model-versions/transition-stage/"),
    ] {
        assert!(matches!(routed(method, target, ""), Routed::Refused(_)), "{method} {target}");
    }
}

#[test]
fn a_transition_is_mlflows_own_without_its_comment() {
    let target = "/api/2.0/mlflow/databricks/model-versions/transition-stage";
    let json =
        |name: &str| if name == "content-type" { vec![b"application/json".as_slice()] } else { Vec::new() };
    let head = Head { method: "POST", target, headers: &json };
    let Routed::NeedsBody(found) = route(&head, "") else { panic!("not governed") };
    assert!(found.is_databricks());
    let body = r#"{"name":"credit","version":"3","stage":"Production","archive_existing_versions":true,"comment":"go"}"#;
    let classified = classify(&found, &head, body.as_bytes()).unwrap();
    let (model, version) = ("credit".into(), Version::new(3));
    let action = Action::TransitionStage { model, version, stage: Stage::Production, archive_existing: true };
    assert_eq!(classified.placed.action, action);
    assert_eq!(classified.canonical.path_and_query, "/api/2.0/mlflow/model-versions/transition-stage");
    let super::super::CanonicalBody::Json(sent) = classified.canonical.body else { panic!("no body") };
    let sent = String::from_utf8(sent).unwrap();
    assert!(!sent.contains("comment") && sent.contains("archive_existing_versions"), "{sent}");
}

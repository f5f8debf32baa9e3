mod artifact_paths;
mod laws;

use super::*;
use crate::action::{Action, ArtifactPlace, FileWrite};
use crate::names::{Stage, Version};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// What becomes of a request.
#[derive(Debug, PartialEq)]
enum Fate {
    Passes,
    Watched(Touch),
    Governed(Box<Classified>),
    Refused(&'static str),
}

fn fate(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Fate {
    fate_below("", method, target, headers, body)
}

fn fate_below(prefix: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Fate {
    let values = |name: &str| {
        headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| value.as_bytes()).collect::<Vec<_>>()
    };
    let head = Head { method, target, headers: &values };
    match route(&head, prefix) {
        Routed::PassThrough | Routed::Databricks(_) => Fate::Passes,
        Routed::Watched(touch) => Fate::Watched(touch),
        Routed::Governed(classified) => Fate::Governed(classified),
        Routed::Refused(refusal) => refused(&refusal),
        Routed::NeedsBody(route) => match classify(&route, &head, body) {
            Ok(classified) => Fate::Governed(Box::new(classified)),
            Err(refusal) => refused(&refusal),
        },
    }
}

fn refused(refusal: &Refusal) -> Fate {
    let text = refusal.to_string();
    assert!(text.len() > 20 && !text.contains('\n'), "{text}");
    Fate::Refused(refusal.code())
}

fn action(fate: Fate) -> Action {
    let Fate::Governed(classified) = fate else { panic!("not governed: {fate:?}") };
    classified.placed.action
}

fn api(call: &str) -> String {
    format!("/api/2.0/mlflow/{call}")
}

/// A call with a body that is understood.
fn check(method: &str, call: &str, body: &str, expect: Action) {
    assert_eq!(action(fate(method, &api(call), JSON, body.as_bytes())), expect, "{method} {call} {body}");
    let twin = format!("/ajax-api/2.0/mlflow/{call}");
    assert_eq!(action(fate(method, &twin, JSON, body.as_bytes())), expect, "{method} {twin} {body}");
}

/// A setting of an alias that is spelt in an odd way.
fn check_alias(body: impl AsRef<[u8]>, code: &'static str) {
    let found = fate("POST", &api("registered-models/alias"), JSON, body.as_ref());
    assert_eq!(found, Fate::Refused(code), "{}", String::from_utf8_lossy(body.as_ref()));
}

fn credit() -> (crate::names::ModelName, Version) {
    ("credit".into(), Version::new(3))
}

#[test]
fn calls_on_versions() {
    let (model, version) = credit();
    check(
        "POST",
        "registered-models/alias",
        r#"{"name":"credit","alias":"champion","version":"3"}"#,
        Action::SetAlias { model: model.clone(), alias: "champion".into(), version },
    );
    check(
        "DELETE",
        "registered-models/alias",
        r#"{"name":"credit","alias":"champion","version":"3"}"#,
        Action::DeleteAlias { model: model.clone(), alias: "champion".into() },
    );
    check(
        "POST",
        "model-versions/transition-stage",
        r#"{"name":"credit","version":"3","stage":"pRODUCTION","archive_existing_versions":true}"#,
        Action::TransitionStage {
            model: model.clone(),
            version,
            stage: Stage::Production,
            archive_existing: true,
        },
    );
    check(
        "POST",
        "model-versions/set-tag",
        r#"{"name":"credit","version":"3","key":"countersign.state"}"#,
        Action::SetVersionTag {
            model: model.clone(),
            version,
            key: "countersign.state".into(),
            value: String::new(),
        },
    );
    check(
        "PATCH",
        "model-versions/update",
        r#"{"name":"credit","version":"3","description":""}"#,
        Action::UpdateVersion { model: model.clone(), version, description: Some(String::new()) },
    );
    check(
        "DELETE",
        "model-versions/delete",
        r#"{"name":"credit","version":"3"}"#,
        Action::DeleteVersion { model, version },
    );
}

#[test]
fn registration_keeps_source_run_and_preset_tags() {
    let body = r#"{"name":"credit","source":"models:/dev/3","run_id":null,"model_id":"","tags":[{"key":"countersign.state","value":"approved"}]}"#;
    let Action::RegisterVersion(registration) =
        action(fate("POST", &api("model-versions/create"), JSON, body.as_bytes()))
    else {
        panic!("not a registration")
    };
    assert_eq!(registration.copied_from(), Some(("dev".into(), Version::new(3))));
    assert_eq!((registration.run_id, registration.model_id), (None, None));
    assert_eq!(registration.tags.get("countersign.state").map(String::as_str), Some("approved"));
}

#[test]
fn odd_bodies_are_refused() {
    let good = r#"{"name":"credit","alias":"champion","version":"3"}"#;
    check_alias("", "not-json");
    check_alias("{", "not-json");
    check_alias(format!("\u{feff}{good}"), "not-json");
    check_alias(good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), "not-json");
    check_alias(b"{\"name\":\"cr\xe9dit\"}", "not-json");
    check_alias(r#"{"name":"credit","alias":"champion","version":NaN}"#, "not-json");
    check_alias(r#"{"name":"\ud800","alias":"champion","version":"3"}"#, "not-json");
    check_alias("name=credit&alias=champion&version=3", "not-json");
    check_alias(format!("{good}{good}"), "not-json");
    check_alias(serde_json::to_string(good).unwrap(), "not-an-object");
    check_alias(format!("[{good}]"), "not-an-object");
    check_alias(r#"{"name":"a","name":"credit","alias":"champion","version":"3"}"#, "repeated-key");
    check_alias(r#"{"name":"a","n\u0061me":"credit","alias":"champion","version":"3"}"#, "repeated-key");
    check_alias(r#"{"Name":"credit","alias":"champion","version":"3"}"#, "missing-key");
    check_alias(r#"{"name":"credit","alias":"champion","version":"3","aliasName":"x"}"#, "unknown-key");
    check_alias(r#"{"name":"credit","alias":"champion","version":3}"#, "type");
    check_alias(r#"{"name":"credit","alias":["champion"],"version":"3"}"#, "type");
    check_alias(r#"{"name":"credit","alias":"champion","version":null}"#, "missing-key");
    check_alias(r#"{"name":"","alias":"champion","version":"3"}"#, "missing-key");
    for version in ["03", " 3", "3 ", "+3", "3_0", "٣", "３", "3.0", "0", "-1", "99999999999"] {
        check_alias(format!(r#"{{"name":"credit","alias":"champion","version":"{version}"}}"#), "version");
    }
}

#[test]
fn camel_case_is_refused_with_the_fields_named() {
    let body = br#"{"name":"credit","version":"3","stage":"Production","archiveExistingVersions":true}"#;
    let values = |_: &str| vec![b"application/json".as_slice()];
    let headers = |name: &str| if name == "content-type" { values(name) } else { Vec::new() };
    let path = api("model-versions/transition-stage");
    let head = Head { method: "POST", target: &path, headers: &headers };
    let Routed::NeedsBody(route) = route(&head, "") else { panic!("not governed") };
    let text = classify(&route, &head, body).unwrap_err().to_string();
    assert!(
        text.contains("`archiveExistingVersions`") && text.contains("`archive_existing_versions`"),
        "{text}"
    );
}

fn check_headers(headers: &[(&str, &str)], expect: Option<&'static str>) {
    let body = br#"{"name":"credit","alias":"champion","version":"3"}"#;
    let found = match fate("POST", &api("registered-models/alias"), headers, body) {
        Fate::Refused(code) => Some(code),
        Fate::Governed(_) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(found, expect, "{headers:?}");
}

#[test]
fn odd_headers_are_refused() {
    check_headers(&[], Some("header"));
    check_headers(&[("content-type", "application/json; charset=utf-8")], None);
    check_headers(&[("content-type", "application/json;charset=UTF-8")], None);
    check_headers(&[("content-type", "application/json; charset=utf-16")], Some("header"));
    check_headers(&[("content-type", "text/plain")], Some("header"));
    check_headers(&[("content-type", "application/x-www-form-urlencoded")], Some("header"));
    let json = ("content-type", "application/json");
    check_headers(&[json, json], Some("repeated-header"));
    check_headers(&[json, ("content-encoding", "identity")], None);
    check_headers(&[json, ("content-encoding", "gzip")], Some("header"));
    check_headers(&[json, ("x-mlflow-workspace", "team-a")], None);
    check_headers(&[json, ("x-mlflow-workspace", "")], None);
    check_headers(&[json, ("x-mlflow-workspace", "Team A")], Some("header"));
    check_headers(&[json, ("x-mlflow-workspace", "a"), ("x-mlflow-workspace", "b")], Some("repeated-header"));
    check_headers(&[json, ("x_mlflow_workspace", "a")], Some("repeated-header"));
}

#[test]
fn the_workspace_comes_from_its_header() {
    let body = br#"{"name":"credit"}"#;
    let path = api("registered-models/delete");
    for (headers, expect) in [
        (vec![JSON[0]], "default"),
        (vec![JSON[0], ("x-mlflow-workspace", "default")], "default"),
        (vec![JSON[0], ("x-mlflow-workspace", "team-a")], "team-a"),
    ] {
        let Fate::Governed(classified) = fate("DELETE", &path, &headers, body) else { panic!("{headers:?}") };
        assert_eq!(classified.placed.workspace.as_str(), expect);
    }
}

fn check_path(method: &str, target: &str, code: &'static str) {
    let body = br#"{"name":"credit","alias":"champion","version":"3"}"#;
    assert_eq!(fate(method, target, JSON, body), Fate::Refused(code), "{method} {target}");
}

#[test]
fn odd_paths_and_methods_are_refused() {
    for target in [
        "/api/2.0/mlflow/registered-models/alias/",
        "//api/2.0/mlflow/registered-models/alias",
        "/api//2.0/mlflow/registered-models//alias",
        "/api/2.0/mlflow/registered%2Dmodels/alias",
        "/api/2.0/mlflow/registered-models%2Falias",
        "/api/2.0/mlflow/registered-models/%61lias",
        "/api/2.0/mlflow/registered-models/%2561lias",
        "/%61pi/2.0/mlflow/registered-models/alias",
        "/api/2.0/mlflow/Registered-Models/ALIAS",
        "/api/2.0/mlflow/./registered-models/alias",
        "/api/2.0/mlflow/runs/../registered-models/alias",
        "/api\\2.0\\mlflow\\registered-models\\alias",
        "/p/api/2.0/mlflow/registered-models/alias",
        "/api/2.0/mlflow/registered-models/alias%20",
        "/api/2.0/mlflow/registered-models/ａlias",
        "http://x/api/2.0/mlflow/registered-models/alias",
    ] {
        check_path("POST", target, "spelling");
    }
    for method in ["post", "Post", "delete"] {
        check_path(method, "/api/2.0/mlflow/registered-models/alias", "spelling");
    }
    check_path("POST", "/api/2.0/mlflow/registered-models/alias?", "query");
    check_path("POST", "/api/2.0/mlflow/registered-models/alias?name=x", "query");
}

#[test]
fn unknown_writes_to_the_registry_are_refused() {
    for (method, target) in [
        ("PUT", "/api/2.0/mlflow/registered-models/alias"),
        ("TRACE", "/api/2.0/mlflow/registered-models/alias"),
        ("POST", "/api/3.0/mlflow/registered-models/alias"),
        ("POST", "/api/2.0/mlflow/registered-models/alias#x"),
        ("POST", "/api/2.0/mlflow/registered-models/alias;x=1"),
        // For a reader to whom only the first `..` is one.
        ("POST", "/api/2.0/mlflow/x/../webhooks/..;"),
        ("POST", "/api/2.0/mlflow/registered-models/alias2"),
        ("POST", "/api/2.0/mlflow/registered-models/create\u{200b}"),
        ("POST", "/api/2.0/mlflow/unity-catalog/registered-models/alias"),
        ("PUT", "/api/2.0/mlflow/databricks/model-versions/transition-stage"),
        ("POST", "/api/2.0/mlflow/registered-models/get-latest-versions/"),
        ("POST", "/api/2.0/mlflow/upload-artifact?run_uuid=1&path=x"),
        ("DELETE", "/api/2.0/mlflow/webhooks/a/b"),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts"),
    ] {
        check_path(method, target, "unknown-registry-write");
    }
    check_path("DELETE", "/api/3.0/mlflow/workspaces/team-a?mode=cascade", "workspace-delete");
    check_path("delete", "/api/3.0/mlflow/workspaces/team-a", "spelling");
}

fn check_open(method: &str, target: &str, expect: Fate) {
    assert_eq!(fate(method, target, &[], b""), expect, "{method} {target}");
}

#[test]
fn what_is_not_governed_passes() {
    let model_id = "m-1".to_owned();
    let one = || Fate::Watched(Touch::LoggedModel { model_id: model_id.clone() });
    check_open("GET", "/api/2.0/mlflow/registered-models/alias?name=a&alias=b", Fate::Passes);
    check_open("get", "/api/2.0/mlflow/model-versions/get-download-uri?name=a", Fate::Passes);
    check_open("OPTIONS", "/api/2.0/mlflow/registered-models/alias", Fate::Passes);
    check_open("POST", "/api/2.0/mlflow/registered-models/get-latest-versions", Fate::Passes);
    check_open("POST", "/api/2.0/mlflow/webhooks/1/test", Fate::Passes);
    check_open("POST", "/api/2.0/mlflow/experiments/create", Fate::Passes);
    check_open("POST", "/graphql", Fate::Passes);
    check_open("POST", "/api/2.0/mlflow/runs/search", Fate::Passes);
    check_open("POST", "/api/2.0/mlflow/runs/log-batch", Fate::Watched(Touch::Runs));
    check_open("POST", "//api/2.0/mlflow/runs/log%2dbatch", Fate::Watched(Touch::Runs));
    check_open("POST", "/ajax-api/2.0/mlflow/experiments/delete", Fate::Watched(Touch::Runs));
    check_open("PATCH", "/api/2.0/mlflow/logged-models/m-1", one());
    check_open("PATCH", "/api/2.0/mlflow/logged-models/m-1/tags", one());
    check_open("DELETE", "/api/2.0/mlflow/logged-models/m-1/tags/k", one());
    check_open("DELETE", "/api/2.0/mlflow/logged-models/m-1/tags/a%20b", Fate::Watched(Touch::LoggedModels));
    check_open("DELETE", "*", Fate::Passes);
}

#[test]
fn files_of_runs() {
    let upload = "/ajax-api/2.0/mlflow/upload-artifact";
    for (query, expect) in [
        ("run_uuid=a1&path=x%2Fy+z.txt", Some("run_uuid=a1&path=x/y%20z.txt")),
        ("path=x.txt&run_uuid=a1", Some("run_uuid=a1&path=x.txt")),
        ("run_uuid=a1&path=x&path=y", None),
        ("run_uuid=a1", None),
        ("run_uuid=a%31&path=x", None),
        ("run_uuid=a1&path=..%2Fx", None),
        ("run_uuid=a1&path=x%2523", None),
    ] {
        let found = match fate("POST", &format!("{upload}?{query}"), &[], b"") {
            Fate::Governed(classified) => Some(classified.canonical.path_and_query),
            Fate::Refused(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expect.map(|query| format!("{upload}?{query}")), "{query}");
    }
    let place = ArtifactPlace::LoggedModel { model_id: "m-1".into(), path: "MLmodel".into() };
    check(
        "POST",
        "artifacts/presigned-upload-url",
        r#"{"model_id":"m-1","path":"MLmodel","expiration":60}"#,
        Action::WriteArtifact { place, how: FileWrite::Presign },
    );
}

#[test]
fn below_a_static_prefix() {
    let body = br#"{"name":"credit"}"#;
    for prefix in ["/p", "/p/", "/a/b"] {
        let base = prefix.trim_end_matches('/');
        let target = format!("{base}/api/2.0/mlflow/registered-models/delete");
        let Fate::Governed(classified) = fate_below(prefix, "DELETE", &target, JSON, body) else {
            panic!("{target}")
        };
        assert_eq!(classified.canonical.path_and_query, target);
        // FastAPI serves artifacts at the root as well.
        let artifact = "/api/2.0/mlflow-artifacts/artifacts/x";
        assert!(matches!(fate_below(prefix, "PUT", artifact, &[], b""), Fate::Governed(_)));
    }
}

//! What is refused before a plugin ever judges anything.

use std::sync::Arc;

use bytes::Bytes;
use countersign::clock::SystemClock;
use countersign::plugins::{CodeCache, Engine, EngineConfig, Limits, Load, LoadError, ValidateError};
use countersign_core::digest::Digest;
use countersign_core::names::PluginName;
use countersign_core::policy::Grant;
use serde_json::json;

use super::subject::{component, engine, hostile, input, load};

fn request(component: Bytes) -> Load {
    Load {
        name: PluginName::new("p"),
        pinned: Digest::of(&component),
        component,
        grants: [Grant::Registry, Grant::Artifacts].into(),
        limits: Limits::default(),
    }
}

#[tokio::test]
async fn other_bytes_than_the_pinned_ones() {
    let mut request = request(component("hostile"));
    request.pinned = Digest::of(b"what was reviewed");
    let found = Digest::of(&request.component);
    let error = engine().load(request).await.unwrap_err();
    assert!(matches!(error, LoadError::Digest { .. }));
    assert!(error.to_string().contains(&format!("digest = \"{found}\"")), "{error}");
}

#[tokio::test]
async fn an_import_without_a_grant() {
    let error = load("hostile", &[Grant::Artifacts], Limits::default()).await.unwrap_err();
    assert!(error.to_string().contains("grants = [\"registry\", \"artifacts\"]"), "{error}");
}

#[tokio::test]
async fn a_component_without_a_manifest() {
    let component = component("hostile");
    let end = component.windows(20).rposition(|w| w == b"countersign:manifest").unwrap();
    let mut bytes = component.to_vec();
    bytes[end] = b'X';
    let error = engine().load(request(bytes.into())).await.unwrap_err();
    assert!(matches!(error, LoadError::Manifest { .. }), "{error}");
}

#[tokio::test]
async fn a_configuration_by_schema_and_by_guest() {
    let plugin = hostile(Limits::default()).await;
    let refused = |error: ValidateError| match error {
        ValidateError::Refused(errors) => errors.0.first().map(|e| e.pointer.clone()),
        _ => None,
    };
    let check = async |config| engine().validate_config(&plugin, &config).await;
    assert_eq!(check(json!({"mode": "ok"})).await.unwrap(), r#"{"mode":"ok"}"#);
    assert_eq!(refused(check(json!({"mode": "nice"})).await.unwrap_err()).as_deref(), Some("/mode"));
    assert_eq!(refused(check(json!({})).await.unwrap_err()).as_deref(), Some(""));

    let metric = load("metric-threshold", &[Grant::Registry], Limits::default()).await.unwrap();
    let contradiction = json!({"metric": "auc", "min": "0.9", "max": "0.1"});
    let error = engine().validate_config(&metric, &contradiction).await.unwrap_err();
    assert!(
        matches!(error, ValidateError::Refused(_)),
        "the schema accepts it, the guest does not: {error:?}"
    );
}

#[tokio::test]
async fn compiled_code_is_kept_and_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(dir.path()).unwrap().count();
    for run in 0..2 {
        let cache = CodeCache::open(dir.path(), &SystemClock::new()).unwrap();
        let engine =
            Engine::new(EngineConfig { max_concurrent: 2, ..EngineConfig::default() }, Some(cache)).unwrap();
        let plugin = engine.load(request(component("hostile"))).await.unwrap();
        assert_eq!(files(), 3, "the key, the code and its MAC after run {run}");
        let sources = Arc::new(countersign::plugins::NoSources);
        let outcome = engine.evaluate_check(&plugin, &input(&json!({"mode": "ok"})), sources).await.outcome;
        assert!(outcome.conclusion().satisfies(), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_cases_that_a_plugin_carries() {
    let metric = load("metric-threshold", &[Grant::Registry], Limits::default()).await.unwrap();
    assert!(metric.manifest().cases.len() > 10);
    assert_eq!(engine().run_smoke_cases(&metric).await, []);

    let mut wrong = metric.manifest().cases.clone();
    wrong.truncate(1);
    wrong[0]["expect"]["conclusion"] = json!("pass");
    let failures = engine().run_cases(&metric, &wrong, std::path::Path::new(".")).await;
    assert!(failures[0].to_string().contains("metric-above-max"), "{failures:?}");
}

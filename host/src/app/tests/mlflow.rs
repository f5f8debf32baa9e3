//! The rest of the MLflow that stands in: what is said about versions and models, and one folder of files.

use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::{delete, get, patch, post};
use http::header::{CONTENT_RANGE, ETAG, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method};

use super::*;

/// Where the files of every version lie.
pub(super) const FOLDER: &str = "1/r/artifacts";

pub(super) fn more() -> Router<Shared> {
    let root = "/api/2.0/mlflow-artifacts";
    Router::new()
        .route("/api/2.0/mlflow/registered-models/search", get(search))
        .route("/api/2.0/mlflow/registered-models/delete", delete(delete_model))
        .route("/api/2.0/mlflow/registered-models/set-tag", post(set_model_tag))
        .route("/api/2.0/mlflow/model-versions/set-tag", post(set_tag))
        .route("/api/2.0/mlflow/model-versions/update", patch(update))
        .route("/api/2.0/mlflow/model-versions/get-download-uri", get(download_uri))
        .route(&format!("{root}/artifacts"), get(list))
        .route(&format!("{root}/artifacts/{{*path}}"), axum::routing::any(file))
        .route(&format!("{root}/mpu/create/{{*path}}"), post(|| async { Json(json!({"upload_id": "u"})) }))
}

/// A model as MLflow shows it: of several versions in a stage the newest.
pub(super) fn shown(registry: &Registry) -> Value {
    let aliases = registry.aliases.iter();
    let aliases: Vec<Value> = aliases.map(|(alias, v)| json!({"alias": alias, "version": v})).collect();
    let tags: Vec<Value> =
        registry.model_tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let mut newest: BTreeMap<&String, u32> = BTreeMap::new();
    for (version, stage) in &registry.stages {
        let version: u32 = version.parse().unwrap();
        newest.entry(stage).and_modify(|most| *most = version.max(*most)).or_insert(version);
    }
    let latest = newest.into_iter().map(
        |(stage, version)| json!({"name": "credit", "version": version.to_string(), "current_stage": stage}),
    );
    json!({"name": "credit", "aliases": aliases, "tags": tags, "latest_versions": latest.collect::<Vec<_>>()})
}

async fn search(State(registry): State<Shared>) -> Json<Value> {
    Json(json!({"registered_models": [shown(&registry.lock().unwrap())]}))
}

async fn delete_model(State(registry): State<Shared>) -> Json<Value> {
    let mut registry = registry.lock().unwrap();
    registry.aliases.clear();
    registry.writes += 1;
    Json(json!({}))
}

async fn set_tag(State(registry): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    registry.lock().unwrap().tags.insert(text("key"), text("value"));
    Json(json!({}))
}

async fn set_model_tag(State(registry): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    registry.lock().unwrap().model_tags.insert(text("key"), text("value"));
    Json(json!({}))
}

async fn update(State(registry): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    registry.lock().unwrap().description = body["description"].as_str().unwrap().to_owned();
    Json(json!({}))
}

async fn download_uri(State(registry): State<Shared>) -> (StatusCode, Json<Value>) {
    if registry.lock().unwrap().files.is_empty() {
        return (StatusCode::NOT_FOUND, Json(json!({"error_code": "RESOURCE_DOES_NOT_EXIST"})));
    }
    (StatusCode::OK, Json(json!({"artifact_uri": format!("mlflow-artifacts:/{FOLDER}")})))
}

async fn list(State(registry): State<Shared>) -> Json<Value> {
    let registry = registry.lock().unwrap();
    let files = registry.files.iter();
    let files: Vec<Value> =
        files.map(|(path, bytes)| json!({"path": path, "is_dir": false, "file_size": bytes.len()})).collect();
    Json(json!({ "files": files }))
}

async fn file(
    method: Method,
    State(registry): State<Shared>,
    Path(path): Path<String>,
    asked: HeaderMap,
    body: Bytes,
) -> Response {
    let name = path.strip_prefix(FOLDER).unwrap().trim_start_matches('/').to_owned();
    let mut registry = registry.lock().unwrap();
    match method {
        _ if registry.ill || registry.unread.as_ref() == Some(&name) => {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Method::PUT => {
            registry.files.insert(name, body.to_vec());
            StatusCode::OK.into_response()
        }
        Method::DELETE => {
            registry.files.remove(&name);
            StatusCode::OK.into_response()
        }
        _ => sent(&mut registry, name, asked.get(RANGE).is_some()),
    }
}

/// A file, or its first byte; with what tells whether it has changed, as Starlette makes it of time and size.
fn sent(registry: &mut Registry, name: String, first: bool) -> Response {
    let Some(bytes) = registry.files.get(&name).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut head = HeaderMap::new();
    let mut tell = |name, value: String| head.insert(name, value.parse().unwrap());
    if let Some(changed) = registry.changed.get(&name) {
        tell(ETAG, format!("\"{changed}-{}\"", bytes.len()));
        tell(LAST_MODIFIED, format!("Fri, 27 Nov 2026 21:43:{changed:02} GMT"));
    }
    if first && let Some(byte) = bytes.first() {
        tell(CONTENT_RANGE, format!("bytes 0-0/{}", bytes.len()));
        return (StatusCode::PARTIAL_CONTENT, head, vec![*byte]).into_response();
    }
    registry.read.push(name);
    (StatusCode::OK, head, bytes).into_response()
}

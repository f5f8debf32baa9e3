//! An MLflow that has every model, with one version each.

use std::collections::HashMap;

use axum::extract::Query;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Serves from now on; gives the address.
pub async fn start() -> String {
    let routes = Router::new()
        .route("/api/2.0/mlflow/model-versions/get", get(version))
        .route("/api/2.0/mlflow/registered-models/get", get(model))
        .route("/api/2.0/mlflow/registered-models/search", get(async || Json(json!({}))))
        .route("/api/2.0/mlflow/registered-models/alias", post(async || Json(json!({}))))
        .route("/health", get(async || "OK"))
        .route("/version", get(async || "3.17.2"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn version(Query(asked): Query<HashMap<String, String>>) -> Json<Value> {
    Json(json!({"model_version": {
        "name": asked["name"], "version": asked["version"], "creation_timestamp": 1, "status": "READY",
        "current_stage": "None",
    }}))
}

async fn model(Query(asked): Query<HashMap<String, String>>) -> Json<Value> {
    Json(json!({"registered_model": {"name": asked["name"], "aliases": []}}))
}

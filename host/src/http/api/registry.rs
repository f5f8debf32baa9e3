//! What is in force: plugins and policy.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::{Authenticated, Problem, reader};
use crate::app::App;

pub(super) async fn plugins(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let generation = app.generation.load_full();
    let plugins: Vec<Value> = generation
        .plugins
        .values()
        .map(|plugin| {
            let manifest = plugin.manifest();
            json!({
                "name": plugin.name(),
                "digest": plugin.digest(),
                "version": manifest.version,
                "description": manifest.description,
                "capabilities": manifest.capabilities,
                "reads": manifest.reads,
                "imports": plugin.imports(),
                "config_schema": manifest.config_schema,
            })
        })
        .collect();
    Ok(Json(json!({ "plugins": plugins })))
}

pub(super) async fn policy(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let generation = app.generation.load_full();
    Ok(Json(json!({
        "digest": generation.policy.digest(),
        "file": generation.file,
        "loaded_at": generation.loaded_at,
        "policy": generation.policy,
    })))
}

//! What is in force and where versions stand.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::names::{ModelName, Version, Workspace};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::RequestAnswer;
use super::taken::Asked;
use super::{Authenticated, Problem, reader};
use crate::app::{App, AppError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceQuery {
    workspace: Option<String>,
}

pub(super) async fn version(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((name, version)): Path<(String, String)>,
    Asked(query): Asked<WorkspaceQuery>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let number = Version::parse(&version).ok_or_else(|| {
        AppError::NotFound(format!("`{version}` is not a version: write a whole number from 1"))
    })?;
    let workspace = Workspace::new(query.workspace.unwrap_or_else(|| "default".to_owned()));
    let status = app.version_status(&workspace, &ModelName::new(name), number)?;
    let requests: Vec<RequestAnswer> =
        status.requests.into_iter().map(|request| RequestAnswer::new(&app, request)).collect();
    Ok(Json(json!({
        "workspace": status.workspace,
        "model": status.model,
        "version": status.version,
        "holds": status.holds,
        "check_runs": status.check_runs,
        "requests": requests,
    })))
}

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

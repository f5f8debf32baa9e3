//! How long evidence is kept, and legal holds.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::entry::Hold;
use countersign_core::names::{ModelName, Workspace};
use countersign_core::request::RequestId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::taken::{Sent, Writer};
use super::{Answer, Authenticated, reader};
use crate::app::{App, AppError, NewHold, RetentionRule};

#[derive(Serialize)]
pub(super) struct Retention {
    rules: Vec<RetentionRule>,
    holds: Vec<Hold>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct HoldBody {
    #[serde(default)]
    workspace: Option<Workspace>,
    #[serde(default)]
    model: Option<ModelName>,
    #[serde(default)]
    request: Option<RequestId>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct ReasonBody {
    reason: String,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Answer<Retention> {
    reader(&app, &auth)?;
    Ok(Json(Retention { rules: app.retention_rules(), holds: app.holds()? }))
}

pub(super) async fn hold(by: Writer, Sent(body): Sent<HoldBody>) -> Answer<Hold> {
    let caller = by.caller()?;
    let HoldBody { workspace, model, request, reason } = body;
    Ok(Json(by.app.put_under_hold(&caller, NewHold { workspace, model, request, reason }).await?))
}

pub(super) async fn release(
    by: Writer,
    Path(id): Path<String>,
    Sent(body): Sent<ReasonBody>,
) -> Answer<Hold> {
    let caller = by.caller()?;
    let id: Uuid = id.parse().map_err(|_| AppError::NotFound(format!("`{id}` is not the id of a hold")))?;
    Ok(Json(by.app.release_hold(&caller, id, &body.reason).await?))
}

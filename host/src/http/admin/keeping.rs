//! What an operator has done about evidence and people by a command on this machine.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Admin;
use super::operator::failed;

#[derive(Deserialize)]
pub(super) struct Collect {
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn collect(State(admin): State<Arc<Admin>>, Query(asked): Query<Collect>) -> Response {
    let app = &admin.app;
    let done = if asked.dry_run { app.evidence_due().await } else { app.collect_evidence().await };
    match done {
        Ok(due) => Json(due).into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Deserialize)]
pub(super) struct Whom {
    /// An id, or a name.
    who: String,
}

pub(super) async fn erase(State(admin): State<Arc<Admin>>, Query(whom): Query<Whom>) -> Response {
    match admin.app.erase_profile(&whom.who, None).await {
        Ok(forgotten) => Json(forgotten).into_response(),
        Err(error) => failed(&error),
    }
}

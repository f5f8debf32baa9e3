//! What the running server tells an operator of one model: who held what on what evidence, and the audit document.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use countersign_core::names::ModelName;
use serde::{Deserialize, Serialize};

use super::super::api::{AuditQuery, HeldQuery, audit_document, read_held};
use super::super::error::{Shape, respond};
use super::Admin;
use crate::app::AppError;

#[derive(Deserialize)]
pub(super) struct Which<T> {
    model: String,
    #[serde(flatten)]
    query: T,
}

pub(super) async fn held(State(admin): State<Arc<Admin>>, Query(which): Query<Which<HeldQuery>>) -> Response {
    told(read_held(Arc::clone(&admin.app), &which.query, ModelName::new(which.model)).await)
}

pub(super) async fn audit(
    State(admin): State<Arc<Admin>>,
    Query(which): Query<Which<AuditQuery>>,
) -> Response {
    told(audit_document(Arc::clone(&admin.app), &which.query, ModelName::new(which.model)).await)
}

fn told(found: Result<impl Serialize, AppError>) -> Response {
    match found {
        Ok(found) => Json(found).into_response(),
        Err(error) => respond(&error, Shape::Problem).map(Body::new),
    }
}

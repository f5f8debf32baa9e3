//! What the running server tells an operator of one model: who held what, and on what evidence.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use countersign_core::names::ModelName;
use serde::Deserialize;

use super::super::api::{HeldQuery, read_held};
use super::super::error::{Shape, respond};
use super::Admin;

#[derive(Deserialize)]
pub(super) struct Which {
    model: String,
    #[serde(flatten)]
    query: HeldQuery,
}

pub(super) async fn held(State(admin): State<Arc<Admin>>, Query(which): Query<Which>) -> Response {
    match read_held(Arc::clone(&admin.app), &which.query, ModelName::new(which.model)).await {
        Ok(found) => Json(found).into_response(),
        Err(error) => respond(&error, Shape::Problem).map(Body::new),
    }
}

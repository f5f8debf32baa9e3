//! The API under `/_countersign/api`: JSON in, JSON out, problems by RFC 9457.

mod answers;
mod attest;
mod audit;
mod comments;
mod evidence;
mod exceptions;
mod held;
mod insights;
mod ledger;
mod live;
mod models;
mod policy;
mod registry;
mod requests;
mod retention;
mod routes;
mod taken;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

pub(super) use self::answers::headline;
pub(super) use self::audit::{AuditQuery, document as audit_document};
pub(super) use self::comments::parse_comment;
pub(super) use self::held::{HeldQuery, moment, read as read_held};
pub(super) use self::insights::ScopeQuery;
pub(super) use self::requests::parse_id;
use super::error::{self, Shape};
use super::front::Authenticated;
use crate::app::{App, AppError, Delivered};
use crate::auth::{Auth, Caller};

/// The description of this API, OpenAPI 3.1.
const OPENAPI: &str = include_str!("api/openapi.json");

pub(super) fn router(app: Arc<App>) -> Router {
    let served = routes::all().into_iter();
    let router = served.fold(Router::new(), |router, route| router.route(route.path, route.handler));
    router.fallback(nothing_here).method_not_allowed_fallback(other_method).with_state(app)
}

/// Where MLflow sends its webhooks: short, because people type it into MLflow's form.
pub(super) fn webhooks(app: Arc<App>) -> Router {
    Router::new().route("/webhooks/mlflow", axum::routing::post(webhook)).with_state(app)
}

/// An [`AppError`] as a response of this API.
pub(super) struct Problem(pub(super) AppError);

/// What most calls are answered with.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

impl<E: Into<AppError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        error::respond(&self.0, Shape::Problem).map(axum::body::Body::from)
    }
}

/// Who calls, where anybody may.
pub(super) fn caller(auth: &Authenticated) -> Result<Caller, AppError> {
    match auth.as_ref() {
        Ok(caller) => Ok(caller.clone()),
        Err(error) => Err(AppError::Unauthenticated(error.to_string())),
    }
}

/// Who calls, where strangers may not. Where nobody has a name, everybody may read.
pub(super) fn reader(app: &App, auth: &Authenticated) -> Result<Caller, AppError> {
    let caller = caller(auth)?;
    if caller.identity().is_none() && !matches!(app.people.auth(), Auth::Anonymous) {
        let how = match app.people.auth() {
            Auth::Oidc(_) => {
                "send `Authorization: Bearer TOKEN` with an access token of the identity provider"
            }
            Auth::ProxyHeader(_) => app.people.auth().how_to_sign_in(),
            _ => "send `Authorization: Bearer TOKEN` with a token from `countersign token new`",
        };
        return Err(AppError::Unauthenticated(how.to_owned()));
    }
    Ok(caller)
}

async fn me(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Result<Response, Problem> {
    let caller = reader(&app, &auth)?;
    let policy = &app.generation.load().policy;
    let seats = caller
        .identity()
        .map(|identity| app.people.seats_of(policy, identity, app.clock.now()))
        .unwrap_or_default();
    let skipped = caller.identity().map(|me| app.skipped(me)).transpose()?.unwrap_or_default();
    let skipped: Vec<uuid::Uuid> = skipped.iter().map(|used| used.id).collect();
    Ok(Json(json!({ "identity": caller.identity(), "seats": seats, "skipped": skipped })).into_response())
}

/// MLflow repeats a delivery on 5xx and 429 only, so each is answered for good: 200, or 401.
async fn webhook(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|refused| AppError::Invalid(refused.body_text()))?;
    let delivered = app.webhook(&headers, &body).await?;
    Ok(Json(json!({ "repeated": delivered == Delivered::Repeated })).into_response())
}

async fn openapi() -> Response {
    ([(http::header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn nothing_here() -> Response {
    let detail = "no such address: /_countersign/api/openapi.json lists them";
    error::problem(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
        .map(axum::body::Body::from)
}

async fn other_method() -> Response {
    let detail = "this address takes another method: /_countersign/api/openapi.json says which";
    error::problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Not that way", detail)
        .map(axum::body::Body::from)
}

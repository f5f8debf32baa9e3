//! What only the process that has the store open can do for a command: read the ledger, replay, reload.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign_core::entry::{Cause, TakenUpBy};
use countersign_core::request::RequestId;
use serde::Deserialize;

use super::super::error::{Shape, problem, respond};
use super::super::streamed::streamed;
use super::Admin;
use crate::app::{self, App, AppError, Attestable, ReplaySubject};

/// Lets in who shows an operator's pass.
pub(super) async fn guard(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let pass = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match admin.key.verify(pass, admin.app.clock.now()) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            tracing::warn!(path = request.uri().path(), reason = %refused, "operator's call refused");
            let title = "Operators only";
            problem(StatusCode::UNAUTHORIZED, "operator", title, &refused.to_string()).map(Body::new)
        }
    }
}

pub(super) fn failed(error: &AppError) -> Response {
    respond(error, Shape::Problem).map(Body::new)
}

/// The ledger as JSON Lines.
pub(super) async fn export(State(admin): State<Arc<Admin>>) -> Response {
    let app = Arc::clone(&admin.app);
    let body = streamed("export of the ledger", move |out| {
        Box::pin(async move { Ok(app.ledger.export(out, &mut |_| ()).await?) })
    });
    ([(CONTENT_TYPE, "application/jsonl")], body).into_response()
}

#[derive(Deserialize)]
pub(super) struct Whose {
    request: RequestId,
}

/// The evidence file of a request.
pub(super) async fn evidence(
    State(admin): State<Arc<Admin>>,
    Query(Whose { request }): Query<Whose>,
) -> Response {
    let app = Arc::clone(&admin.app);
    if let Err(error) = app.request(request) {
        return failed(&error);
    }
    let body =
        streamed("evidence file", move |out| Box::pin(async move { app.write_evidence(request, out).await }));
    ([(CONTENT_TYPE, "application/jsonl")], body).into_response()
}

#[derive(Deserialize)]
pub(super) struct Which {
    index: u64,
}

pub(super) async fn proof(State(admin): State<Arc<Admin>>, Query(Which { index }): Query<Which>) -> Response {
    let ledger = &admin.app.ledger;
    match ledger.prove(index).await {
        Ok(proof) => Json(proof).into_response(),
        Err(error) if matches!(ledger.get(index), Ok(None)) => failed(&AppError::NotFound(error.to_string())),
        Err(error) => failed(&error.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct Sizes {
    from: u64,
    to: Option<u64>,
}

pub(super) async fn consistency(
    State(admin): State<Arc<Admin>>,
    Query(Sizes { from, to }): Query<Sizes>,
) -> Response {
    let ledger = &admin.app.ledger;
    let proved = match to {
        None => ledger.prove_consistency(from).await.map(|proof| Json(proof).into_response()),
        Some(to) => ledger.prove_between(from, to).map(|proof| Json(proof).into_response()),
    };
    proved.unwrap_or_else(|error| failed(&error.into()))
}

#[derive(Deserialize)]
pub(super) struct Of {
    request: Option<RequestId>,
    entry: Option<u64>,
}

pub(super) async fn attestations(
    State(admin): State<Arc<Admin>>,
    Query(Of { request, entry }): Query<Of>,
) -> Response {
    let App { store, ledger, .. } = &*admin.app;
    let what = request.map(Attestable::Request).or_else(|| entry.map(Attestable::Entry));
    let Some(what) = what else {
        return failed(&AppError::Invalid("name a `request` or an `entry`".to_owned()));
    };
    let attested = app::attestations(&**store, ledger, what).await;
    attested.map_or_else(|error| failed(&error), |envelopes| Json(envelopes).into_response())
}

#[derive(Deserialize)]
pub(super) struct What {
    /// The index of an entry, or a request's id.
    what: String,
}

pub(super) async fn replay(State(admin): State<Arc<Admin>>, Query(What { what }): Query<What>) -> Response {
    let entry = what.parse().map(ReplaySubject::Entry).ok();
    let subject = entry.or_else(|| what.parse().map(ReplaySubject::Request).ok());
    let Some(subject) = subject else {
        let detail = format!("`{what}` is neither the index of an entry nor the id of a request");
        return failed(&AppError::Invalid(detail));
    };
    let App { store, ledger, engine, .. } = &*admin.app;
    match app::replay(&**store, ledger, engine, subject).await {
        Ok(reports) => Json(reports).into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Deserialize)]
pub(super) struct By {
    /// The account of whoever calls, as their command says.
    by: Option<String>,
}

pub(super) async fn reload(State(admin): State<Arc<Admin>>, Query(By { by }): Query<By>) -> Response {
    let claim = by.map(|account| format!("operator:{account}"));
    match admin.app.reload(TakenUpBy::claimed(Cause::Command, claim)).await {
        Ok(reloaded) => Json(reloaded).into_response(),
        Err(error) => failed(&error.into()),
    }
}

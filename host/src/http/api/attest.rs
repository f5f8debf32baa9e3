//! Decisions as signed in-toto statements.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;

use super::{Authenticated, Problem, parse_id, reader};
use crate::app::{self, App, AppError, Attestable, Attestation};

#[derive(Serialize)]
pub(super) struct Attested {
    /// DSSE envelopes.
    attestations: Vec<Attestation>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
) -> Result<Json<Attested>, Problem> {
    reader(&app, &auth)?;
    attested(&app, Attestable::Request(parse_id(&id)?)).await
}

/// Of an entry that announced a write, whether or not a request is about it.
pub(super) async fn of_entry(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(index): Path<String>,
) -> Result<Json<Attested>, Problem> {
    reader(&app, &auth)?;
    let odd = || AppError::NotFound(format!("`{index}` is not the number of a ledger entry"));
    attested(&app, Attestable::Entry(index.parse().map_err(|_| odd())?)).await
}

async fn attested(app: &App, what: Attestable) -> Result<Json<Attested>, Problem> {
    let attestations = app::attestations(&*app.store, &app.ledger, what).await?;
    Ok(Json(Attested { attestations }))
}

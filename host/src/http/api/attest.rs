//! Decisions as signed in-toto statements.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;

use super::{Authenticated, Problem, parse_id, reader};
use crate::app::{self, App, Attestation};

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
    let attestations = app::attestations(&*app.store, &app.ledger, parse_id(&id)?).await?;
    Ok(Json(Attested { attestations }))
}

//! The evidence file of a request, to take away.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::requests::parse_id;
use super::{Authenticated, Problem, reader};
use crate::app::App;
use crate::http::streamed::streamed;

pub(super) async fn file(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    reader(&app, &auth)?;
    let id = parse_id(&id)?;
    // A request that is not there is an answer of its own, not one that breaks off.
    app.request(id)?;
    app.settled().await?;
    let headers = [
        (CONTENT_TYPE, "application/jsonl".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"evidence-{id}.jsonl\"")),
    ];
    let body =
        streamed("evidence file", move |out| Box::pin(async move { app.write_evidence(id, out).await }));
    Ok((headers, body).into_response())
}

//! Having the policy's file taken up, and what took effect before.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;

use super::taken::{Asked, Writer};
use super::{Answer, Authenticated, reader};
use crate::app::{App, Named, PolicyHistory, Reloaded};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// Only what is before this entry.
    from: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn reload(writer: Writer) -> Answer<Reloaded> {
    let caller = writer.caller()?;
    Ok(Json(writer.app.reload_for(&caller).await?))
}

pub(super) async fn history(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Asked(query): Asked<HistoryQuery>,
) -> Answer<Named<PolicyHistory>> {
    reader(&app, &auth)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    Ok(Json(app.policy_history(query.from, limit)?))
}

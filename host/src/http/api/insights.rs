//! The tables behind the insights, as JSON or as CSV.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use countersign_core::insights::{NAMES, REVIEWERS, Scope};
use countersign_core::names::{ModelName, Tier};
use countersign_core::time::Millis;
use serde::Deserialize;
use serde_json::{Value, json};

use super::taken::Asked;
use super::{Authenticated, Problem, reader};
use crate::app::{App, AppError};

/// What the numbers are about. An empty value is none: forms send those.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ScopeQuery {
    #[serde(default)]
    pub(in crate::http) model: String,
    #[serde(default)]
    pub(in crate::http) tier: String,
    #[serde(default)]
    pub(in crate::http) since: String,
}

impl ScopeQuery {
    /// # Errors
    /// When the time range is none.
    pub(in crate::http) fn scope(&self, now: Millis) -> Result<Scope, AppError> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let since = given(&self.since).map(|since| since.parse()).transpose();
        Ok(Scope {
            model: given(&self.model).map(ModelName::new),
            tier: given(&self.tier).map(Tier::new),
            since: since.map_err(|error| AppError::Invalid(format!("`since`: {error}")))?.unwrap_or_default(),
            now,
        })
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let names: Vec<&str> = NAMES.into_iter().chain([REVIEWERS]).collect();
    Ok(Json(json!({ "insights": names })))
}

/// `lead-time` as JSON, `lead-time.csv` as CSV.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(table): Path<String>,
    Asked(query): Asked<ScopeQuery>,
) -> Result<Response, Problem> {
    let caller = reader(&app, &auth)?;
    let scope = query.scope(app.clock.now())?;
    let (name, csv) = table.strip_suffix(".csv").map_or((table.as_str(), false), |name| (name, true));
    let found = app.insights(&[name], &scope, &app.insights_reader(caller.identity()))?;
    let found = found.into_iter().next().ok_or_else(|| {
        let names = NAMES.join(", ");
        AppError::NotFound(format!("there is no table `{name}`: there are {names}, {REVIEWERS}"))
    })?;
    if !csv {
        return Ok(Json(found.json()).into_response());
    }
    let headers = [
        (http::header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (http::header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", found.name)),
    ];
    Ok((headers, found.csv()).into_response())
}

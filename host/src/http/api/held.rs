//! Which version held which name of a model when: as JSON, or as CSV for whoever asks for it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use countersign_core::held::{Answer, Name};
use countersign_core::names::{ModelName, Workspace};
use countersign_core::time::Millis;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;

use super::taken::Asked;
use super::{Authenticated, Problem, reader};
use crate::app::{App, AppError, Named};

/// An empty value is none: forms send those.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct HeldQuery {
    #[serde(default)]
    pub(in crate::http) workspace: String,
    #[serde(default)]
    pub(in crate::http) alias: String,
    #[serde(default)]
    pub(in crate::http) stage: String,
    /// A day or a time; without it, the whole history.
    #[serde(default)]
    pub(in crate::http) at: String,
    #[serde(default)]
    pub(in crate::http) format: String,
}

impl HeldQuery {
    pub(in crate::http) fn workspace(&self) -> Workspace {
        Workspace::new(given(&self.workspace).unwrap_or("default"))
    }

    /// # Errors
    /// When both an alias and a stage are named.
    pub(in crate::http) fn name(&self) -> Result<Option<Name>, AppError> {
        match (given(&self.alias), given(&self.stage)) {
            (Some(_), Some(_)) => {
                Err(AppError::Invalid("`alias` and `stage` are two names: ask for one of them".to_owned()))
            }
            (Some(alias), None) => Ok(Some(Name::Alias(alias.to_owned()))),
            (None, Some(stage)) => Ok(Some(Name::Stage(stage.to_owned()))),
            (None, None) => Ok(None),
        }
    }

    /// # Errors
    /// When it is not a time.
    pub(in crate::http) fn at(&self) -> Result<Option<Millis>, AppError> {
        moment("at", &self.at)
    }

    fn wants_csv(&self, headers: &HeaderMap) -> Result<bool, AppError> {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        match given(&self.format) {
            None => {
                Ok(accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/csv")))
            }
            Some("csv") => Ok(true),
            Some("json") => Ok(false),
            Some(other) => Err(AppError::Invalid(format!("`format` is `json` or `csv`, not `{other}`"))),
        }
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// A day or a time in a parameter; nothing where it is empty.
///
/// # Errors
/// When it is neither.
pub(in crate::http) fn moment(parameter: &str, text: &str) -> Result<Option<Millis>, AppError> {
    let read =
        |text: &str| text.parse().map_err(|error| AppError::Invalid(format!("`{parameter}`: {error}")));
    given(text).map(read).transpose()
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(model): Path<String>,
    headers: HeaderMap,
    Asked(query): Asked<HeldQuery>,
) -> Result<Response, Problem> {
    reader(&app, &auth)?;
    let csv = query.wants_csv(&headers)?;
    let found = read(app, &query, ModelName::new(model)).await?;
    Ok(if csv { as_csv(&found) } else { Json(found).into_response() })
}

/// Reads the ledger where nobody waits for the thread.
pub(in crate::http) async fn read(
    app: Arc<App>,
    query: &HeldQuery,
    model: ModelName,
) -> Result<Named<Answer>, AppError> {
    let (workspace, name, at) = (query.workspace(), query.name()?, query.at()?);
    let reading = move || app.who_held((&workspace, &model), name.as_ref(), at);
    let read = tokio::task::spawn_blocking(reading).await;
    read.unwrap_or_else(|_| Err(AppError::Conflict("reading the ledger broke off: ask again".to_owned())))
}

fn as_csv(found: &Named<Answer>) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"held.csv\""),
    ];
    (headers, found.of.csv(&|person| found.call(person))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<HeldQuery, String> {
        let uri: http::Uri = format!("/held?{text}").parse().unwrap();
        let read = axum::extract::Query::try_from_uri(&uri);
        read.map(|axum::extract::Query(query)| query).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_asked_is_read_in_one_way() {
        let check = |text: &str, name: Option<&str>, at: Option<i64>| {
            let query = query(text).unwrap();
            assert_eq!(query.name().unwrap().map(|name| name.to_string()).as_deref(), name, "{text}");
            assert_eq!(query.at().unwrap().map(Millis::get), at, "{text}");
        };
        check("", None, None);
        check("alias=champion&at=1970-01-02", Some("alias:champion"), Some(86_400_000));
        check("stage=Production&alias=&at=1970-01-01T00:00:01Z", Some("stage:Production"), Some(1_000));
        assert!(query("alias=a&stage=b").unwrap().name().is_err());
        let error = query("at=yesterday").unwrap().at().unwrap_err().to_string();
        assert!(
            error.contains("`yesterday` is not a point in time") && error.contains("2026-12-24"),
            "{error}"
        );
        assert!(query("when=now").is_err());
    }

    #[test]
    fn csv_is_for_whoever_asks_for_it() {
        let check = |text: &str, accept: &str, expect: Option<bool>| {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(query(text).unwrap().wants_csv(&headers).ok(), expect, "{text} {accept}");
        };
        check("", "*/*", Some(false));
        check("", "application/json, text/csv;q=0.5", Some(true));
        check("format=json", "text/csv", Some(false));
        check("format=csv", "*/*", Some(true));
        check("format=xml", "*/*", None);
    }
}

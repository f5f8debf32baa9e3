//! The audit document of a model, as canonical JSON (RFC 8785).

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use countersign_core::audit::{Audit, Range};
use countersign_core::canonical;
use countersign_core::names::{ModelName, Workspace};
use http::header::CONTENT_TYPE;
use serde::Deserialize;

use super::held::moment;
use super::taken::Asked;
use super::{Authenticated, Problem, reader};
use crate::app::{App, AppError, packs_named};

/// An empty value is none: forms send those.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AuditQuery {
    #[serde(default)]
    workspace: String,
    /// Ids of packs, separated by commas; without it, all.
    #[serde(default)]
    pack: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

impl AuditQuery {
    fn range(&self) -> Result<Range, AppError> {
        let (from, to) = (moment("from", &self.from)?, moment("to", &self.to)?);
        match (from, to) {
            (Some(begin), Some(end)) if begin >= end => {
                Err(AppError::Invalid("`from` must be before `to`: nothing lies between them".to_owned()))
            }
            _ => Ok(Range { from, to }),
        }
    }

    fn packs(&self) -> Vec<String> {
        self.pack.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(model): Path<String>,
    Asked(query): Asked<AuditQuery>,
) -> Result<Response, Problem> {
    reader(&app, &auth)?;
    let audit = document(app, &query, ModelName::new(model)).await?;
    Ok(([(CONTENT_TYPE, "application/json")], canonical::to_string(&audit)?).into_response())
}

/// The document that is asked for, with its packs.
pub(in crate::http) async fn document(
    app: Arc<App>,
    query: &AuditQuery,
    model: ModelName,
) -> Result<Audit, AppError> {
    let (range, packs) = (query.range()?, packs_named(&query.packs())?);
    let workspace = match query.workspace.trim() {
        "" => Workspace::new("default"),
        workspace => Workspace::new(workspace),
    };
    Ok(app.audit(workspace, model, range).await?.against(&packs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_beginning_before_its_end() {
        let check = |from: &str, to: &str, expect: bool| {
            let query = AuditQuery { from: from.to_owned(), to: to.to_owned(), ..AuditQuery::default() };
            assert_eq!(query.range().is_ok(), expect, "{from} {to}");
        };
        check("", "", true);
        check("2026-01-01", "2026-02-01", true);
        check("2026-02-01", "2026-02-01", false);
        check("last year", "", false);
        let query = AuditQuery { pack: " eu-ai-act,, sr-26-2 ".to_owned(), ..AuditQuery::default() };
        assert_eq!(query.packs(), ["eu-ai-act", "sr-26-2"]);
    }
}

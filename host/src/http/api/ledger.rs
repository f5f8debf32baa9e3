//! The ledger: its checkpoint, its entries, and proofs that they are in it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::taken::Asked;
use super::{Authenticated, Problem, reader};
use crate::app::{App, AppError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// The first index; oldest first.
    from: Option<u64>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofQuery {
    /// Of an entry.
    index: Option<u64>,
    /// That the ledger of this size is the beginning …
    from: Option<u64>,
    /// … of that of this size; without it, of the present one.
    to: Option<u64>,
}

pub(super) async fn checkpoint(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Result<Response, Problem> {
    reader(&app, &auth)?;
    let checkpoint = app.ledger.checkpoint().await?;
    Ok(([(http::header::CONTENT_TYPE, "text/plain; charset=utf-8")], checkpoint.to_string()).into_response())
}

pub(super) async fn entries(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let limit = query.limit.unwrap_or(100).clamp(1, 1_000);
    let records = app.ledger.range(query.from.unwrap_or(0), limit)?;
    let next = records.last().filter(|_| records.len() == limit).map(|last| last.index + 1);
    let entries: Vec<Value> =
        records.into_iter().map(|record| json!({ "index": record.index, "entry": record.json })).collect();
    Ok(Json(json!({ "entries": entries, "next": next })))
}

pub(super) async fn proof(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Asked(query): Asked<ProofQuery>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    Ok(Json(match (query.index, query.from, query.to) {
        (Some(index), None, None) => serde_json::to_value(app.ledger.prove(index).await?)?,
        (None, Some(from), None) => serde_json::to_value(app.ledger.prove_consistency(from).await?)?,
        (None, Some(from), Some(to)) => serde_json::to_value(app.ledger.prove_between(from, to)?)?,
        _ => {
            let reason =
                "give `index` for an entry, or `from`, and perhaps `to`, for the beginning of the ledger";
            return Err(AppError::Invalid(reason.to_owned()).into());
        }
    }))
}

/// How many entries one page of decisions may look at.
const LOOKED_AT: usize = 2_048;

/// What was decided, newest first: intents, refusals, and what monitoring gates would have refused.
pub(super) async fn decisions(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Value>, Problem> {
    reader(&app, &auth)?;
    let (mut found, mut next, mut looked_at) = (Vec::new(), query.from, 0);
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    while found.len() < limit && looked_at < LOOKED_AT {
        let page = app.entries(next, 256)?;
        next = page.last().map(|last| last.index);
        looked_at += page.len();
        for record in page.iter().filter(|record| may_be_decision(&record.json)) {
            let entry: Value = serde_json::from_str(&record.json).map_err(AppError::from)?;
            if entry.get("kind").and_then(Value::as_str).is_some_and(|kind| DECISIONS.contains(&kind)) {
                found.push(entry);
            }
            if found.len() == limit {
                next = Some(record.index);
                break;
            }
        }
        if next.is_none_or(|next| next == 0) {
            break;
        }
    }
    Ok(Json(json!({ "decisions": found, "next": next.filter(|next| *next > 0) })))
}

const DECISIONS: [&str; 4] = ["intent", "refused", "would-refuse", "bypassed"];

/// Entries are canonical JSON, in which the kind is spelt in one way. Words may be spelt like it.
fn may_be_decision(entry: &str) -> bool {
    DECISIONS.iter().any(|kind| entry.contains(&format!("\"kind\":\"{kind}\"")))
}

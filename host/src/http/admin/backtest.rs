//! History held against another policy, and the evidence that a case of a policy begins with, for a command on this
//! machine.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use countersign_core::digest::Digest;
use countersign_core::policy::Policy;
use countersign_core::time::Millis;
use serde::Deserialize;

use super::Admin;
use super::operator::failed;
use crate::app::{AppError, Backtest, BacktestReport};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    policy: Text,
    since: Option<Millis>,
    /// Earlier policies whose text the record may lack.
    was: Vec<Text>,
}

/// A policy as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    file: String,
    text: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    digest: Digest,
}

/// A blob of evidence that is JSON.
pub(super) async fn blob(State(admin): State<Arc<Admin>>, Query(Which { digest }): Query<Which>) -> Response {
    match admin.app.evidence(digest) {
        Ok(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => failed(&error),
    }
}

pub(super) async fn backtest(State(admin): State<Arc<Admin>>, Json(asked): Json<Asked>) -> Response {
    match tokio::task::spawn_blocking(move || run(&admin, &asked)).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(_) => failed(&AppError::Conflict("the server is stopping: ask again when it runs".to_owned())),
    }
}

fn run(admin: &Admin, asked: &Asked) -> Result<BacktestReport, AppError> {
    let parse = |written: &Text| {
        Policy::parse(&written.file, &written.text).map_err(|error| AppError::Invalid(error.to_string()))
    };
    let app = &admin.app;
    let mut known = asked.was.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    known.push(app.generation.load().policy.clone());
    let backtest = Backtest {
        store: &*app.store,
        ledger: &app.ledger,
        people: &app.people,
        policy: &parse(&asked.policy)?,
        known,
        since: asked.since,
    };
    backtest.run(&mut |_| ())
}

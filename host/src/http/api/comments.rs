//! Comments on a request: list, write, reword, take back, settle.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::names::PluginName;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::taken::Sent;
use super::{Authenticated, Problem, parse_id, reader, writer};
use crate::app::{App, AppError, NewComment, Said};

#[derive(Serialize)]
pub(super) struct Listed {
    comments: Vec<Said>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommentBody {
    text: String,
    /// The check whose findings it is about.
    #[serde(default)]
    about: Option<PluginName>,
    /// The comment that it answers.
    #[serde(default)]
    answers: Option<Uuid>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordsBody {
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettleBody {
    resolved: bool,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
) -> Result<Json<Listed>, Problem> {
    reader(&app, &auth)?;
    Ok(Json(Listed { comments: app.comments(parse_id(&id)?)? }))
}

pub(super) async fn write(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Sent(body): Sent<CommentBody>,
) -> Result<Json<Said>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let CommentBody { text, about, answers } = body;
    Ok(Json(app.comment(&caller, parse_id(&id)?, NewComment { text, about, answers }).await?))
}

pub(super) async fn reword(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((id, comment)): Path<(String, String)>,
    headers: HeaderMap,
    Sent(body): Sent<WordsBody>,
) -> Result<Json<Said>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let within = Some(parse_id(&id)?);
    Ok(Json(app.reword(&caller, parse_comment(&comment)?, within, &body.text).await?))
}

pub(super) async fn take_back(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((id, comment)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Said>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    Ok(Json(app.take_back(&caller, parse_comment(&comment)?, Some(parse_id(&id)?)).await?))
}

pub(super) async fn settle(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((id, comment)): Path<(String, String)>,
    headers: HeaderMap,
    Sent(body): Sent<SettleBody>,
) -> Result<Json<Said>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    Ok(Json(app.settle(&caller, parse_comment(&comment)?, parse_id(&id)?, body.resolved).await?))
}

pub(in crate::http) fn parse_comment(text: &str) -> Result<Uuid, AppError> {
    text.parse().map_err(|_| AppError::NotFound(format!("`{text}` is not a comment's id")))
}

//! Comments on a request: list, write, reword, take back, settle.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::names::PluginName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::taken::{Sent, Writer};
use super::{Answer, Authenticated, parse_id, reader};
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
) -> Answer<Listed> {
    reader(&app, &auth)?;
    Ok(Json(Listed { comments: app.comments(parse_id(&id)?)? }))
}

pub(super) async fn write(by: Writer, Path(id): Path<String>, Sent(body): Sent<CommentBody>) -> Answer<Said> {
    let caller = by.caller()?;
    let CommentBody { text, about, answers } = body;
    Ok(Json(by.app.comment(&caller, parse_id(&id)?, NewComment { text, about, answers }).await?))
}

pub(super) async fn reword(
    by: Writer,
    Path((id, comment)): Path<(String, String)>,
    Sent(body): Sent<WordsBody>,
) -> Answer<Said> {
    let caller = by.caller()?;
    let within = Some(parse_id(&id)?);
    Ok(Json(by.app.reword(&caller, parse_comment(&comment)?, within, &body.text).await?))
}

pub(super) async fn take_back(by: Writer, Path((id, comment)): Path<(String, String)>) -> Answer<Said> {
    let caller = by.caller()?;
    Ok(Json(by.app.take_back(&caller, parse_comment(&comment)?, Some(parse_id(&id)?)).await?))
}

pub(super) async fn settle(
    by: Writer,
    Path((id, comment)): Path<(String, String)>,
    Sent(body): Sent<SettleBody>,
) -> Answer<Said> {
    let caller = by.caller()?;
    Ok(Json(by.app.settle(&caller, parse_comment(&comment)?, parse_id(&id)?, body.resolved).await?))
}

pub(in crate::http) fn parse_comment(text: &str) -> Result<Uuid, AppError> {
    text.parse().map_err(|_| AppError::NotFound(format!("`{text}` is not a comment's id")))
}

//! The discussion of a request: its threads as a visitor sees them, and what they say.

use axum::extract::{Form, Path};
use axum::response::{IntoResponse as _, Response};
use countersign_core::names::PluginName;
use countersign_core::request::PromotionRequest;
use http::HeaderMap;
use serde::Deserialize;

use super::forms::again;
use super::request::Typed;
use super::{Trouble, Visitor, must_be_ours, see_other};
use crate::app::{AppError, NewComment, Said};
use crate::http::api::{parse_comment, parse_id};
use crate::http::pages::discussion::{CommentForm, Discussion, Remark, Thread};

#[derive(Debug, Deserialize)]
pub(super) struct CommentFields {
    #[serde(default)]
    text: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    answers: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct SettleFields {
    resolved: bool,
}

/// What cannot be read is left out: the page shows the request nevertheless.
pub(super) fn shown(visitor: &Visitor, request: &PromotionRequest, typed: CommentForm) -> Discussion {
    let said = visitor.app().comments(request.id).unwrap_or_else(|error| {
        tracing::error!(%error, request.id = %request.id, "comments not shown");
        Vec::new()
    });
    let identity = visitor.caller.identity();
    let signs = identity.is_some_and(|me| !visitor.app().seats_for(me, request).is_empty());
    let threads = said.iter().filter(|said| said.comment.thread.is_none()).map(|first| {
        let within = |said: &&Said| said.comment.thread == Some(first.comment.id);
        let comments = std::iter::once(first).chain(said.iter().filter(within));
        Thread {
            id: first.comment.id.to_string(),
            about: first.comment.about.as_ref().map(ToString::to_string),
            resolved: first.comment.resolved.as_ref().map(|by| visitor.person(by)),
            comments: comments.map(|said| remark(visitor, said)).collect(),
            may_settle: signs || identity.is_some_and(|me| me.person == first.comment.author),
        }
    });
    let mut checks: Vec<String> = request.check_runs.iter().map(|run| run.plugin.to_string()).collect();
    checks.dedup();
    Discussion { threads: threads.collect(), checks, may_write: identity.is_some(), typed }
}

fn remark(visitor: &Visitor, said: &Said) -> Remark {
    Remark {
        by: visitor.person(&said.comment.author),
        at: visitor.when(said.comment.at),
        words: said.words.clone(),
        erased: said.words.is_none() && said.comment.deleted.is_none(),
        edited: said.comment.edited.is_some(),
    }
}

pub(super) async fn write(
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<CommentFields>,
) -> Response {
    let CommentFields { text, about, answers } = fields;
    let typed =
        CommentForm { text: text.clone(), about: about.clone(), answers: answers.clone(), error: None };
    let said = async {
        must_be_ours(&visitor, &headers)?;
        let answers = Some(answers).filter(|answers| !answers.is_empty());
        let answers = answers.map(|answers| parse_comment(&answers)).transpose()?;
        let about = Some(about).filter(|about| !about.is_empty()).map(PluginName::new);
        visitor.app().comment(&visitor.caller, parse_id(&id)?, NewComment { text, about, answers }).await
    };
    match said.await {
        Ok(_) => back(&visitor, &id, Ok("comment")),
        Err(refused) => again(&visitor, &id, &headers, refused, |error| Typed {
            comment: CommentForm { error, ..typed },
            ..Typed::default()
        }),
    }
}

pub(super) async fn settle(
    visitor: Visitor,
    Path((id, comment)): Path<(String, String)>,
    headers: HeaderMap,
    Form(SettleFields { resolved }): Form<SettleFields>,
) -> Response {
    let settled = async {
        must_be_ours(&visitor, &headers)?;
        let comment = parse_comment(&comment)?;
        visitor.app().settle(&visitor.caller, comment, parse_id(&id)?, resolved).await
    };
    let settled = settled.await.map(|_| if resolved { "resolved" } else { "reopened" });
    back(&visitor, &id, settled)
}

fn back(visitor: &Visitor, id: &str, done: Result<&str, AppError>) -> Response {
    match done {
        Ok(done) => see_other(&format!("{}/requests/{id}?done={done}", visitor.site.base)),
        Err(error) => Trouble::new(visitor, error).into_response(),
    }
}

//! The page of waivers and emergencies, and the words that people have on them.

use axum::extract::{Form, Path, Query};
use axum::response::{IntoResponse, Response};
use countersign_core::break_glass::BreakGlass;
use countersign_core::explain;
use countersign_core::time::Millis;
use countersign_core::waiver::Waiver;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::errors::sentence;
use super::request::capital;
use super::{Trouble, Visitor, must_be_ours, page, see_other};
use crate::app::AppError;
use crate::http::error;
use crate::http::pages::exceptions::{EmergencyRow, ExceptionsPage, TypedWord, WaiverRow};
use crate::http::pages::{Chip, ModelAt, Nav, Tone};

#[derive(Debug, Deserialize)]
pub(super) struct Told {
    done: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WordFields {
    #[serde(default)]
    word: String,
    #[serde(default)]
    rationale: String,
}

pub(super) async fn show(visitor: Visitor, Query(told): Query<Told>) -> Result<Response, Trouble> {
    let told = told.done.as_deref().and_then(told_words);
    let shown = build(&visitor, told, None).map_err(|error| Trouble::new(&visitor, error))?;
    Ok(page(StatusCode::OK, &shown))
}

fn build(
    visitor: &Visitor,
    told: Option<String>,
    typed: Option<TypedWord>,
) -> Result<ExceptionsPage, AppError> {
    let (mut waivers, emergencies) = (visitor.app().waivers()?, visitor.app().emergencies()?);
    waivers.sort_by_key(|waiver| std::cmp::Reverse(waiver.asked_at));
    Ok(ExceptionsPage {
        chrome: visitor.chrome(Nav::Exceptions),
        waivers: waivers.iter().map(|waiver| row(visitor, waiver)).collect(),
        emergencies: emergencies.iter().rev().map(|used| emergency(visitor, used)).collect(),
        told,
        typed,
    })
}

fn told_words(done: &str) -> Option<String> {
    let words = match done {
        "approve" => "Your approval of the waiver is recorded.",
        "revoke" => "The waiver is revoked.",
        "review" => "Your review is recorded. The next use is possible.",
        "acknowledge" => "That you have seen it is recorded.",
        _ => return None,
    };
    Some(words.to_owned())
}

pub(super) async fn waiver(
    visitor: Visitor,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Form(fields): Form<WordFields>,
) -> Response {
    let (app, caller, why) = (visitor.app(), &visitor.caller, &fields.rationale);
    let said = async {
        match fields.word.as_str() {
            "approve" => app.approve_waiver(caller, id, why).await.map(|_| "approve"),
            "revoke" => app.revoke_waiver(caller, id, why).await.map(|_| "revoke"),
            other => {
                Err(AppError::Invalid(format!("`{other}` is no word on a waiver: approve or revoke it")))
            }
        }
    };
    speak(&visitor, &headers, (id, why), Box::pin(said)).await
}

pub(super) async fn review(
    visitor: Visitor,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Form(fields): Form<WordFields>,
) -> Response {
    let why = &fields.rationale;
    let said = async { visitor.app().review_break_glass(&visitor.caller, id, why).await.map(|_| "review") };
    speak(&visitor, &headers, (id, why), said).await
}

pub(super) async fn acknowledge(visitor: Visitor, Path(id): Path<Uuid>, headers: HeaderMap) -> Response {
    let said = async { visitor.app().acknowledge_skip(&visitor.caller, id).await.map(|_| "acknowledge") };
    speak(&visitor, &headers, (id, ""), said).await
}

/// Says a word on an exception, and goes back to the page; with what was typed where it was not taken.
async fn speak(
    visitor: &Visitor,
    headers: &HeaderMap,
    (id, rationale): (Uuid, &str),
    word: impl Future<Output = Result<&'static str, AppError>>,
) -> Response {
    let said = match must_be_ours(visitor, headers) {
        Ok(()) => word.await,
        Err(foreign) => Err(foreign),
    };
    let refused = match said {
        Ok(done) => return see_other(&format!("{}/exceptions?done={done}", visitor.site.base)),
        Err(refused) => refused,
    };
    let (status, ..) = error::kind(&refused);
    let error = sentence(&error::chain(&refused));
    let typed = TypedWord { id: id.to_string(), rationale: rationale.to_owned(), error };
    match build(visitor, None, Some(typed)) {
        Ok(shown) => page(status, &shown),
        Err(_) => Trouble::new(visitor, refused).into_response(),
    }
}

fn row(visitor: &Visitor, waiver: &Waiver) -> WaiverRow {
    let me = visitor.caller.identity();
    WaiverRow {
        id: waiver.id.to_string(),
        what: capital(&waiver.requirement.to_string()),
        model: ModelAt::new(&waiver.scope.workspace, &waiver.scope.model),
        version: waiver.scope.version.map(|version| version.to_string()),
        reason: waiver.reason.clone(),
        author: visitor.person(&waiver.author),
        owner: visitor.person(&waiver.owner),
        until: visitor.when(waiver.expires),
        chip: chip(waiver, visitor.now()),
        approved_by: waiver.approvals.iter().map(|word| visitor.person(&word.by)).collect(),
        open: waiver.revoked.is_none() && visitor.now() < waiver.expires,
        may: visitor.app().waiver_rights(me, waiver),
    }
}

fn chip(waiver: &Waiver, now: Millis) -> Chip {
    if waiver.revoked.is_some() {
        Chip::new("Revoked", "cross", Tone::Quiet)
    } else if waiver.expires <= now {
        Chip::new("Ended", "dash", Tone::Quiet)
    } else if waiver.approvals.is_empty() {
        Chip::new("Asked for", "clock", Tone::Waiting)
    } else {
        Chip::new("Approved", "alert", Tone::Warning)
    }
}

fn emergency(visitor: &Visitor, used: &BreakGlass) -> EmergencyRow {
    let me = visitor.caller.identity();
    EmergencyRow {
        id: used.id.to_string(),
        request: used.request.to_string(),
        by: visitor.person(&used.by),
        at: visitor.when(used.at),
        until: visitor.when(used.until),
        reason: used.reason.clone(),
        ticket: used.ticket.clone(),
        drill: used.drill,
        action: capital(&explain::action_phrase(&used.placed.action)),
        reviewed_by: used.reviewed.as_ref().map(|word| visitor.person(&word.by)),
        may: visitor.app().glass_rights(me, used),
    }
}

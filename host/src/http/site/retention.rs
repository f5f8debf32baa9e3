//! The page of what is kept how long: the rules of the policy, legal holds, and the forms to hold and to release.

use axum::extract::{Form, Path, Query};
use axum::response::{IntoResponse, Response};
use countersign_core::entry::Hold;
use countersign_core::names::{ModelName, Workspace};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::errors::sentence;
use super::{Trouble, Visitor, must_be_ours, page, see_other};
use crate::app::{AppError, NewHold};
use crate::http::api::parse_id;
use crate::http::error;
use crate::http::pages::retention::{HoldFields, HoldRow, RetentionPage, RuleRow};
use crate::http::pages::{ModelAt, Nav};

#[derive(Debug, Deserialize)]
pub(super) struct Told {
    done: Option<String>,
    /// What to hold, already filled in: a link from a model's page has it.
    #[serde(default)]
    model: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReasonField {
    #[serde(default)]
    reason: String,
}

pub(super) async fn show(visitor: Visitor, Query(told): Query<Told>) -> Result<Response, Trouble> {
    let done = told.done.as_deref().and_then(told_words);
    let form = HoldFields { model: told.model, ..HoldFields::default() };
    let shown = build(&visitor, done, form).map_err(|error| Trouble::new(&visitor, error))?;
    Ok(page(StatusCode::OK, &shown))
}

fn told_words(done: &str) -> Option<&'static str> {
    match done {
        "hold" => Some("It is under hold, and the ledger says so."),
        "release" => Some("The hold has ended, and the ledger says so."),
        _ => None,
    }
}

fn build(visitor: &Visitor, told: Option<&'static str>, form: HoldFields) -> Result<RetentionPage, AppError> {
    let app = visitor.app();
    let rules = app
        .retention_rules()
        .into_iter()
        .map(|rule| RuleRow { tier: rule.tier.to_string(), keep: rule.keep.map(|keep| keep.to_string()) });
    let policy = &app.generation.load_full().policy;
    let me = visitor.caller.identity().filter(|me| !me.machine);
    let seated = me.is_some_and(|me| !app.people.seats_of(policy, me, visitor.now()).is_empty());
    Ok(RetentionPage {
        chrome: visitor.chrome(Nav::Policy),
        rules: rules.collect(),
        holds: app.holds()?.iter().rev().map(|hold| row(visitor, hold)).collect(),
        may_hold: me.is_some(),
        may_release: seated,
        told,
        form,
    })
}

fn row(visitor: &Visitor, hold: &Hold) -> HoldRow {
    HoldRow {
        id: hold.id.to_string(),
        model: ModelAt::new(&hold.workspace, &hold.model),
        request: hold.request.map(|request| request.to_string()),
        reason: hold.reason.clone(),
        by: visitor.person(&hold.by),
        since: visitor.when(hold.at),
    }
}

pub(super) async fn hold(visitor: Visitor, headers: HeaderMap, Form(form): Form<HoldFields>) -> Response {
    let held = async {
        must_be_ours(&visitor, &headers)?;
        let request = Some(form.request.trim()).filter(|id| !id.is_empty()).map(parse_id).transpose()?;
        let model = Some(form.model.trim()).filter(|name| !name.is_empty()).map(ModelName::new);
        let workspace = Some(form.workspace.trim()).filter(|name| !name.is_empty()).map(Workspace::new);
        let new = NewHold { workspace, model, request, reason: form.reason.clone() };
        visitor.app().put_under_hold(&visitor.caller, new).await
    };
    let held = held.await;
    told(&visitor, "hold", held, form)
}

pub(super) async fn release(
    visitor: Visitor,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Form(fields): Form<ReasonField>,
) -> Response {
    let released = async {
        must_be_ours(&visitor, &headers)?;
        visitor.app().release_hold(&visitor.caller, id, &fields.reason).await
    };
    let released = released.await;
    let form = HoldFields { release: id.to_string(), release_reason: fields.reason, ..HoldFields::default() };
    told(&visitor, "release", released, form)
}

/// Back to the page; with what was typed where it was not taken.
fn told(visitor: &Visitor, word: &str, done: Result<Hold, AppError>, form: HoldFields) -> Response {
    let refused = match done {
        Ok(_) => return see_other(&format!("{}/retention?done={word}", visitor.site.base)),
        Err(refused) => refused,
    };
    let error = Some(sentence(&error::chain(&refused)));
    match build(visitor, None, HoldFields { error, ..form }) {
        Ok(shown) => page(error::kind(&refused).0, &shown),
        Err(_) => Trouble::new(visitor, refused).into_response(),
    }
}

//! Forms: what was typed comes back when it is refused.

use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Response};
use countersign_core::digest::Digest;
use countersign_core::names::{PluginName, Seat};
use countersign_core::review::Vote;
use http::HeaderMap;
use serde::Deserialize;

use super::errors::sentence;
use super::request::{Typed, build, find};
use super::session::Peer;
use super::{Trouble, Visitor, must_be_ours, page, see_other};
use crate::app::{AppError, NewEmergency, NewReview};
use crate::auth::Proof;
use crate::http::api::parse_id;
use crate::http::error;
use crate::http::pages::request::{EmergencyForm, ReviewForm};

/// Without `Debug`: it may hold a password.
#[derive(Deserialize)]
pub(super) struct ReviewFields {
    vote: Vote,
    #[serde(default)]
    seat: String,
    #[serde(default)]
    rationale: String,
    subject_digest: Digest,
    #[serde(default)]
    password: String,
}

pub(super) async fn review(
    visitor: Visitor,
    Path(id): Path<String>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Form(fields): Form<ReviewFields>,
) -> Response {
    let ReviewFields { vote, seat, rationale, subject_digest, password } = fields;
    let proof = visitor.app().people.auth().proof(&headers, Some(password), peer.ip());
    let seat = Some(seat).filter(|seat| !seat.is_empty()).map(Seat::new);
    let new = NewReview { vote, seat, rationale: rationale.clone(), subject_digest };
    match take(&visitor, &id, &headers, new, proof).await {
        Ok(()) => see_other(&format!("{}/requests/{id}?done={}", visitor.site.base, vote.as_str())),
        Err(error) => again(&visitor, &id, &headers, error, |error| {
            let rejecting = vote == Vote::Reject;
            let review = ReviewForm { rationale, rejecting, error, ..ReviewForm::default() };
            Typed { review, ..Typed::default() }
        }),
    }
}

pub(super) async fn withdraw(visitor: Visitor, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let withdrawn = async {
        must_be_ours(&visitor, &headers)?;
        visitor.app().withdraw(&visitor.caller, parse_id(&id)?).await
    };
    match withdrawn.await {
        Ok(_) => see_other(&format!("{}/requests/{id}?done=withdraw", visitor.site.base)),
        Err(error) => Trouble::new(&visitor, error).into_response(),
    }
}

pub(super) async fn evidence(
    visitor: Visitor,
    Path((id, plugin)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let opened = async {
        must_be_ours(&visitor, &headers)?;
        visitor.app().open_evidence(&visitor.caller, parse_id(&id)?, &PluginName::new(plugin)).await
    };
    told(&visitor, &id, opened.await.map(|_| "evidence"))
}

pub(super) async fn apply(visitor: Visitor, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let applied = async {
        must_be_ours(&visitor, &headers)?;
        visitor.app().apply(&visitor.caller, parse_id(&id)?).await
    };
    told(&visitor, &id, applied.await.map(|_| "apply"))
}

/// What is renewed may be another request.
pub(super) async fn renew(visitor: Visitor, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let renewed = async {
        must_be_ours(&visitor, &headers)?;
        visitor.app().renew(&visitor.caller, parse_id(&id)?).await
    };
    match renewed.await {
        Ok(request) => told(&visitor, &request.id.to_string(), Ok("renew")),
        Err(error) => told(&visitor, &id, Err(error)),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct EmergencyFields {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    ticket: String,
    /// A box that is not ticked is not sent.
    #[serde(default)]
    drill: Option<String>,
}

pub(super) async fn break_glass(
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<EmergencyFields>,
) -> Response {
    let EmergencyFields { reason, ticket, drill } = fields;
    let drill = drill.is_some();
    let broken = async {
        must_be_ours(&visitor, &headers)?;
        let new = NewEmergency { reason: reason.clone(), ticket: ticket.clone(), drill };
        visitor.app().break_glass(&visitor.caller, parse_id(&id)?, new).await
    };
    match broken.await {
        Ok(_) => told(&visitor, &id, Ok(if drill { "drill" } else { "break-glass" })),
        Err(error) => again(&visitor, &id, &headers, error, |error| {
            let emergency = EmergencyForm { reason, ticket, drill, error };
            Typed { emergency, ..Typed::default() }
        }),
    }
}

/// Back to the page with a word about what was done, or a page about why it was not.
pub(super) fn told(visitor: &Visitor, id: &str, done: Result<&str, AppError>) -> Response {
    match done {
        Ok(done) => see_other(&format!("{}/requests/{id}?done={done}", visitor.site.base)),
        Err(error) => Trouble::new(visitor, error).into_response(),
    }
}

async fn take(
    visitor: &Visitor,
    id: &str,
    headers: &HeaderMap,
    new: NewReview,
    proof: Proof,
) -> Result<(), AppError> {
    must_be_ours(visitor, headers)?;
    Box::pin(visitor.app().sign(&visitor.caller, parse_id(id)?, new, proof)).await.map(|_| ())
}

/// The page again, as it is now, with what was typed and why it was not taken. Where the page has no place for it any
/// more, the reason alone.
pub(super) fn again(
    visitor: &Visitor,
    id: &str,
    headers: &HeaderMap,
    refused: AppError,
    typed: impl FnOnce(Option<String>) -> Typed,
) -> Response {
    let Ok(request) = find(visitor, id) else { return Trouble::new(visitor, refused).into_response() };
    let (status, _, _) = error::kind(&refused);
    let typed = typed(Some(sentence(&error::chain(&refused))));
    let lost = typed.emergency.error.is_some();
    let shown = build(visitor, &request, headers, typed, None);
    if lost && shown.emergency.is_none() {
        return Trouble::new(visitor, refused).into_response();
    }
    page(status, &shown)
}

//! What a viewer may say of an approval whose write was made, and the forms with which they say it.

use axum::extract::{Form, Path};
use axum::response::Response;
use countersign_core::request::{PromotionRequest, State};
use countersign_core::review::may_fill;
use http::HeaderMap;
use serde::Deserialize;

use crate::app::{AppError, Word};
use crate::http::api::parse_id;
use crate::http::site::forms::told;
use crate::http::site::{Visitor, must_be_ours};

const SUSPEND: (&str, &str, &str) =
    ("suspend", "Suspend", "not to be relied on until it is resumed or revoked; the same call is refused.");
const RESUME: (&str, &str, &str) = ("resume", "Resume", "it stands again, as it stood before.");
const REVOKE: (&str, &str, &str) =
    ("revoke", "Revoke", "for good. An alias goes to its fallback, where its gate names one.");

/// The same rule as the server applies to the form.
pub(super) fn words(
    visitor: &Visitor,
    request: &PromotionRequest,
) -> Vec<(&'static str, &'static str, &'static str)> {
    let words = match request.state {
        State::Applied { .. } => vec![SUSPEND, REVOKE],
        State::Suspended { .. } => vec![RESUME, REVOKE],
        State::Expired { .. } => vec![REVOKE],
        _ => Vec::new(),
    };
    let me = visitor.caller.identity();
    let may = me.is_some_and(|me| visitor.app().may_set_standing(me, request).is_ok());
    if may { words } else { Vec::new() }
}

/// The seat in which the viewer is to look at a sample.
pub(super) fn sample(visitor: &Visitor, request: &PromotionRequest) -> Option<String> {
    let (seat, me) = (request.sample_waits_for()?, visitor.caller.identity()?);
    let (_, roster) = visitor.app().in_force();
    may_fill(&me.person, seat, &roster, &request.authors).is_ok().then(|| seat.to_string())
}

#[derive(Debug, Deserialize)]
pub(in crate::http::site) struct WordFields {
    #[serde(default)]
    word: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    rationale: String,
}

pub(in crate::http::site) async fn speak(
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<WordFields>,
) -> Response {
    let spoken = async {
        must_be_ours(&visitor, &headers)?;
        let word = match fields.word.as_str() {
            "suspend" => Word::Suspend,
            "resume" => Word::Resume,
            "revoke" => Word::Revoke,
            other => {
                let how = format!("`{other}` is no word on an approval: suspend, resume or revoke it");
                return Err(AppError::Invalid(how));
            }
        };
        visitor.app().set_standing(&visitor.caller, parse_id(&id)?, word, &fields.reason).await?;
        Ok(word.as_str())
    };
    told(&visitor, &id, spoken.await)
}

pub(in crate::http::site) async fn review(
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<WordFields>,
) -> Response {
    let reviewed = async {
        must_be_ours(&visitor, &headers)?;
        let confirmed = match fields.word.as_str() {
            "confirm" => true,
            "object" => false,
            other => {
                let how = format!("`{other}` is no word on a sample: confirm it or object");
                return Err(AppError::Invalid(how));
            }
        };
        let app = visitor.app();
        app.review_sample(&visitor.caller, parse_id(&id)?, confirmed, &fields.rationale).await?;
        Ok(if confirmed { "confirm" } else { "object" })
    };
    told(&visitor, &id, reviewed.await)
}

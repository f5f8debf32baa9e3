//! What the API says about a request: the request itself, and what people need to read it.

use countersign_core::action::Action;
use countersign_core::difference::Change;
use countersign_core::explain;
use countersign_core::names::{PersonId, Seat};
use countersign_core::request::{Fallback, PromotionRequest, Standing, State};
use countersign_core::time::Millis;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::app::App;

/// A promotion request with its sentence, its address and the names in it.
#[derive(Serialize)]
pub(in crate::http) struct RequestAnswer {
    /// Who must act next.
    pub(in crate::http) headline: String,
    pub(in crate::http) url: String,
    /// What a review must bind to.
    pub(in crate::http) subject_digest: String,
    pub(in crate::http) summary: String,
    /// What the write would change of what is said about the version or its model, as it was when this was judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http) writes: Vec<Change>,
    /// Opaque ids to account names, for as long as profiles are kept.
    pub(in crate::http) names: BTreeMap<PersonId, String>,
    /// How the approval stands, once its write was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) standing: Option<&'static str>,
    #[serde(flatten)]
    pub(in crate::http) request: PromotionRequest,
}

impl RequestAnswer {
    pub(in crate::http) fn new(app: &App, request: PromotionRequest) -> Self {
        let members = app.people.signers(&app.generation.load().policy, &request.authors, app.clock.now());
        let of_seat = |seat: &Seat| members.get(seat).cloned().unwrap_or_default();
        Self {
            headline: headline(&request, &of_seat, app.clock.now()),
            url: app.request_url(request.id),
            subject_digest: request.binding.to_string(),
            summary: explain::touching_phrase(&request.placed.action, &request.subject, &request.also),
            writes: app.would_change(&request),
            standing: request.standing(app.clock.now()).map(Standing::as_str),
            names: people(&request).into_iter().map(|id| (id.clone(), app.people.name_of(&id))).collect(),
            request,
        }
    }
}

/// Who must act next; for a request that has ended, how.
pub(in crate::http) fn headline(
    request: &PromotionRequest,
    of_seat: &dyn Fn(&Seat) -> Vec<String>,
    now: Millis,
) -> String {
    match &request.state {
        _ if request.flags.bypassed => {
            "Moved past Countersign, without a permit: an operator must look".to_owned()
        }
        State::Open | State::InReview if request.flags.break_glass => {
            "The glass was broken: the same call succeeds for a short time, and somebody must review it"
                .to_owned()
        }
        State::Approved { .. } if request.open_window().is_some() => open_for_writing(request),
        State::Open | State::InReview | State::Approved { .. } => explain::headline(&request.gates, of_seat),
        State::Applying { .. } => "Countersign makes the change at this moment".to_owned(),
        State::Lapsed { .. } => "Nobody settled it in time: the same call opens a new request".to_owned(),
        State::Expired { .. } => expired(&request.placed.action, request.fallback.as_ref()),
        State::Suspended { reason, .. } => {
            format!("Suspended: not to be relied on until somebody resumes or revokes it ({})", bare(reason))
        }
        State::Revoked { reason, .. } => {
            format!(
                "Revoked: the approval was taken back ({}){}",
                bare(reason),
                then(&request.placed.action, request.fallback.as_ref())
            )
        }
        State::Applied { .. } if request.standing(now) == Some(Standing::Expired) => {
            expired(&request.placed.action, request.fallback.as_ref())
        }
        State::Applied { .. } => applied(request),
        State::Rejected { .. } => "Rejected. That is final for what was reviewed".to_owned(),
        State::Withdrawn { .. } => "Withdrawn by its requester".to_owned(),
        State::Superseded { .. } => "Another request stands in its place".to_owned(),
    }
}

fn applied(request: &PromotionRequest) -> String {
    if request.undermined.is_some() {
        return "Applied, and changed since: what was approved is not what is there. Ask for it again"
            .to_owned();
    }
    if let Some(drift) = &request.drift {
        let next = match drift.renewal {
            Some(_) => "the request that renews it says who must sign",
            None => "the same call asks for it again",
        };
        return format!("Applied, and stale since {}: {drift}; {next}", drift.at);
    }
    if request.open_window().is_some() {
        return open_for_writing(request);
    }
    match (request.sample_waits_for(), request.warned, request.valid_until) {
        (Some(seat), ..) => format!("Applied, and waiting for a sampled review by seat {seat}"),
        (None, Some(_), Some(until)) => {
            format!("Applied. The approval runs out at {until}: renew it before then")
        }
        _ => "Applied. Nothing more is needed".to_owned(),
    }
}

fn open_for_writing(request: &PromotionRequest) -> String {
    let until = request.open_window().map(|window| format!(" until {}", window.until)).unwrap_or_default();
    format!("Its requester may write files{until}")
}

fn bare(reason: &str) -> &str {
    reason.trim_end_matches('.')
}

/// What becomes of the alias or stage.
fn then(action: &Action, fallback: Option<&Fallback>) -> String {
    let name = if matches!(action, Action::TransitionStage { .. }) { "stage" } else { "alias" };
    match fallback {
        None => String::new(),
        Some(Fallback::Due | Fallback::Moving { .. }) => format!("; its {name} falls back at this moment"),
        Some(Fallback::Moved { leaves_for: Some(stage), .. }) => {
            format!("; the version left for stage {stage}")
        }
        Some(Fallback::Moved { to, .. }) => format!("; its {name} went back to version {to}"),
        Some(Fallback::Stayed { reason }) => format!("; its {name} stays ({})", bare(reason)),
    }
}

fn expired(action: &Action, fallback: Option<&Fallback>) -> String {
    let then = then(action, fallback);
    format!("The approval has run out{then}: renew it, so that the version is validated again")
}

fn people(request: &PromotionRequest) -> Vec<PersonId> {
    let authors = &request.authors;
    let named = [&authors.requester, &authors.creator, &authors.run_author, &authors.last_writer];
    let signed = request.gates.iter().flat_map(|gate| gate.seats.values()).flat_map(|seat| &seat.signed);
    let reviewers = request.reviews.iter().map(|review| &review.reviewer);
    let readers = request.opened.iter().map(|opened| &opened.by);
    let others = authors.writers.iter().chain(&authors.run_authors).chain(&authors.waived_by);
    let looked = request.sampled.iter().filter_map(|sampled| sampled.reviewed.as_ref());
    let spoke = match &request.state {
        State::Suspended { by, .. } | State::Revoked { by, .. } => by.as_ref(),
        _ => None,
    };
    let mut people: Vec<PersonId> = named
        .into_iter()
        .flatten()
        .chain(spoke)
        .chain(looked.map(|review| &review.word.by))
        .chain(signed)
        .chain(reviewers)
        .chain(readers)
        .chain(others)
        .cloned()
        .collect();
    people.sort();
    people.dedup();
    people
}

//! What the API says about a request: the request itself, and what people need to read it.

use countersign_core::explain;
use countersign_core::names::{PersonId, Seat};
use countersign_core::request::PromotionRequest;
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
    /// Opaque ids to account names, for as long as profiles are kept.
    pub(in crate::http) names: BTreeMap<PersonId, String>,
    #[serde(flatten)]
    pub(in crate::http) request: PromotionRequest,
}

impl RequestAnswer {
    pub(in crate::http) fn new(app: &App, request: PromotionRequest) -> Self {
        let members = app.people.signers(&app.generation.load().policy, &request.authors);
        let of_seat = |seat: &Seat| members.get(seat).cloned().unwrap_or_default();
        Self {
            headline: headline(&request, &of_seat),
            url: app.request_url(request.id),
            subject_digest: request.binding.to_string(),
            summary: explain::action_phrase(&request.placed.action),
            names: people(&request).into_iter().map(|id| (id.clone(), app.people.name_of(&id))).collect(),
            request,
        }
    }
}

/// Who must act next; for a request that has ended, how.
pub(in crate::http) fn headline(
    request: &PromotionRequest,
    of_seat: &dyn Fn(&Seat) -> Vec<String>,
) -> String {
    use countersign_core::request::State;
    match &request.state {
        _ if request.flags.bypassed => {
            "Moved past Countersign, without a permit: an operator must look".to_owned()
        }
        State::Open | State::InReview | State::Approved { .. } => explain::headline(&request.gates, of_seat),
        State::Applied { .. } => "Applied. Nothing more is needed".to_owned(),
        State::Rejected { .. } => "Rejected. That is final for what was reviewed".to_owned(),
        State::Withdrawn { .. } => "Withdrawn by its requester".to_owned(),
        State::Superseded { .. } => "A later request took its place".to_owned(),
    }
}

fn people(request: &PromotionRequest) -> Vec<PersonId> {
    let authors = &request.authors;
    let named = [&authors.requester, &authors.creator, &authors.run_author, &authors.last_writer];
    let signed = request.gates.iter().flat_map(|gate| gate.seats.values()).flat_map(|seat| &seat.signed);
    let reviewers = request.reviews.iter().map(|review| &review.reviewer);
    let mut people: Vec<PersonId> =
        named.into_iter().flatten().chain(signed).chain(reviewers).cloned().collect();
    people.sort();
    people.dedup();
    people
}

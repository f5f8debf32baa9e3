//! The page of one promotion request.

mod notices;
pub(super) mod standing;
mod timeline;

use axum::extract::{Path, Query};
use axum::response::Response;
use countersign_core::check::CheckRun;
use countersign_core::decide::GateVerdict;
use countersign_core::difference::Change;
use countersign_core::explain;
use countersign_core::names::{PersonId, Seat};
use countersign_core::request::{PromotionRequest, Renewal, State};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::inbox::{chips, version};
use super::{Trouble, Visitor, discussion, page};
use crate::app::{App, AppError, about, is_asked_for};
use crate::auth::Proving;
use crate::http::api::{headline, parse_id};
use crate::http::pages::discussion::CommentForm;
use crate::http::pages::request::{
    CheckRow, EmergencyForm, GateRow, ProofField, RequestPage, ReviewForm, ReviewPanel, SeatRow, Write,
};
use crate::http::pages::{ModelAt, Nav};

/// What a visitor had typed into the page's forms, when one of them comes back.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) review: ReviewForm,
    pub(super) comment: CommentForm,
    pub(super) emergency: EmergencyForm,
}

type Members = BTreeMap<Seat, Vec<String>>;

#[derive(Debug, Deserialize)]
pub(super) struct Told {
    done: Option<String>,
}

pub(super) async fn show(
    visitor: Visitor,
    Path(id): Path<String>,
    Query(told): Query<Told>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let request = find(&visitor, &id).map_err(|error| Trouble::new(&visitor, error))?;
    let told = told.done.as_deref().and_then(told_words);
    Ok(page(StatusCode::OK, &build(&visitor, &request, &headers, Typed::default(), told)))
}

pub(super) fn find(visitor: &Visitor, id: &str) -> Result<PromotionRequest, AppError> {
    visitor.app().request(parse_id(id)?)
}

/// The page as this visitor sees it. `typed` is what they had typed, when their form comes back.
pub(super) fn build(
    visitor: &Visitor,
    request: &PromotionRequest,
    headers: &HeaderMap,
    typed: Typed,
    told: Option<String>,
) -> RequestPage {
    let Typed { review, comment, emergency } = typed;
    let typed = ReviewForm { proof: proof(visitor, request, headers), ..review };
    let members = visitor.app().people.signers(
        &visitor.app().generation.load().policy,
        &request.authors,
        visitor.now(),
    );
    let of_seat = |seat: &Seat| members.get(seat).cloned().unwrap_or_default();
    let me = visitor.caller.identity().map(|me| &me.person);
    let is_mine = me.is_some() && request.authors.requester.as_ref() == me;
    RequestPage {
        chrome: visitor.chrome(Nav::Inbox),
        id: request.id.to_string(),
        title: capital(&phrase(request)),
        chips: chips(request),
        headline: headline(request, &of_seat, visitor.now()),
        model: ModelAt::new(&request.subject.workspace, &request.subject.model),
        version: version(request),
        requester: visitor.somebody(request.authors.requester.as_ref()),
        opened: visitor.when(request.opened_at),
        notices: notices::of(visitor, request),
        gates: request.gates.iter().map(|gate| gate_row(visitor, gate, &members)).collect(),
        checks: request.check_runs.iter().map(|run| check_row(visitor, request, run)).collect(),
        write: write(request),
        subject: subject(request),
        subject_digest: request.binding.to_string(),
        timeline: timeline::events(visitor, request),
        panel: panel(visitor, request, typed),
        discussion: discussion::shown(visitor, request, comment),
        may_withdraw: is_mine && request.state.is_live(),
        may_apply: may_apply(visitor, request),
        changes: changes(visitor, request),
        writes: visitor.app().would_change(request),
        renew: me.and_then(|_| renew(visitor, request)),
        emergency: may_break_glass(visitor, request).then_some(emergency),
        sample: standing::sample(visitor, request),
        words: standing::words(visitor, request),
        previous: request.previous.map(|id| id.to_string()),
        told,
    }
}

/// What is asked for, with the versions that it touches.
pub(super) fn phrase(request: &PromotionRequest) -> String {
    explain::touching_phrase(&request.placed.action, &request.subject, &request.also)
}

fn told_words(done: &str) -> Option<String> {
    let words = match done {
        "approve" => "Your approval is recorded.",
        "reject" => "Your rejection is recorded. It is final for what was reviewed.",
        "comment" => "Your comment is recorded.",
        "resolved" => "The thread is resolved.",
        "reopened" => "The thread is open again.",
        "recuse" => "You are recused.",
        "abstain" => "Your abstention is recorded.",
        "evidence" => "The findings are open, and that you opened them is recorded.",
        "apply" => "Countersign has made the change.",
        "break-glass" => "The gate is open for a short time. Somebody of the reviewing seat must look at it.",
        "drill" => "The drill is recorded. Nothing was opened.",
        "renew" => "It was judged again: this is what is there now.",
        "withdraw" => "The request is withdrawn.",
        "suspend" => "The approval is suspended. The same call is refused until it is resumed or revoked.",
        "resume" => "The approval stands again.",
        "revoke" => "The approval is revoked.",
        "confirm" => "Your sampled review is recorded.",
        "object" => "Your objection is recorded, and the approval is suspended.",
        _ => return None,
    };
    Some(words.to_owned())
}

fn changes(visitor: &Visitor, request: &PromotionRequest) -> Vec<Change> {
    let found = visitor.app().difference(request).unwrap_or_else(|error| {
        tracing::warn!(%error, "what has changed is not shown");
        None
    });
    found.unwrap_or_default()
}

/// What renewing means here; `None` where there is nothing to renew.
fn renew(visitor: &Visitor, request: &PromotionRequest) -> Option<&'static str> {
    Some(match request.renewal(visitor.now())? {
        Renewal::Again => "Asks for the same change again in a new request that links to this one.",
        Renewal::Judged => "Judges this request again, by the registry and the policy of this moment.",
    })
}

fn gate_row(visitor: &Visitor, gate: &GateVerdict, members: &Members) -> GateRow {
    let seats = gate.seats.iter().map(|(seat, count)| SeatRow {
        seat: seat.to_string(),
        needed: count.needed,
        signed: count.signed.iter().map(|id: &PersonId| visitor.person(id)).collect(),
        members: members.get(seat).cloned().unwrap_or_default(),
    });
    GateRow {
        name: gate.gate.to_string(),
        enforced: gate.enforced,
        tier: gate.tier.known().map(ToString::to_string),
        tier_facts: gate.tier_facts.iter().map(ToString::to_string).collect(),
        seats: seats.collect(),
        unproven: gate.unproven.clone(),
    }
}

fn may_apply(visitor: &Visitor, request: &PromotionRequest) -> bool {
    let open = matches!(request.state, State::Approved { .. }) && App::applies(&request.placed);
    let me = visitor.caller.identity();
    open && me.is_some_and(|me| visitor.app().may_apply(me, request))
}

fn may_break_glass(visitor: &Visitor, request: &PromotionRequest) -> bool {
    let policy = &visitor.app().generation.load().policy;
    let roster = visitor.app().people.roster(policy, visitor.now());
    let stuck = matches!(request.state, State::Open | State::InReview) && !request.flags.break_glass;
    let me = visitor.caller.identity();
    stuck && me.is_some_and(|me| !me.machine && roster.breakers.contains(&me.person))
}

fn check_row(visitor: &Visitor, request: &PromotionRequest, run: &CheckRun) -> CheckRow {
    let me = visitor.caller.identity();
    let unread = me.map(|me| request.unread_by(&me.person)).unwrap_or_default();
    let sealed = request.state.is_live() && run.required && unread.contains(&run.plugin);
    let by_whom = || request.opened.iter().filter(|opened| opened.outcome == run.outcome_digest);
    let opened = by_whom();
    let took = if run.took_us < 1_000 {
        format!("{} µs", run.took_us)
    } else {
        format!("{} ms", run.took_us / 1_000)
    };
    CheckRow {
        plugin: run.plugin.to_string(),
        conclusion: run.outcome.conclusion(),
        required: run.required,
        summary: run.outcome.summary().to_owned(),
        findings: run.outcome.findings().to_vec(),
        plugin_digest: run.plugin_digest.to_string(),
        outcome_digest: run.outcome_digest.to_string(),
        ran: visitor.when(run.started_at),
        took,
        sealed,
        opened: opened.map(|opened| (visitor.person(&opened.by), visitor.when(opened.at))).collect(),
        opened_by_viewer: me.is_some_and(|me| by_whom().any(|opened| opened.by == me.person)),
    }
}

fn write(request: &PromotionRequest) -> Write {
    let spelt = App::spelling(&request.placed.action);
    let made = matches!(
        request.state,
        State::Applied { .. } | State::Expired { .. } | State::Suspended { .. } | State::Revoked { .. }
    );
    Write { made, method: spelt.method, path: spelt.path, body: spelt.body }
}

fn subject(request: &PromotionRequest) -> Vec<(&'static str, String)> {
    let subject = &request.subject;
    let mut rows = vec![("Source", subject.source.clone())];
    if subject.version.get() > 0 {
        rows.insert(0, ("Version", format!("{}, version {}", subject.model, subject.version)));
        rows.push(("Created", subject.created.to_string()));
    }
    let files = subject.manifest.map_or_else(|| "could not be read in full".to_owned(), |d| d.to_string());
    rows.push(("Files", files));
    rows.extend(
        request.also.iter().map(|also| ("Also", format!("{}, version {}", also.model, also.version))),
    );
    rows.push(("Policy", request.policy.to_string()));
    rows
}

/// What a signature here takes besides the button.
fn proof(visitor: &Visitor, request: &PromotionRequest, headers: &HeaderMap) -> ProofField {
    let app = visitor.app();
    let (auth, Some(me)) = (app.people.auth(), visitor.caller.identity()) else { return ProofField::None };
    if !is_asked_for(&app.generation.load().policy, request) {
        return ProofField::None;
    }
    let name = me.name.clone();
    match auth.proving() {
        Proving::Password => ProofField::Password { name },
        Proving::Provider if auth.is_confirmed(headers, me, &about(request.id, request.binding)) => {
            ProofField::Confirmed { name }
        }
        Proving::Provider => ProofField::Confirm { name },
        Proving::Impossible => ProofField::Impossible,
    }
}

/// The same rule as the server applies to the form, so that a button that is not there is also refused.
fn panel(visitor: &Visitor, request: &PromotionRequest, typed: ReviewForm) -> ReviewPanel {
    let Some(me) = visitor.caller.identity() else {
        return ReviewPanel::SignIn;
    };
    if !request.state.is_live() {
        let why = format!("This request is {}: there is nothing left to decide.", request.state.as_str());
        return ReviewPanel::Closed { why, form: typed };
    }
    let rights = visitor.app().rights(Some(me), request);
    match rights.why_not {
        Some(why_not_sign) => {
            ReviewPanel::Comment { why_not_sign, form: ReviewForm { rejecting: false, ..typed } }
        }
        None => {
            let seats = rights.seats.iter().map(ToString::to_string).collect();
            let rejecting = typed.rejecting && rights.first.is_none();
            ReviewPanel::Sign(ReviewForm { seats, wait: rights.first, rejecting, ..typed })
        }
    }
}

pub(super) fn capital(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
}

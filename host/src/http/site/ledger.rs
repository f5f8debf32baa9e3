//! The ledger, a page at a time.

use axum::extract::Query;
use axum::response::Response;
use countersign_core::entry::{Anchored, AnchoredAt, Entry, OutcomeResult, PolicyLoad};
use countersign_core::explain::action_phrase;
use countersign_core::facts::Subject;
use countersign_core::names::PersonId;
use countersign_core::request::RequestId;
use countersign_core::time::Millis;
use http::StatusCode;
use serde::Deserialize;

use super::{Trouble, Visitor, page};
use crate::app::{App, LedgerFilter};
use crate::http::api::parse_id;
use crate::http::negotiate::encoded;
use crate::http::pages::Nav;
use crate::http::pages::ledger::{FilterFields, LedgerPage, LedgerRow};
use crate::ledger::Record;

const ROWS: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct LedgerQuery {
    /// The newest index on the page.
    at: Option<u64>,
    #[serde(flatten)]
    filter: FilterFields,
}

pub(super) async fn show(visitor: Visitor, Query(query): Query<LedgerQuery>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let (app, fields) = (visitor.app(), query.filter);
    let size = app.ledger.len().map_err(|error| Trouble::new(&visitor, error))?;
    let checkpoint = app.ledger.checkpoint().await.map_err(|error| Trouble::new(&visitor, error))?;
    let (filter, wrong) = match filter(&visitor, &fields) {
        Ok(filter) => (filter, None),
        Err(wrong) => (LedgerFilter::default(), Some(wrong)),
    };
    let found = app.browse(query.at, &filter, ROWS).map_err(trouble)?;
    let newest = found.records.first().map_or(0, |record| record.index);
    let newer = !fields.is_set() && newest + 1 < size;
    let shown = LedgerPage {
        chrome: visitor.chrome(Nav::Ledger),
        size,
        checkpoint,
        signed: None,
        vkey: app.ledger.verifier().to_string(),
        rows: found.records.iter().map(|record| row(&visitor, record)).collect(),
        newer: newer.then(|| link(&visitor, &fields, (newest + ROWS as u64).min(size - 1))),
        older: found.older.map(|older| link(&visitor, &fields, older)),
        filter: fields,
        wrong,
        gave_up: found.gave_up,
    };
    Ok(page(StatusCode::OK, &shown))
}

fn link(visitor: &Visitor, fields: &FilterFields, at: u64) -> String {
    let FilterFields { kind, model, person, request } = fields;
    let given = [("kind", kind), ("model", model), ("person", person), ("request", request)];
    let given = given.iter().filter(|(_, value)| !value.is_empty());
    let rest: String = given.map(|(key, value)| format!("&{key}={}", encoded(value))).collect();
    format!("{}/ledger?at={at}{rest}", visitor.site.base)
}

/// The filter, or what of it means nothing.
fn filter(visitor: &Visitor, fields: &FilterFields) -> Result<LedgerFilter, String> {
    let given = |field: &str| Some(field.trim().to_owned()).filter(|field| !field.is_empty());
    let id = given(&fields.request).map(|id| parse_id(&id)).transpose();
    let named = |name: String| visitor.app().people.person_of(&name).unwrap_or_else(|| PersonId::new(name));
    Ok(LedgerFilter {
        kind: given(&fields.kind),
        model: given(&fields.model),
        person: given(&fields.person).map(named),
        request: id.map_err(|error| error.to_string())?,
    })
}

fn row(visitor: &Visitor, record: &Record) -> LedgerRow {
    let at = record.parse().map_or(Millis::new(0), |entry| entry.at);
    let entry = App::entry_of(record).ok();
    let (summary, actor, request) = entry.as_ref().map(told).unwrap_or_default();
    LedgerRow {
        index: record.index,
        when: visitor.when(at),
        kind: entry.as_ref().map_or("?", Entry::kind).to_owned(),
        summary,
        actor: actor.map(|id| visitor.person(&id)),
        request: request.map(|id| id.to_string()),
        leaf: hex::encode(record.leaf_hash()).chars().take(12).collect(),
    }
}

/// A sentence, who did it, and the request that it belongs to.
pub(super) fn told(entry: &Entry) -> (String, Option<PersonId>, Option<RequestId>) {
    match entry {
        Entry::Started { software, .. } => (format!("{software} started"), None, None),
        Entry::PolicyLoaded(load) => {
            (took_effect(load), load.by.as_ref().and_then(|by| by.person.clone()), None)
        }
        Entry::PolicyRefused { reason, .. } => (format!("a policy was refused: {reason}"), None, None),
        Entry::VersionCreated { model, version, by, .. } => {
            (format!("{model} version {version} was registered"), by.clone(), None)
        }
        Entry::CheckRun(run) => (
            format!("{} on {} version {}: {}", run.plugin, run.model, run.version, run.conclusion),
            None,
            None,
        ),
        Entry::RuleRun { model, version, run, .. } => {
            (format!("rule {} on {model} version {version}", run.plugin), None, None)
        }
        Entry::RequestOpened { request, placed, authors, .. } => {
            let what = format!("asked to {}", action_phrase(&placed.action));
            (what, authors.requester.clone(), Some(*request))
        }
        Entry::Refused { request, placed, by, decision, .. } => {
            let verb = if decision == "hold" { "held" } else { "refused" };
            (format!("{verb}: {}", action_phrase(&placed.action)), by.clone(), *request)
        }
        Entry::Reviewed { request, review } => {
            let signed =
                review.signature.as_ref().map(|signature| format!(" ({signature})")).unwrap_or_default();
            let words = format!("{}: {}{signed}", review.vote.as_str(), review.rationale);
            (words, Some(review.reviewer.clone()), Some(*request))
        }
        Entry::ReviewRefused { request, by, reason } => (reason.clone(), Some(by.clone()), Some(*request)),
        Entry::Withdrawn { request, by } => ("withdrawn".to_owned(), Some(by.clone()), Some(*request)),
        Entry::Stale { request, .. } => ("what was reviewed has changed".to_owned(), None, Some(*request)),
        Entry::Intent(intent) => {
            (format!("about to {}", action_phrase(&intent.placed.action)), intent.by.clone(), intent.request)
        }
        Entry::Outcome { result, .. } => (ended(result), None, None),
        Entry::WouldRefuse { placed, by, .. } => {
            (format!("would not have let pass: {}", action_phrase(&placed.action)), by.clone(), None)
        }
        Entry::Bypassed(bypass) => {
            let of = |version: Option<countersign_core::names::Version>| {
                version.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"))
            };
            let (was, is) = (of(bypass.was), of(bypass.is));
            let what = bypass.what.replacen(':', " ", 1);
            (format!("{what} of {} moved without a permit: {was} → {is}", bypass.model), None, None)
        }
        Entry::EvidenceOpened { request, opened } => {
            let what = format!("opened the findings of {}", opened.plugin);
            (what, Some(opened.by.clone()), Some(*request))
        }
        Entry::Commented { model, version, comment, .. } => {
            let what = if comment.thread.is_some() { "answered a comment on" } else { "commented on" };
            (format!("{what} {model} version {version}"), Some(comment.author.clone()), comment.request)
        }
        Entry::CommentEdited { request, by, .. } => {
            ("reworded a comment".to_owned(), Some(by.clone()), *request)
        }
        Entry::CommentDeleted { request, by, .. } => {
            ("took a comment back".to_owned(), Some(by.clone()), *request)
        }
        Entry::ThreadSettled { request, by, resolved, .. } => {
            let what = if *resolved { "resolved a thread" } else { "opened a thread again" };
            (what.to_owned(), Some(by.clone()), *request)
        }
        _ => exception(entry),
    }
}

/// Which policy, instead of which, and what is known of who had it taken up.
fn took_effect(load: &PolicyLoad) -> String {
    let instead = load.previous.map(|was| format!(" instead of {}", was.short())).unwrap_or_default();
    // A person stands beside the sentence.
    let claimed = load.by.as_ref().filter(|by| by.person.is_none());
    let by = claimed.map(|by| format!(": {}", by.phrase())).unwrap_or_default();
    format!("policy {} took effect{instead}{by}", load.policy.short())
}

fn exception(entry: &Entry) -> (String, Option<PersonId>, Option<RequestId>) {
    match entry {
        Entry::WaiverAsked { waiver } => {
            let what = format!("asked to waive {}: {}", waiver.requirement, waiver.reason);
            (what, Some(waiver.author.clone()), None)
        }
        Entry::WaiverApproved { word, .. } => {
            (format!("approved a waiver: {}", word.rationale), Some(word.by.clone()), None)
        }
        Entry::WaiverRevoked { word, .. } => {
            (format!("revoked a waiver: {}", word.rationale), Some(word.by.clone()), None)
        }
        Entry::BrokeGlass { used } => {
            let verb = if used.drill { "drilled breaking" } else { "broke" };
            let what = format!("{verb} the glass ({}): {}", used.ticket, used.reason);
            (what, Some(used.by.clone()), Some(used.request))
        }
        Entry::BreakGlassReviewed { word, .. } => {
            (format!("reviewed an emergency: {}", word.rationale), Some(word.by.clone()), None)
        }
        Entry::ExceptionRefused { by, what, reason } => {
            (format!("could not {what}: {reason}"), Some(by.clone()), None)
        }
        Entry::SkipAcknowledged { by, .. } => {
            ("has seen the emergency that passed their seat over".to_owned(), Some(by.clone()), None)
        }
        _ => standing(entry),
    }
}

/// What people said of an approval whose write was made, and what its tier did.
pub(super) fn standing(entry: &Entry) -> (String, Option<PersonId>, Option<RequestId>) {
    match entry {
        Entry::Suspended(said) | Entry::Resumed(said) | Entry::Revoked(said) => {
            (format!("{} the approval: {}", entry.kind(), said.reason), said.by.clone(), Some(said.request))
        }
        Entry::Sampled { request, seat, .. } => {
            (format!("drawn for a review after the fact by seat {seat}"), None, Some(*request))
        }
        Entry::SampleReviewed { request, word, confirmed } => {
            let verb = if *confirmed { "confirmed" } else { "objected to" };
            (format!("{verb} it as a sample: {}", word.rationale), Some(word.by.clone()), Some(*request))
        }
        Entry::TierDrift { live, drift } => {
            let (model, version) = (&live.model, live.version);
            (format!("{model} version {version} is live, and {drift}"), None, live.request.or(drift.renewal))
        }
        Entry::TierRestored { live, tier } => {
            let what = format!("the tier of {} version {} is `{tier}` again", live.model, live.version);
            (what, None, live.request)
        }
        _ => time(entry),
    }
}

/// What time did.
fn time(entry: &Entry) -> (String, Option<PersonId>, Option<RequestId>) {
    let (words, request) = match entry {
        Entry::Lapsed { request } => ("nobody settled it in time".to_owned(), request),
        Entry::Expired { request } => ("its approval has run out".to_owned(), request),
        Entry::Expiring { request, .. } => (running_out(entry).unwrap_or_default(), request),
        Entry::FallingBack { request, placed, .. } => {
            (format!("its approval is over, so {}", action_phrase(&placed.action)), request)
        }
        Entry::NotFallenBack { request, reason } => (format!("it stays: {reason}"), request),
        Entry::WindowOpened { request, by, until, .. } => {
            return (format!("begins to write files, until {until}"), Some(by.clone()), Some(*request));
        }
        Entry::WindowClosed { request, changed } => (window_closed(changed), request),
        Entry::Undermined { request, .. } => {
            ("what was approved has changed since its write was made".to_owned(), request)
        }
        Entry::Anchored(anchored) => return (kept_elsewhere(anchored), None, None),
        _ => return super::kept::told(entry),
    };
    (words, None, Some(*request))
}

/// Where a checkpoint went.
fn kept_elsewhere(anchored: &Anchored) -> String {
    let at = |at: &AnchoredAt| match &at.mark {
        Some(mark) => format!("{} ({})", at.place, mark.chars().take(12).collect::<String>()),
        None => at.place.clone(),
    };
    let places: Vec<String> = anchored.places.iter().map(at).collect();
    format!("the checkpoint of {} entries was put into {}", anchored.size, places.join(", "))
}

/// What came of the time in which files were written.
pub(super) fn window_closed(changed: &[Subject]) -> String {
    let versions: Vec<String> =
        changed.iter().map(|subject| format!("{} version {}", subject.model, subject.version)).collect();
    match versions.is_empty() {
        true => "files are written no more; nothing has changed".to_owned(),
        false => format!("files are written no more; changed: {}", versions.join(", ")),
    }
}

/// A warning, with what the checks say now.
pub(super) fn running_out(entry: &Entry) -> Option<String> {
    let Entry::Expiring { days, checks, .. } = entry else { return None };
    let unit = if *days == 1 { "day" } else { "days" };
    let says: Vec<String> =
        checks.iter().map(|check| format!("{} says {}", check.plugin, check.conclusion)).collect();
    let says = if says.is_empty() { "it has no checks".to_owned() } else { says.join(", ") };
    Some(format!("the approval runs out within {days} {unit}; {says}"))
}

/// How a write ended, in words.
fn ended(result: &OutcomeResult) -> String {
    match result {
        OutcomeResult::Applied => "MLflow made the change".to_owned(),
        OutcomeResult::Refused { status, message } => format!("MLflow refused it with {status}: {message}"),
        OutcomeResult::Unknown { message } => format!("nobody knows yet whether MLflow made it: {message}"),
        OutcomeResult::FoundApplied => "found in MLflow afterwards: the change was made".to_owned(),
        OutcomeResult::CannotTell => {
            "nothing shows whether the files were written: it counts as made".to_owned()
        }
        OutcomeResult::FoundNotApplied => {
            "not found in MLflow afterwards: the change was not made".to_owned()
        }
    }
}

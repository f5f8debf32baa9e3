//! A request's history: what the request itself knows, and what the ledger knows besides, each with its entry.

use countersign_core::entry::Entry;
use countersign_core::explain::action_phrase;
use countersign_core::names::PersonId;
use countersign_core::request::{PromotionRequest, State};
use countersign_core::review::{Review, Vote};
use countersign_core::time::Millis;

use crate::http::pages::Tone;
use crate::http::pages::parts::count;
use crate::http::pages::request::Event;
use crate::http::site::Visitor;
use crate::http::site::errors::sentence;
use crate::http::site::ledger::{running_out, standing, window_closed};
use crate::http::site::request::capital;

type Recorded = (u64, Millis, Entry);

/// Finds the index of the entry that is asked for.
type Find<'f> = &'f dyn Fn(&dyn Fn(&Entry) -> bool) -> Option<u64>;

/// Oldest first. A ledger that cannot be read leaves the request's own part.
pub(super) fn events(visitor: &Visitor, request: &PromotionRequest) -> Vec<Event> {
    let recorded = visitor.app().entries_about(request).unwrap_or_else(|error| {
        tracing::warn!(%error, "history without the ledger");
        Vec::new()
    });
    let mut events = own(visitor, request, &recorded);
    events.extend(besides(visitor, request, &recorded));
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().map(|(_, event)| event).collect()
}

fn own(visitor: &Visitor, request: &PromotionRequest, recorded: &[Recorded]) -> Vec<(Millis, Event)> {
    let entry = |wanted: &dyn Fn(&Entry) -> bool| {
        recorded.iter().find(|(_, _, entry)| wanted(entry)).map(|(index, ..)| *index)
    };
    let requester = request.authors.requester.as_ref();
    let asked = event(visitor, request.opened_at, requester, "asked for this", ("open", Tone::Quiet));
    let asked = Event { entry: entry(&|entry| matches!(entry, Entry::RequestOpened { .. })), ..asked };
    let mut events = vec![(request.opened_at, asked)];
    for review in &request.reviews {
        let (what, icon, tone) = said(review);
        let told = event(visitor, review.at, Some(&review.reviewer), &what, (icon, tone));
        let id =
            entry(&|entry| matches!(entry, Entry::Reviewed { review: kept, .. } if kept.id == review.id));
        let note = Some(review.rationale.clone()).filter(|words| !words.is_empty());
        let signature = review.signature.as_ref().map(|signature| sentence(&signature.to_string()));
        events.push((review.at, Event { note, signature, entry: id, ..told }));
    }
    events.extend(ended(visitor, request, &entry));
    events
}

fn ended(visitor: &Visitor, request: &PromotionRequest, entry: Find<'_>) -> Option<(Millis, Event)> {
    let (at, event, entry) = match &request.state {
        State::Approved { at } => {
            (*at, event(visitor, *at, None, "Nothing is missing any more", ("check", Tone::Good)), None)
        }
        State::Applied { at, intent } => {
            (*at, event(visitor, *at, None, "MLflow made the change", ("seal", Tone::Good)), Some(*intent))
        }
        State::Withdrawn { at, by } => {
            let kept = entry(&|entry| matches!(entry, Entry::Withdrawn { .. }));
            (*at, event(visitor, *at, Some(by), "withdrew it", ("dash", Tone::Quiet)), kept)
        }
        State::Lapsed { at } => {
            let kept = entry(&|entry| matches!(entry, Entry::Lapsed { .. }));
            (*at, event(visitor, *at, None, "Nobody settled it in time", ("clock", Tone::Quiet)), kept)
        }
        State::Expired { at, .. } => {
            let kept = entry(&|entry| matches!(entry, Entry::Expired { .. }));
            (*at, event(visitor, *at, None, "The approval has run out", ("alert", Tone::Warning)), kept)
        }
        State::Suspended { at, by, reason, .. } | State::Revoked { at, by, reason, .. } => {
            let what = format!("{} it: {reason}", request.state.as_str());
            (*at, event(visitor, *at, by.as_ref(), &what, ("alert", Tone::Bad)), None)
        }
        State::Superseded { at, .. } => (
            *at,
            event(visitor, *at, None, "Another request stands in its place", ("dash", Tone::Quiet)),
            None,
        ),
        // The review that rejected it says so.
        State::Open | State::InReview | State::Applying { .. } | State::Rejected { .. } => return None,
    };
    Some((at, Event { entry, ..event }))
}

/// What only the ledger knows: further calls, signatures that were refused, changes of what is reviewed.
fn besides(visitor: &Visitor, request: &PromotionRequest, recorded: &[Recorded]) -> Vec<(Millis, Event)> {
    let mut events: Vec<(Millis, Event)> = Vec::new();
    let mut calls: Option<(Option<&PersonId>, usize)> = None;
    let first = recorded.iter().position(|(_, _, entry)| matches!(entry, Entry::Refused { .. }));
    for (number, (index, at, entry)) in recorded.iter().enumerate() {
        let (actor, what, icon) = match entry {
            // The call that opened the request is told by the request.
            Entry::Refused { .. } if Some(number) == first => continue,
            Entry::Refused { by, decision, .. } => {
                let number = again(&mut events, &mut calls, by.as_ref());
                (by.as_ref(), called(number, decision), "open")
            }
            Entry::ReviewRefused { by, reason, .. } => {
                (Some(by), format!("could not sign: {reason}"), "lock")
            }
            Entry::EvidenceOpened { opened, .. } => {
                (Some(&opened.by), format!("opened the findings of {}", opened.plugin), "eye")
            }
            Entry::BrokeGlass { used } => {
                let word = if used.drill { "drilled breaking" } else { "broke" };
                (Some(&used.by), format!("{word} the glass ({}): {}", used.ticket, used.reason), "alert")
            }
            Entry::Expiring { .. } => (None, capital(&running_out(entry).unwrap_or_default()), "clock"),
            Entry::FallingBack { placed, .. } => {
                (None, format!("It falls back: {}", action_phrase(&placed.action)), "alert")
            }
            Entry::WindowOpened { by, until, .. } => {
                (Some(by), format!("began to write files, which they may until {until}"), "open")
            }
            Entry::WindowClosed { changed, .. } => (None, capital(&window_closed(changed)), "clock"),
            Entry::Undermined { .. } => {
                (None, "What was approved has changed since the change was made".to_owned(), "alert")
            }
            Entry::NotFallenBack { reason, .. } => (None, format!("It stays: {reason}"), "alert"),
            Entry::Resumed(said) => (said.by.as_ref(), format!("resumed it: {}", said.reason), "check"),
            // The state says it while it lasts.
            Entry::Suspended(said) if !has_state(request, "suspended") => {
                (said.by.as_ref(), format!("suspended it: {}", said.reason), "alert")
            }
            Entry::Sampled { .. } | Entry::TierDrift { .. } | Entry::TierRestored { .. } => {
                (None, capital(&standing(entry).0), "eye")
            }
            Entry::SampleReviewed { word, .. } => (Some(&word.by), standing(entry).0, "eye"),
            Entry::Stale { .. } => {
                (None, "What is reviewed has changed; earlier signatures lapsed".to_owned(), "alert")
            }
            _ => continue,
        };
        if !matches!(entry, Entry::Refused { .. }) {
            calls = None;
        }
        let tone = if icon == "alert" { Tone::Warning } else { Tone::Quiet };
        let event = event(visitor, *at, actor, &what, (icon, tone));
        events.push((*at, Event { entry: Some(*index), ..event }));
    }
    events
}

/// A client that calls in a loop makes one line, not hundreds.
fn again<'e>(
    events: &mut Vec<(Millis, Event)>,
    calls: &mut Option<(Option<&'e PersonId>, usize)>,
    by: Option<&'e PersonId>,
) -> usize {
    let number = match *calls {
        Some((before, number)) if before == by => {
            events.pop();
            number + 1
        }
        _ => 1,
    };
    *calls = Some((by, number));
    number
}

fn called(number: usize, decision: &str) -> String {
    let answer = if decision == "hold" { "was told to wait" } else { "was refused" };
    match number {
        1 => format!("called again, and {answer}"),
        _ => format!("called {} more, and {answer}", count(number, "time", "times")),
    }
}

fn event(
    visitor: &Visitor,
    at: Millis,
    actor: Option<&PersonId>,
    what: &str,
    (icon, tone): (&'static str, Tone),
) -> Event {
    let actor = actor.map(|id| visitor.person(id));
    Event {
        when: visitor.when(at),
        actor,
        what: what.to_owned(),
        icon,
        tone,
        note: None,
        signature: None,
        entry: None,
    }
}

fn said(review: &Review) -> (String, &'static str, Tone) {
    let seat = review.seat.as_ref().map(|seat| format!(" in seat {seat}")).unwrap_or_default();
    match review.vote {
        Vote::Approve => (format!("approved{seat}"), "check", Tone::Good),
        Vote::Reject => (format!("rejected{seat}"), "cross", Tone::Bad),
        Vote::Comment => ("commented".to_owned(), "chat", Tone::Quiet),
        Vote::Abstain => (format!("abstained{seat}"), "dash", Tone::Quiet),
        Vote::Recuse => (format!("stood aside{seat}"), "dash", Tone::Quiet),
    }
}

fn has_state(request: &PromotionRequest, state: &str) -> bool {
    request.state.as_str() == state
}

//! The inbox.

mod ahead;

use axum::extract::Query;
use axum::response::Response;
use countersign_core::check::Conclusion;
use countersign_core::explain;
use countersign_core::names::{PersonId, Seat};
use countersign_core::request::{PromotionRequest, RequestId, State};
use countersign_core::search::{Search, SearchError};
use http::StatusCode;
use serde::Deserialize;

use self::ahead::Ahead;
use super::request::{capital, phrase};
use super::{Trouble, Visitor, page};
use crate::app::{AppError, Counts, RequestFilter, RequestPage};
use crate::http::api::headline;
use crate::http::pages::inbox::{CheckTally, InboxPage, InboxRow, SearchBox, Skipped, Tab};
use crate::http::pages::{Chip, ModelAt, Nav};

const ROWS: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct InboxQuery {
    tab: Option<String>,
    /// What is in the box.
    #[serde(default)]
    q: String,
    after: Option<RequestId>,
}

pub(super) async fn show(visitor: Visitor, Query(query): Query<InboxQuery>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let counts = visitor.app().counts(visitor.caller.identity()).map_err(trouble)?;
    let named = query.tab.as_deref().and_then(Tab::parse);
    let tab = named.unwrap_or(if counts.waiting_for_me > 0 { Tab::NeedsMyReview } else { Tab::All });
    let search = read(&visitor, &query.q);
    let wrong = search.as_ref().err().map(ToString::to_string);
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let found = match search {
        Ok(search) => found(&visitor, tab, search, query.after).map_err(trouble)?,
        Err(_) => RequestPage { requests: Vec::new(), next: None },
    };
    let search = SearchBox { typed: query.q, wrong };
    let shown = shown(&visitor, tab, &counts, found, search).map_err(trouble)?;
    Ok(page(status, &shown))
}

/// `by:me` is whoever looks, unless somebody is called so.
fn read(visitor: &Visitor, typed: &str) -> Result<Search, SearchError> {
    let me = visitor.caller.identity();
    let named = |name: &str| match me {
        Some(me) if name == "me" && visitor.app().people.person_of(name).is_none() => me.person.clone(),
        _ => PersonId::new(name),
    };
    Ok(typed.parse::<Search>()?.by_id(named))
}

fn found(
    visitor: &Visitor,
    tab: Tab,
    search: Search,
    after: Option<RequestId>,
) -> Result<RequestPage, AppError> {
    let me = visitor.caller.identity();
    if me.is_none() && tab != Tab::All {
        return Ok(RequestPage { requests: Vec::new(), next: None });
    }
    let all = RequestFilter { search, after, limit: ROWS, ..RequestFilter::default() };
    visitor.app().request_page(&match tab {
        Tab::NeedsMyReview => RequestFilter { waits_for: me.cloned(), ..all },
        Tab::RequestedByMe => RequestFilter { requester: me.map(|me| me.person.clone()), ..all },
        Tab::All => all,
    })
}

fn shown(
    visitor: &Visitor,
    tab: Tab,
    counts: &Counts,
    found: RequestPage,
    search: SearchBox,
) -> Result<InboxPage, AppError> {
    let (base, asked) = (&visitor.site.base, search.query());
    let ahead = Ahead::of(visitor, &found.requests)?;
    Ok(InboxPage {
        chrome: visitor.chrome(Nav::Inbox),
        tab,
        needs_my_review: counts.waiting_for_me,
        requested_by_me: counts.asked_by_me,
        all: counts.all,
        rows: found.requests.iter().map(|request| row(visitor, request, &ahead)).collect(),
        skipped: passed_over(visitor)?,
        older: found.next.map(|id| format!("{base}/?tab={}{asked}&after={id}", tab.as_str())),
        search,
    })
}

fn passed_over(visitor: &Visitor) -> Result<Vec<Skipped>, AppError> {
    let Some(me) = visitor.caller.identity() else { return Ok(Vec::new()) };
    let skipped = visitor.app().skipped(me)?.into_iter().map(|used| Skipped {
        id: used.id.to_string(),
        request: used.request.to_string(),
        action: capital(&explain::action_phrase(&used.placed.action)),
        by: visitor.person(&used.by),
        at: visitor.when(used.at),
        reason: used.reason,
        ticket: used.ticket,
    });
    Ok(skipped.collect())
}

fn row(visitor: &Visitor, request: &PromotionRequest, ahead: &Ahead) -> InboxRow {
    let members = visitor.app().people.signers(
        &visitor.app().generation.load().policy,
        &request.authors,
        visitor.now(),
    );
    let of_seat = |seat: &Seat| members.get(seat).cloned().unwrap_or_default();
    let seats = request.gates.iter().flat_map(|gate| gate.seats.values());
    let (signed, needed) = seats.fold((0, 0), |(signed, needed), seat| {
        (signed + u32::try_from(seat.signed.len()).unwrap_or(u32::MAX), needed + seat.needed)
    });
    let headline = headline(request, &of_seat, visitor.now());
    InboxRow {
        id: request.id.to_string(),
        chips: chips(request),
        missing: missing(request, &headline),
        expected: ahead.expected(visitor, request),
        line: ahead.line(request),
        model: ModelAt::new(&request.subject.workspace, &request.subject.model),
        action: capital(&phrase(request)),
        headline,
        requester: visitor.somebody(request.authors.requester.as_ref()),
        opened: visitor.when(request.opened_at),
        checks: tally(request),
        signed,
        needed,
    }
}

/// What is not met, but for what the headline says already.
fn missing(request: &PromotionRequest, headline: &str) -> Vec<String> {
    if !matches!(request.state, State::Open | State::InReview) {
        return Vec::new();
    }
    let said = |item: &String| headline.contains(item.as_str());
    explain::unmet(&request.gates).into_iter().filter(|item| !said(item)).collect()
}

/// The version that is judged; one that is about to be registered has no number yet.
pub(super) fn version(request: &PromotionRequest) -> Option<String> {
    let number = request.subject.version;
    (number.get() > 0).then(|| number.to_string())
}

/// State first, then flags.
pub(super) fn chips(request: &PromotionRequest) -> Vec<Chip> {
    let mut chips = vec![Chip::of_state(&request.state)];
    let applied_and_not_so = request.drift.is_some() || request.undermined.is_some();
    if request.flags.stale && (request.state.is_live() || applied_and_not_so) {
        chips.push(Chip::stale());
    }
    if request.sample_waits_for().is_some() {
        chips.push(Chip::sampled());
    }
    if request.flags.bypassed {
        chips.push(Chip::bypassed());
    }
    if request.flags.waived {
        chips.push(Chip::waived());
    }
    if request.flags.break_glass {
        chips.push(Chip::break_glass());
    }
    chips
}

fn tally(request: &PromotionRequest) -> CheckTally {
    let number = |wanted: &[Conclusion]| {
        request.check_runs.iter().filter(|run| wanted.contains(&run.outcome.conclusion())).count()
    };
    CheckTally {
        failed: number(&[Conclusion::Fail, Conclusion::Error]),
        warned: number(&[Conclusion::Warn]),
        passed: number(&[Conclusion::Pass]),
        skipped: number(&[Conclusion::Skipped]),
    }
}

#[cfg(test)]
mod tests;

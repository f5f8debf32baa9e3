//! The inbox.

use axum::extract::Query;
use axum::response::Response;
use countersign_core::explain;
use countersign_core::names::Seat;
use countersign_core::request::{PromotionRequest, RequestId};
use http::StatusCode;
use serde::Deserialize;

use super::request::{capital, phrase};
use super::{Trouble, Visitor, page};
use crate::app::{AppError, RequestFilter};
use crate::http::api::headline;
use crate::http::pages::inbox::{CheckTally, InboxPage, InboxRow, Skipped, Tab};
use crate::http::pages::{Chip, Nav};
use countersign_core::check::Conclusion;

const ROWS: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct InboxQuery {
    tab: Option<String>,
    after: Option<RequestId>,
}

pub(super) async fn show(visitor: Visitor, Query(query): Query<InboxQuery>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let app = visitor.app();
    let me = visitor.caller.identity();
    let mine = RequestFilter {
        requester: me.map(|me| me.person.clone()),
        after: None,
        limit: ROWS,
        ..RequestFilter::default()
    };
    let review = RequestFilter { waits_for: me.cloned(), limit: ROWS, ..RequestFilter::default() };
    let all = RequestFilter { limit: ROWS, ..RequestFilter::default() };
    let counts = app.counts(me).map_err(trouble)?;
    let named = query.tab.as_deref().and_then(Tab::parse);
    let tab = named.unwrap_or(if counts.waiting_for_me > 0 { Tab::NeedsMyReview } else { Tab::All });
    let filter = match tab {
        Tab::NeedsMyReview => review,
        Tab::RequestedByMe => mine,
        Tab::All => all,
    };
    let signed_out = me.is_none() && tab != Tab::All;
    let filter = RequestFilter { after: query.after, ..filter };
    let found = (!signed_out).then(|| app.request_page(&filter)).transpose().map_err(trouble)?;
    let next = found.as_ref().and_then(|found| found.next);
    let older = next.map(|id| format!("{}/?tab={}&after={id}", visitor.site.base, tab.as_str()));
    let found = found.map(|found| found.requests).unwrap_or_default();
    let shown = InboxPage {
        chrome: visitor.chrome(Nav::Inbox),
        tab,
        needs_my_review: counts.waiting_for_me,
        requested_by_me: counts.asked_by_me,
        all: counts.all,
        rows: found.iter().map(|request| row(&visitor, request)).collect(),
        skipped: passed_over(&visitor).map_err(trouble)?,
        older,
    };
    Ok(page(StatusCode::OK, &shown))
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

fn row(visitor: &Visitor, request: &PromotionRequest) -> InboxRow {
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
    InboxRow {
        id: request.id.to_string(),
        chips: chips(request),
        model: request.subject.model.to_string(),
        version: version(request),
        action: capital(&phrase(request)),
        headline: headline(request, &of_seat),
        requester: visitor.somebody(request.authors.requester.as_ref()),
        opened: visitor.when(request.opened_at),
        checks: tally(request),
        signed,
        needed,
    }
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

//! How requests flow: lead time, what is open, what passes at once, what needs nobody.

use std::collections::BTreeMap;

use super::Projection;
use super::aliases::How;
use super::fold::Made;
use super::quantile::{SHOWN, rank};
use super::scope::{Buckets, Scope};
use super::story::{Phases, Story};
use super::table::{Cell, Table, columns};

const HOUR: i64 = 3_600_000;

/// Upper ends of the ages of open requests.
const AGES: [(&str, i64); 5] = [
    ("<1d", 24 * HOUR),
    ("1-3d", 72 * HOUR),
    ("3-7d", 168 * HOUR),
    ("7-30d", 720 * HOUR),
    (">30d", i64::MAX),
];

/// The tier of requests that have none.
pub const NO_TIER: &str = "(no tier)";

fn tier_of(story: &Story) -> String {
    story.tier.as_ref().map_or_else(|| NO_TIER.to_owned(), ToString::to_string)
}

fn about<'a>(projection: &'a Projection, scope: &'a Scope) -> impl Iterator<Item = &'a Story> {
    projection.stories().filter(|story| scope.is_about(&story.model, story.tier.as_ref()))
}

/// From request to approval, by tier and quantile; where there are several tiers, first of all together. The parts of a quantile are those of the requests around it (a
/// tenth of all to each side), brought to its length: one request alone would say more about itself than about the
/// quantile, and quantiles of each part do not add up.
#[must_use]
pub fn lead_time(projection: &Projection, scope: &Scope) -> Table {
    let mut tiers: BTreeMap<String, Vec<Phases>> = BTreeMap::new();
    for story in about(projection, scope).filter(|story| story.announced.is_some_and(|at| scope.has(at))) {
        if let Some(phases) = story.phases() {
            tiers.entry(tier_of(story)).or_default().push(phases);
        }
    }
    let several = tiers.len() > 1;
    let all: Vec<Phases> = tiers.values().flatten().copied().collect();
    let together = several.then(|| ("all".to_owned(), all));
    let rows = together.into_iter().chain(tiers).flat_map(|(tier, mut all)| {
        all.sort_by_key(|phases| (phases.total(), phases.parts()));
        SHOWN.into_iter().filter_map(move |percent| lead_time_row(&tier, percent, &all))
    });
    Table {
        name: "lead-time",
        title: "Approval lead time",
        meaning: "From opening a request to the last approving vote before its write. Checks: until nothing but \
                  signatures was missing. Queue: until a reviewer opened evidence. Evidence: until the first vote. \
                  Review: until the last. Half, 85 % and 95 % of all approvals took no longer."
            .to_owned(),
        columns: columns(&[
            ("tier", "Tier"),
            ("percentile", "Percentile"),
            ("approvals", "Approvals"),
            ("lead_s", "Lead time"),
            ("checks_s", "Checks"),
            ("queue_s", "Queue"),
            ("evidence_s", "Evidence"),
            ("review_s", "Review"),
        ]),
        rows: rows.collect(),
    }
}

fn lead_time_row(tier: &str, percent: u8, sorted: &[Phases]) -> Option<Vec<Cell>> {
    let at = rank(sorted.len(), percent)?;
    let lead = sorted.get(at)?.total();
    let reach = sorted.len() / 10;
    let around = sorted.get(at.saturating_sub(reach)..=(at + reach).min(sorted.len() - 1))?;
    let parts = split(lead, around).map(Cell::Millis);
    let head = [Cell::text(tier), Cell::text(format_args!("p{percent}")), Cell::count(sorted.len())];
    Some(head.into_iter().chain([Cell::Millis(lead)]).chain(parts).collect())
}

/// Divides a lead time as those around it are divided, without losing a millisecond.
fn split(lead: i64, around: &[Phases]) -> [i64; 4] {
    let mut sums = [0_i128; 4];
    for phases in around {
        for (sum, part) in sums.iter_mut().zip(phases.parts()) {
            *sum += i128::from(part);
        }
    }
    let total = sums.iter().sum::<i128>().max(1);
    let mut before = 0;
    let mut running = 0_i128;
    sums.map(|sum| {
        running += sum;
        let until = i64::try_from(i128::from(lead) * running / total).unwrap_or(lead);
        let part = until - before;
        before = until;
        part
    })
}

/// Requests that are neither applied nor ended, by age now. The time range does not apply.
#[must_use]
pub fn open_requests(projection: &Projection, scope: &Scope) -> Table {
    let mut counts = [[0_usize; 2]; AGES.len()];
    for story in about(projection, scope).filter(|story| story.is_open()) {
        let age = scope.now.since(story.opened);
        let band = AGES.iter().zip(counts.iter_mut()).find(|((_, end), _)| age < *end);
        if let Some((_, [blocked, waiting])) = band {
            *(if story.is_blocked { blocked } else { waiting }) += 1;
        }
    }
    let rows = AGES.iter().zip(counts).map(|((age, _), [blocked, waiting])| {
        vec![Cell::text(age), Cell::count(blocked), Cell::count(waiting)]
    });
    Table {
        name: "open-requests",
        title: "Open requests by age",
        meaning: "Requests at this moment whose write was not made and that have not ended, by who must act: their \
                  authors, where a check or a missing fact stands in the way, or those who sign and apply."
            .to_owned(),
        columns: columns(&[("age", "Age"), ("blocked", "Blocked"), ("waiting", "Waiting for people")]),
        rows: rows.collect(),
    }
}

/// Of the requests that ended, those that went through at the first attempt.
#[must_use]
pub fn first_pass(projection: &Projection, scope: &Scope) -> Table {
    let buckets = Buckets::new(scope, projection.first());
    let mut counts = vec![[0_usize; 2]; buckets.len()];
    for story in about(projection, scope) {
        let Some((_, at)) = story.ended.filter(|(_, at)| scope.has(*at)) else { continue };
        if let Some([settled, passed]) = buckets.index(at).and_then(|index| counts.get_mut(index)) {
            *settled += 1;
            *passed += usize::from(story.passed_at_once());
        }
    }
    let rows = buckets.labels().zip(counts).map(|(from, [settled, passed])| {
        let share = Cell::share(passed as u64, settled as u64);
        vec![Cell::Text(from), Cell::count(passed), Cell::count(settled - passed), share]
    });
    Table {
        name: "first-pass",
        title: "First-pass yield",
        meaning: format!(
            "Requests by the {} in which they were applied, rejected, withdrawn or lapsed. At the first attempt: \
             applied, and no check stood in the way, nothing changed under review, nobody rejected, and no earlier \
             request for the same write had failed.",
            buckets.piece()
        ),
        columns: columns(&[
            ("from", "From"),
            ("first_pass", "At the first attempt"),
            ("other", "Otherwise"),
            ("yield", "Yield"),
        ]),
        rows: rows.collect(),
    }
}

/// Of the writes that were made, those that needed nobody.
#[must_use]
pub fn auto_approved(projection: &Projection, scope: &Scope) -> Table {
    let buckets = Buckets::new(scope, projection.first());
    let mut counts = vec![[0_u64; 3]; buckets.len()];
    let about = |made: &&Made| {
        let of_model = made.model.as_ref().is_none_or(|model| scope.is_about(model, made.tier.as_ref()));
        of_model && scope.has(made.at)
    };
    for made in projection.made().iter().filter(about) {
        let row = buckets.index(made.at).and_then(|index| counts.get_mut(index));
        let Some([alone, signed, glass]) = row else { continue };
        match made.how {
            How::Unasked => *alone += 1,
            How::Signed => *signed += 1,
            How::BreakGlass => *glass += 1,
            How::Fallback | How::PutBack | How::Bypassed => {}
        }
    }
    let rows = buckets.labels().zip(counts).map(|(from, [alone, signed, glass])| {
        let share = Cell::share(alone, alone + signed + glass);
        vec![Cell::Text(from), Cell::Count(alone), Cell::Count(signed), Cell::Count(glass), share]
    });
    Table {
        name: "auto-approved",
        title: "Writes without people",
        meaning: format!(
            "Governed writes that were made, by {}: automatically where no gate asked for a signature, signed, or in \
             an emergency. What Countersign moves by itself (fallbacks, bypasses put back) is left out.",
            buckets.piece()
        ),
        columns: columns(&[
            ("from", "From"),
            ("automatic", "Automatic"),
            ("signed", "Signed"),
            ("break_glass", "Break-glass"),
            ("share", "Share automatic"),
        ]),
        rows: rows.collect(),
    }
}

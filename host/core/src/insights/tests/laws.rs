//! Laws: of quantiles, of time cut into pieces, and of taking in a ledger.

use proptest::prelude::*;

use super::told::{HOUR, Told, request};
use super::*;
use crate::insights::quantile::{quantile, rank};

/// What may happen to one request, in hours after it was opened.
#[derive(Debug, Clone)]
struct Life {
    opened: i64,
    blocked: bool,
    steps: Vec<(i64, u8)>,
}

fn lives(most: usize) -> impl Strategy<Value = Vec<Life>> {
    let steps = proptest::collection::vec((0..30_i64, 0..7_u8), 0..8);
    let life = (0..900_i64, any::<bool>(), steps).prop_map(|(opened, blocked, mut steps)| {
        steps.sort_unstable();
        Life { opened, blocked, steps }
    });
    proptest::collection::vec(life, 1..most)
}

fn told(number: u32, life: &Life) -> Told {
    let people = ["ruth", "rob", "rosa"];
    let who = people[number as usize % 3];
    let begun = Told::default().opened(life.opened, number, if life.blocked { "blocked" } else { "clear" });
    life.steps.iter().fold(begun, |told, (after, step)| {
        let hour = life.opened + after;
        match step {
            0 => told.refused(hour, number, "clear"),
            1 => told.looked(hour, number, who),
            2 => told.voted(hour, number, who, true),
            3 => told.voted(hour, number, people[(number as usize + 1) % 3], true),
            4 => told.written(hour, number),
            5 => told.stale(hour, number),
            _ => told.ran(hour, "auc", number % 4, if number.is_multiple_of(2) { "fail" } else { "pass" }),
        }
    })
}

/// In the order of time; requests that something happens to at the same time one after the other.
fn merged(parts: Vec<Told>) -> Told {
    let mut entries: Vec<_> = parts.into_iter().flat_map(|part| part.entries).collect();
    entries.sort_by_key(|(at, _)| *at);
    Told { entries, ..Told::default() }
}

fn tables(told: &Told) -> Vec<Table> {
    let (projection, scope, reader) = (told.projection(), scope(), Reader::Auditor);
    let asked = Asked { projection: &projection, scope: &scope, held: &[], reader: &reader };
    NAMES.into_iter().chain([REVIEWERS]).map(|name| table(name, asked).unwrap()).collect()
}

fn all(lives: &[Life]) -> Vec<Told> {
    (1_u32..).zip(lives).map(|(number, life)| told(number, life)).collect()
}

proptest! {
    #[test]
    fn a_quantile_is_a_value_that_enough_others_do_not_exceed(values in proptest::collection::vec(any::<i32>(), 1..60), percent in 0..=100_u8) {
        let values: Vec<i64> = values.into_iter().map(i64::from).collect();
        let found = quantile(values.clone(), percent).unwrap();
        prop_assert!(values.contains(&found));
        let below = values.iter().filter(|value| **value <= found).count();
        prop_assert!(below * 100 >= values.len() * usize::from(percent));
        let strictly = values.iter().filter(|value| **value < found).count();
        prop_assert!(strictly == 0 || strictly * 100 < values.len() * usize::from(percent));
        let backwards: Vec<i64> = values.iter().rev().copied().collect();
        prop_assert_eq!(quantile(backwards, percent), Some(found));
        prop_assert!(percent == 100 || quantile(values, percent + 1).unwrap() >= found);
    }

    #[test]
    fn a_rank_is_within(count in 0..1_000_usize, percent in any::<u8>()) {
        prop_assert_eq!(rank(count, percent).is_none(), count == 0);
        prop_assert!(rank(count, percent).is_none_or(|at| at < count));
    }

    #[test]
    fn every_moment_of_a_scope_is_in_one_piece(now in 0..2_000_000_000_000_i64, back in 0.0..1.0_f64, since in 0..4_usize) {
        let scope = Scope { since: Since::ALL[since], now: Millis::new(now), ..scope() };
        let buckets = Buckets::new(&scope, None);
        let from = scope.from().get();
        let at = Millis::new(from + (((now - from) as f64) * back) as i64);
        let index = buckets.index(at).unwrap();
        prop_assert!(index < buckets.len() && buckets.len() <= 32);
        let labels: Vec<String> = buckets.labels().collect();
        prop_assert_eq!(labels.len(), buckets.len());
        let day = at.to_string()[..10].to_owned();
        prop_assert!(labels[index] <= day && labels.get(index + 1).is_none_or(|next| *next > day));
    }

    /// A vote is in a burst when it and enough others of the same person fit into one span.
    #[test]
    fn bursts_are_where_votes_crowd(hours in proptest::collection::vec(0..6_i64, 0..14)) {
        let told = (1_u32..).zip(&hours).fold(Told::default(), |told, (number, hour)| told.opened(0, number, "clear").voted(*hour, number, "ana", true));
        let table = reviewing::reviewers(&told.projection(), &scope(), &Reader::Auditor);
        // Moments lie an hour apart: only votes at the same one crowd.
        let crowd = |hour: &i64| hours.iter().filter(|other| *other == hour).count() >= reviewing::BURST;
        let expect = hours.iter().filter(|hour| crowd(hour)).count() as u64;
        if hours.len() >= reviewing::FEWEST_VOTES {
            let last = table.rows.first().and_then(|row| row.last()).unwrap();
            prop_assert_eq!(last, &Cell::Share(expect, hours.len() as u64));
        }
    }

    /// The parts of a lead time follow one another from opening to approval.
    #[test]
    fn parts_add_up(lives in lives(40)) {
        let told = merged(all(&lives));
        for story in told.projection().stories() {
            if let Some(phases) = story.phases() {
                prop_assert!(phases.parts().iter().all(|part| *part >= 0));
                let last = story.votes.iter().filter(|vote| vote.approves && Some(vote.at) <= story.announced);
                let last = last.map(|vote| vote.at).max().unwrap();
                prop_assert_eq!(phases.total(), last.since(story.opened));
            }
        }
        for row in table_of(&told, "lead-time").rows {
            let millis: Vec<i64> = row[3..].iter().map(|cell| if let Cell::Millis(millis) = cell { *millis } else { -1 }).collect();
            prop_assert_eq!(millis[0], millis[1..].iter().sum::<i64>());
        }
    }

    /// Whose request comes first where two meet changes no number.
    #[test]
    fn requests_that_have_nothing_to_do_with_one_another_may_be_told_in_any_order(lives in lives(12)) {
        let forwards = all(&lives);
        let backwards = forwards.iter().rev().cloned().collect();
        // Runs of one check are about one another: they keep their order.
        let quiet = |told: &Told| Told { entries: told.entries.iter().filter(|(_, e)| e.kind() != "check-run").cloned().collect(), ..Told::default() };
        let strip = |parts: Vec<Told>| merged(parts.iter().map(quiet).collect());
        let (one, other) = (strip(forwards), strip(backwards));
        prop_assert_eq!(tables(&one), tables(&other));
    }

    /// One more request changes the piece of time that it ends in, and no other.
    #[test]
    fn an_entry_changes_only_its_own_piece(lives in lives(12), opened in 0..800_i64) {
        let before = merged(all(&lives));
        let more = Told::default().opened(opened, 500, "clear").voted(opened + 1, 500, "ruth", true).written(opened + 2, 500);
        let after = merged(all(&lives).into_iter().chain([more]).collect());
        let scope = Scope { since: Since::Quarter, ..scope() };
        for name in ["first-pass", "auto-approved", "bypasses"] {
            let of = |told: &Told| {
                let (projection, reader) = (told.projection(), Reader::Nobody);
                table(name, Asked { projection: &projection, scope: &scope, held: &[], reader: &reader }).unwrap()
            };
            let changed: Vec<usize> = of(&before).rows.iter().zip(&of(&after).rows).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
            let at = Buckets::new(&scope, None).index(Millis::new((opened + 2) * HOUR)).unwrap();
            let expect: &[usize] = if name == "bypasses" { &[] } else { &[at] };
            prop_assert_eq!(&changed, expect, "{}", name);
        }
    }

    /// However the ledger is read, in one go or in pieces that overlap, the numbers are the same.
    #[test]
    fn an_entry_counts_once(lives in lives(10), cut in 0..100_usize) {
        let told = merged(all(&lives));
        let mut projection = Projection::default();
        let cut = cut.min(told.entries.len());
        let indexed = || (0_u64..).zip(&told.entries);
        for (index, (at, entry)) in indexed().take(cut).chain(indexed().skip(cut.saturating_sub(3))) {
            projection.fold(index, *at, entry);
        }
        prop_assert_eq!(projection, told.projection());
    }

    /// A filter takes away whole requests, and what is left adds up to all of it.
    #[test]
    fn tiers_add_up_to_all(lives in lives(12)) {
        let mut parts = all(&lives);
        parts.extend((600_u32..).zip(&lives).map(|(number, life)| Told::default().in_tier("high").opened(life.opened, number, "clear")));
        let projection = merged(parts).projection();
        let count = |tier: Option<&str>| {
            let scope = Scope { tier: tier.map(Into::into), ..scope() };
            let table = flow::open_requests(&projection, &scope);
            ["blocked", "waiting"].iter().flat_map(|key| table.column(key)).filter_map(Cell::number).sum::<f64>()
        };
        prop_assert_eq!(count(None), count(Some("low")) + count(Some("high")));
        prop_assert!(projection.story(request(600)).is_some());
    }
}

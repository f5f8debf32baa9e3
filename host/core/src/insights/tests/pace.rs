//! When a request is likely to be decided.

use proptest::prelude::*;

use super::super::pace::FEWEST_DECISIONS;
use super::told::{HOUR, Told};
use super::*;
use crate::names::Tier;

/// Requests that took so many hours each, all decided by hour 500.
fn history(hours: &[i64]) -> Told {
    hours.iter().zip(1_u32..).fold(Told::default(), |told, (hours, number)| {
        told.opened(100, number, "clear")
            .voted(100 + hours, number, "ruth", true)
            .written(101 + hours, number)
    })
}

fn outlook(hours: &[i64], opened: i64, now: i64) -> Option<Outlook> {
    let paces = history(hours).projection().paces(Millis::new(now * HOUR));
    paces.outlook(Some(&Tier::from("low")), Millis::new(opened * HOUR), Millis::new(now * HOUR))
}

fn check(hours: &[i64], waited: i64, expect: Option<Outlook>) {
    assert_eq!(outlook(hours, 500, 500 + waited), expect, "{hours:?}, waited {waited} h");
}

const fn by(hours: i64) -> Option<Outlook> {
    Some(Outlook::By(Millis::new((500 + hours) * HOUR)))
}

#[test]
fn half_of_those_that_waited_as_long() {
    check(&[1, 2, 3, 4, 50], 0, by(3));
    check(&[1, 2, 3, 4, 50], 2, by(4));
    check(&[1, 2, 3, 4, 50], 3, Some(Outlook::Late(3 * HOUR)));
    check(&[1, 2, 3, 4, 50], 90, Some(Outlook::Late(3 * HOUR)));
}

#[test]
fn few_decisions_and_other_tiers_say_nothing() {
    check(&[1, 2, 3, 4], 0, None);
    let paces = history(&[1, 2, 3, 4, 5]).projection().paces(Millis::new(500 * HOUR));
    assert_eq!(paces.outlook(Some(&Tier::from("high")), Millis::new(0), Millis::new(0)), None);
    assert_eq!(paces.outlook(None, Millis::new(0), Millis::new(0)), None);
}

#[test]
fn what_nobody_decided_and_what_is_long_ago_is_left_out() {
    let open = (1..=9).fold(Told::default(), |told, number| told.opened(100, number, "clear"));
    let tier = Tier::from("low");
    assert_eq!(
        open.projection().paces(Millis::new(0)).outlook(Some(&tier), Millis::new(0), Millis::new(0)),
        None
    );
    let now = Millis::new(10_000 * HOUR);
    assert_eq!(history(&[1, 2, 3, 4, 5]).projection().paces(now).outlook(Some(&tier), now, now), None);
}

proptest! {
    #[test]
    fn it_is_never_past_and_never_sooner_for_having_waited(
        hours in prop::collection::vec(1_i64..90, 1..12), waited in 0_i64..100, more in 0_i64..9
    ) {
        let (early, late) = (outlook(&hours, 500, 500 + waited), outlook(&hours, 500, 500 + waited + more));
        prop_assert_eq!(early.is_some(), hours.len() >= FEWEST_DECISIONS);
        if let Some(Outlook::By(at)) = early {
            prop_assert!(at > Millis::new((500 + waited) * HOUR));
            if let Some(Outlook::By(later)) = late { prop_assert!(later >= at); }
        } else {
            prop_assert!(!matches!(late, Some(Outlook::By(_))));
        }
    }
}

//! Waivers, break-glass, and histories that are read back.

use super::*;
use crate::break_glass::tests::broken;
use crate::entry::Entry;
use crate::request::RequestId;

fn of_check() -> Requirement {
    Requirement::Check { gate: "production".into(), plugin: "metric-threshold".into() }
}

fn of_seat(seat: &str) -> Requirement {
    Requirement::Seat { gate: "production".into(), seat: seat.into() }
}

fn approved(requirement: Requirement) -> Waiver {
    Waiver { approvals: vec![word("ruth")], author: "rob".into(), ..waiver(requirement) }
}

fn check(outcome: Outcome, reviews: &[Review], waivers: &[Waiver], expect: &str) {
    let mut given = Given::new(&[demand(true, 1)], &[run(outcome)], reviews, 500);
    given.waivers = waivers.to_vec();
    assert_eq!(given.answer(), expect, "{waivers:?} {reviews:?}");
}

#[test]
fn a_waiver_takes_out_one_requirement() {
    let fails = || reported(Conclusion::Fail);
    let ruth = [review("ruth", Vote::Approve, 0, BOUND)];
    let rejected = review("ruth", Vote::Reject, 0, BOUND);
    check(fails(), &ruth, &[], "deny");
    check(fails(), &ruth, &[approved(of_check())], "allow");
    check(fails(), &ruth, &[waiver(of_check())], "deny");
    check(failed(FailureClass::WallBudget), &ruth, &[approved(of_check())], "allow");
    check(fails(), &[], &[approved(of_check())], "hold");
    check(fails(), &[], &[approved(of_check()), approved(of_seat("risk"))], "allow");
    check(reported(Conclusion::Pass), &[rejected], &[approved(of_seat("risk"))], "deny");
    let other = Requirement::Check { gate: "staging".into(), plugin: "metric-threshold".into() };
    check(fails(), &ruth, &[approved(other)], "deny");
    let ended = Waiver { expires: Millis::new(500), ..approved(of_check()) };
    check(fails(), &ruth, &[ended], "deny");
}

#[test]
fn whoever_asked_for_a_waiver_signs_nothing_that_rests_on_it() {
    let rob = [review("rob", Vote::Approve, 0, BOUND)];
    check(reported(Conclusion::Fail), &rob, &[approved(of_check())], "hold");
    check(reported(Conclusion::Pass), &rob, &[approved(of_check())], "allow");
}

#[test]
fn a_waiver_is_shown_where_it_is_used_and_its_people_with_it() {
    let ruth = [review("ruth", Vote::Approve, 0, BOUND)];
    let mut given = Given::new(&[demand(true, 1)], &[run(reported(Conclusion::Fail))], &ruth, 500);
    given.waivers = vec![approved(of_check())];
    let decided = given.decided();
    assert_eq!(decided.gates()[0].waived, [approved(of_check()).waived()]);
    let behind = accountable(&given.authors, decided.gates(), &given.waivers).waived_by;
    assert_eq!(behind, people(&["rob", "olga"]));
    given.runs = vec![run(reported(Conclusion::Pass))];
    let decided = given.decided();
    assert_eq!(decided.gates()[0].waived, []);
    assert_eq!(accountable(&given.authors, decided.gates(), &given.waivers), given.authors);
}

#[test]
fn an_emergency_opens_the_gate_and_shows_what_it_skipped() {
    let check = |change: &dyn Fn(BreakGlass) -> BreakGlass, now: i64, expect: &str| {
        let mut given = Given::new(&[demand(true, 2)], &[run(reported(Conclusion::Fail))], &[], now);
        given.broken = Some(change(broken("otto")));
        let decided = given.decided();
        assert_eq!(decided.as_str(), expect, "{:?}", given.broken);
        assert!(matches!(decided.gates()[0].verdict, Verdict::Denied(_)));
    };
    check(&|used| used, 500, "allow");
    check(&|used| used, 1_000, "deny");
    check(&|used| BreakGlass { drill: true, ..used }, 500, "deny");
    check(&|used| BreakGlass { by: "ruth".into(), ..used }, 500, "deny");
    check(&|used| BreakGlass { reviewed: Some(word("ruth")), ..used }, 500, "deny");
}

fn any_waiver() -> impl Strategy<Value = Waiver> {
    let requirement = prop_oneof![Just(of_check()), Just(of_seat("risk")), Just(of_seat("legal"))];
    let who = || proptest::sample::select(vec!["ruth", "rob", "ana", "lea", "olga"]);
    let words = proptest::collection::vec(who().prop_map(word), 0..2);
    (requirement, who(), who(), words, 1..2_000_i64).prop_map(|(what, author, owner, approvals, until)| {
        Waiver {
            author: author.into(),
            owner: owner.into(),
            approvals,
            expires: Millis::new(until),
            ..waiver(what)
        }
    })
}

/// A history as the ledger keeps it, and what a decision takes from it.
fn read_back(entries: &[Entry]) -> (Vec<Review>, Vec<Waiver>) {
    let (mut reviews, mut waivers) = (Vec::new(), Vec::<Waiver>::new());
    for entry in entries {
        let json = serde_json::to_string(entry).unwrap();
        match serde_json::from_str(&json).unwrap() {
            Entry::Reviewed { review, .. } => reviews.push(review),
            Entry::WaiverAsked { waiver } => waivers.push(waiver),
            Entry::WaiverApproved { waiver, word } => {
                let asked = waivers.iter_mut().find(|asked| asked.id == waiver);
                asked.unwrap().approvals.push(word);
            }
            other => unreachable!("{other:?}"),
        }
    }
    (reviews, waivers)
}

proptest! {
    #[test]
    fn adding_a_waiver_never_denies_more(
        outcome in any_outcome(),
        reviews in proptest::collection::vec(any_review(), 0..5),
        mut waivers in proptest::collection::vec(any_waiver(), 1..4),
    ) {
        for (number, waiver) in (0_u128..).zip(&mut waivers) {
            waiver.id = uuid::Uuid::from_u128(number);
        }
        let mut given = Given::new(&[demand(true, 1)], &[run(outcome)], &reviews, 500);
        given.demands[0].seats.insert("legal".into(), 1);
        given.waivers = waivers;
        let with = given.answer();
        given.waivers.pop();
        prop_assert!(rank(with) <= rank(given.answer()));
    }

    #[test]
    fn a_waiver_only_runs_out(
        outcome in any_outcome(),
        waiver in any_waiver(),
        reviews in proptest::collection::vec(any_review(), 0..3),
        now in 0..2_000_i64,
        later in 0..2_000_i64,
    ) {
        let mut given = Given::new(&[demand(true, 1)], &[run(outcome)], &reviews, now);
        given.demands[0].expires = None;
        given.waivers = vec![waiver];
        let first = given.answer();
        given.now += later;
        prop_assert!(rank(given.answer()) >= rank(first));
    }

    #[test]
    fn a_history_that_is_read_back_gives_the_same_decisions(
        outcome in any_outcome(),
        reviews in proptest::collection::vec(any_review(), 0..6),
        asked in any_waiver(),
        until in 0..6_usize,
    ) {
        let request = RequestId(uuid::Uuid::nil());
        let mut entries: Vec<Entry> =
            reviews.iter().map(|review| Entry::Reviewed { request, review: review.clone() }).collect();
        entries.push(Entry::WaiverAsked { waiver: Waiver { approvals: vec![], ..asked.clone() } });
        entries.extend(asked.approvals.iter().map(|word: &Endorsement| {
            Entry::WaiverApproved { waiver: asked.id, word: word.clone() }
        }));
        let (kept, waivers) = read_back(&entries);
        prop_assert_eq!(&waivers, &vec![asked.clone()]);
        let given = |reviews: &[Review], waivers: &[Waiver]| {
            let reviews = &reviews[..until.min(reviews.len())];
            let mut given = Given::new(&[demand(true, 1)], &[run(outcome.clone())], reviews, 500);
            given.waivers = waivers.to_vec();
            let decided = given.decided();
            (decided.as_str(), decided.gates().to_vec())
        };
        prop_assert_eq!(given(&kept, &waivers), given(&reviews, &[asked]));
    }
}

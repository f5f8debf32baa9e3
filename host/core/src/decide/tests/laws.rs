//! What holds of any decision.

use super::*;
use crate::entry::Entry;
use crate::request::RequestId;

pub(super) fn rank(answer: &str) -> u8 {
    match answer {
        "allow" => 0,
        "hold" => 1,
        _ => 2,
    }
}

pub(super) fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        prop_oneof![
            Just(Conclusion::Pass),
            Just(Conclusion::Warn),
            Just(Conclusion::Fail),
            Just(Conclusion::Skipped)
        ]
        .prop_map(reported),
        proptest::sample::select(FailureClass::ALL.to_vec()).prop_map(failed),
    ]
}

pub(super) fn any_review() -> impl Strategy<Value = Review> {
    let who = proptest::sample::select(vec!["ruth", "rob", "ana", "bot", "eve", "dora", "lea"]);
    let votes = vec![Vote::Approve, Vote::Approve, Vote::Reject, Vote::Comment, Vote::Recuse, Vote::Abstain];
    let vote = proptest::sample::select(votes);
    let seat = proptest::sample::select(vec![Some("risk"), Some("legal"), None]);
    let bound = proptest::sample::select(vec![BOUND, b"something else".as_slice()]);
    (who, vote, seat, 0..2_000_i64, bound).prop_map(|(who, vote, seat, at, bound)| {
        // Only an approval may leave its seat open.
        let seat = if vote == Vote::Reject { seat.or(Some("risk")) } else { seat };
        in_seat(seat, review(who, vote, at, bound))
    })
}

proptest! {
    #[test]
    fn removing_an_approval_never_turns_a_hold_into_leave(
        runs in proptest::option::of(any_outcome()),
        reviews in proptest::collection::vec(any_review(), 0..6),
        risk in 0..3_u32,
        which in any::<proptest::sample::Index>(),
    ) {
        let runs: Vec<CheckRun> = runs.into_iter().map(run).collect();
        let mut asks = demand(true, risk);
        asks.seats.insert("legal".into(), 1);
        let asks = [asks];
        let before = answer(&asks, &runs, &reviews, 500);
        // Take away one person's last approval: nobody else's word changes.
        let approvals: Vec<usize> = (0..reviews.len()).filter(|&i| reviews[i].vote == Vote::Approve).collect();
        prop_assume!(!approvals.is_empty());
        let gone = &reviews[approvals[which.index(approvals.len())]].reviewer;
        let fewer: Vec<Review> = reviews
            .iter()
            .filter(|r| &r.reviewer != gone || r.vote == Vote::Reject)
            .cloned()
            .collect();
        let rejects = reviews.iter().any(|r| &r.reviewer == gone && r.vote == Vote::Reject);
        prop_assume!(!rejects);
        prop_assert!(rank(answer(&asks, &runs, &fewer, 500)) >= rank(before));
    }

    #[test]
    fn adding_a_failing_required_check_never_relaxes(
        outcome in any_outcome(),
        reviews in proptest::collection::vec(any_review(), 0..4),
    ) {
        let runs = [run(outcome)];
        let one = [demand(true, 1)];
        let failing = CheckDemand { plugin: "other".into(), ..one[0].checks[0].clone() };
        let mut more = one.clone();
        more[0].checks.push(failing);
        let fails = CheckRun { plugin: "other".into(), ..run(reported(Conclusion::Fail)) };
        let two = [runs[0].clone(), fails];
        prop_assert!(rank(answer(&more, &two, &reviews, 500)) >= rank(answer(&one, &runs, &reviews, 500)));
        prop_assert_eq!(answer(&more, &two, &reviews, 500), "deny");
    }

    #[test]
    fn approvals_only_run_out(
        reviews in proptest::collection::vec(any_review(), 0..5),
        now in 0..4_000_i64,
        later in 0..4_000_i64,
    ) {
        let runs = [run(reported(Conclusion::Pass))];
        let first = answer(&[demand(true, 1)], &runs, &reviews, now);
        prop_assert!(rank(answer(&[demand(true, 1)], &runs, &reviews, now + later)) >= rank(first));
    }

    /// What a later reader has is what the ledger and the store hold: each word as JSON, in the order of entries.
    #[test]
    fn a_history_that_is_read_again_has_the_same_answer(
        outcome in any_outcome(),
        reviews in proptest::collection::vec(any_review(), 0..6),
        now in 0..4_000_i64,
    ) {
        let recorded: Vec<String> = reviews
            .iter()
            .map(|review| {
                let entry = Entry::Reviewed { request: RequestId(uuid::Uuid::nil()), review: review.clone() };
                serde_json::to_string(&entry).unwrap()
            })
            .collect();
        let read = recorded.iter().map(|text| match serde_json::from_str(text).unwrap() {
            Entry::Reviewed { review, .. } => review,
            entry => panic!("{entry:?}"),
        });
        let read: Vec<Review> = read.collect();
        let runs = [run(outcome)];
        let kept: Vec<CheckRun> = serde_json::from_value(serde_json::to_value(&runs).unwrap()).unwrap();
        let demands = [demand(true, 1)];
        prop_assert_eq!(answer(&demands, &kept, &read, now), answer(&demands, &runs, &reviews, now));
    }

    #[test]
    fn the_same_case_has_the_same_answer(
        outcome in any_outcome(),
        reviews in proptest::collection::vec(any_review(), 0..6),
    ) {
        let runs = [run(outcome)];
        let demands = [demand(true, 1)];
        prop_assert_eq!(answer(&demands, &runs, &reviews, 500), answer(&demands, &runs, &reviews, 500));
    }
}

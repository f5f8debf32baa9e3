//! Laws of `decide`, by property tests, and a table of the cases that people meet.

use proptest::prelude::*;

use super::*;
use crate::action::Action;
use crate::check::{Failure, Report};
use crate::names::Version;
use crate::review::Vote;

const BOUND: &[u8] = b"what was reviewed";

fn placed() -> Placed {
    let action =
        Action::SetAlias { model: "credit".into(), alias: "champion".into(), version: Version::new(7) };
    Placed { workspace: "default".into(), action }
}

fn demand(required: bool, risk: u32) -> Demand {
    let check = CheckDemand {
        plugin: "metric-threshold".into(),
        config_digest: Digest::of(b"{}"),
        required,
        holds_on: [FailureClass::WallBudget].into(),
    };
    Demand {
        gate: "production".into(),
        enforced: true,
        tier: TierFound::None,
        checks: vec![check],
        rules: Vec::new(),
        seats: (risk > 0).then(|| (Seat::from("risk"), risk)).into_iter().collect(),
        expires: Some(Span::from_millis(1_000)),
        unknown_author_holds: false,
    }
}

fn run(outcome: Outcome) -> CheckRun {
    let any = Digest::of(b"");
    CheckRun {
        plugin: "metric-threshold".into(),
        required: true,
        plugin_digest: any,
        config_digest: Digest::of(b"{}"),
        input_digest: any,
        transcript_digest: any,
        outcome_digest: any,
        outcome,
        started_at: Millis::new(0),
        took_us: 0,
    }
}

fn reported(conclusion: Conclusion) -> Outcome {
    Outcome::Reported(Report { conclusion, summary: String::new(), findings: vec![], extensions: vec![] })
}

fn failed(class: FailureClass) -> Outcome {
    Outcome::Failed(Failure { class, message: String::new() })
}

fn review(reviewer: &str, vote: Vote, at: i64, binding: &[u8]) -> Review {
    Review {
        id: uuid::Uuid::nil(),
        reviewer: reviewer.into(),
        seat: Some("risk".into()),
        vote,
        rationale: String::new(),
        at: Millis::new(at),
        binding: Digest::of(binding),
        signature: None,
    }
}

fn roster() -> Roster {
    let members = ["ruth", "rob", "ana", "bot"].map(PersonId::from).into();
    Roster { seats: [(Seat::from("risk"), members)].into(), machines: [PersonId::from("bot")].into() }
}

fn answer(demands: &[Demand], runs: &[CheckRun], reviews: &[Review], now: i64) -> &'static str {
    let placed = placed();
    let authors =
        Authors { requester: Some("ana".into()), creator: Some("ana".into()), ..Authors::default() };
    let case = Case {
        placed: &placed,
        binding: Digest::of(BOUND),
        policy: Digest::of(b""),
        demands,
        check_runs: runs,
        rule_runs: &[],
        reviews,
        roster: &roster(),
        authors: &authors,
        now: Millis::new(now),
    };
    decide(&case).as_str()
}

fn check(outcome: Option<Outcome>, risk: u32, reviews: &[Review], expect: &str) {
    let runs: Vec<CheckRun> = outcome.into_iter().map(run).collect();
    assert_eq!(answer(&[demand(true, risk)], &runs, reviews, 500), expect, "{runs:?} {reviews:?}");
}

#[test]
fn a_required_check_decides() {
    check(None, 0, &[], "hold");
    check(Some(reported(Conclusion::Pass)), 0, &[], "allow");
    check(Some(reported(Conclusion::Warn)), 0, &[], "allow");
    check(Some(reported(Conclusion::Fail)), 0, &[], "deny");
    check(Some(reported(Conclusion::Skipped)), 0, &[], "deny");
    check(Some(failed(FailureClass::Panicked)), 0, &[], "deny");
    check(Some(failed(FailureClass::WallBudget)), 0, &[], "hold");
}

#[test]
fn signatures_decide() {
    let pass = || Some(reported(Conclusion::Pass));
    let sign = |who| review(who, Vote::Approve, 0, BOUND);
    check(pass(), 1, &[], "hold");
    check(pass(), 1, &[sign("ruth")], "allow");
    check(pass(), 1, &[sign("ana")], "hold");
    check(pass(), 1, &[sign("bot")], "hold");
    check(pass(), 2, &[sign("ruth"), sign("ruth")], "hold");
    check(pass(), 2, &[sign("ruth"), sign("rob")], "allow");
    check(pass(), 1, &[review("ruth", Vote::Approve, 0, b"something else")], "hold");
    check(pass(), 1, &[review("ruth", Vote::Approve, -600, BOUND)], "hold");
    check(pass(), 1, &[sign("rob"), review("ruth", Vote::Reject, 0, BOUND)], "deny");
}

#[test]
fn monitoring_never_stands_in_the_way() {
    let demands = [Demand { enforced: false, ..demand(true, 2) }];
    assert_eq!(answer(&demands, &[run(reported(Conclusion::Fail))], &[], 0), "allow");
}

#[test]
fn the_strictest_gate_counts() {
    let runs = [run(reported(Conclusion::Pass))];
    assert_eq!(answer(&[demand(true, 0), demand(true, 1)], &runs, &[], 0), "hold");
}

fn rank(answer: &str) -> u8 {
    match answer {
        "allow" => 0,
        "hold" => 1,
        _ => 2,
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
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

fn any_review() -> impl Strategy<Value = Review> {
    let who = proptest::sample::select(vec!["ruth", "rob", "ana", "bot", "eve"]);
    let vote = proptest::sample::select(vec![Vote::Approve, Vote::Reject, Vote::Comment, Vote::Recuse]);
    let bound = proptest::sample::select(vec![BOUND, b"something else".as_slice()]);
    (who, vote, 0..2_000_i64, bound).prop_map(|(who, vote, at, bound)| review(who, vote, at, bound))
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
        let before = answer(&[demand(true, risk)], &runs, &reviews, 500);
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
        prop_assert!(rank(answer(&[demand(true, risk)], &runs, &fewer, 500)) >= rank(before));
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
        reviews in proptest::collection::vec(any_review(), 0..4),
        now in 2_000..4_000_i64,
        later in 0..4_000_i64,
    ) {
        let approvals: Vec<Review> =
            reviews.into_iter().filter(|r| r.vote != Vote::Reject).collect();
        let runs = [run(reported(Conclusion::Pass))];
        let first = answer(&[demand(true, 1)], &runs, &approvals, now);
        prop_assert!(rank(answer(&[demand(true, 1)], &runs, &approvals, now + later)) >= rank(first));
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

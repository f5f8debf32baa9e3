//! Laws of `decide`, by property tests, and a table of the cases that people meet.

use proptest::prelude::*;

use super::*;
use crate::action::Action;
use crate::check::{Conclusion, Failure, Outcome, Report};
use crate::names::Version;
use crate::review::Vote;
use crate::waiver::tests::{rule, waiver, word};
use crate::waiver::{Endorsement, Requirement};

mod discussion;
mod exceptions;
mod laws;
mod rules;

const BOUND: &[u8] = b"what was reviewed";

fn placed() -> Placed {
    let action =
        Action::SetAlias { model: "credit".into(), alias: "champion".into(), version: Version::new(7) };
    Placed { workspace: "default".into(), action }
}

pub(crate) fn demand(required: bool, risk: u32) -> Demand {
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
        tier_facts: vec![],
        lowered_from: None,
        checks: vec![check],
        rules: Vec::new(),
        seats: (risk > 0).then(|| (Seat::from("risk"), risk)).into_iter().collect(),
        vetoes: BTreeSet::new(),
        expires: Some(Span::from_millis(1_000)),
        unknown_author_holds: false,
        unknown_run_author_holds: false,
        evidence_first: false,
        unresolved_blocks: false,
        reauthenticate: false,
        sample: None,
        applies: false,
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
        looked_for: None,
        signature: None,
    }
}

fn subject() -> Subject {
    Subject {
        workspace: "default".into(),
        model: "credit".into(),
        version: Version::new(7),
        created: Millis::new(0),
        source: "models:/m-1".to_owned(),
        manifest: None,
    }
}

fn people(names: &[&str]) -> BTreeSet<PersonId> {
    names.iter().copied().map(PersonId::from).collect()
}

/// Ruth, Rob, Ana and a machine sit in `risk`, Ruth and Lea in `legal`; Dora stands in for Ruth in `risk`.
fn roster() -> Roster {
    let risk = people(&["ruth", "rob", "ana", "bot"]);
    Roster {
        seats: [("risk".into(), risk), ("legal".into(), people(&["ruth", "lea"]))].into(),
        machines: people(&["bot"]),
        delegates: [("risk".into(), [("dora".into(), people(&["ruth"]))].into())].into(),
        breakers: people(&["otto"]),
    }
}

fn authors() -> Authors {
    Authors { requester: Some("ana".into()), creator: Some("ana".into()), ..Authors::default() }
}

/// A case that a test changes.
struct Given {
    demands: Vec<Demand>,
    runs: Vec<CheckRun>,
    rule_runs: Vec<RuleRun>,
    reviews: Vec<Review>,
    roster: Roster,
    authors: Authors,
    waivers: Vec<Waiver>,
    broken: Option<BreakGlass>,
    open_threads: u32,
    now: i64,
}

impl Given {
    fn new(demands: &[Demand], runs: &[CheckRun], reviews: &[Review], now: i64) -> Self {
        Self {
            demands: demands.to_vec(),
            runs: runs.to_vec(),
            rule_runs: Vec::new(),
            reviews: reviews.to_vec(),
            roster: roster(),
            authors: authors(),
            waivers: Vec::new(),
            broken: None,
            open_threads: 0,
            now,
        }
    }

    fn decided(&self) -> Decision {
        let (placed, subject, rule) = (placed(), subject(), rule());
        let exceptions = Exceptions {
            waivers: &self.waivers,
            waiver_rule: Some(&rule),
            break_glass: self.broken.as_ref(),
        };
        decide(&Case {
            placed: &placed,
            binding: Digest::of(BOUND),
            subject: &subject,
            policy: Digest::of(b""),
            demands: &self.demands,
            check_runs: &self.runs,
            rule_runs: &self.rule_runs,
            reviews: &self.reviews,
            open_threads: self.open_threads,
            roster: &self.roster,
            authors: &self.authors,
            exceptions,
            now: Millis::new(self.now),
        })
    }

    fn answer(&self) -> &'static str {
        self.decided().as_str()
    }
}

fn answer(demands: &[Demand], runs: &[CheckRun], reviews: &[Review], now: i64) -> &'static str {
    Given::new(demands, runs, reviews, now).answer()
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
    check(pass(), 1, &[sign("ruth"), review("ruth", Vote::Abstain, 0, BOUND)], "hold");
    check(pass(), 1, &[review("ruth", Vote::Abstain, 0, BOUND), sign("rob")], "allow");
    check(pass(), 1, &[sign("ruth"), review("ruth", Vote::Recuse, 0, BOUND)], "hold");
    check(pass(), 1, &[sign("dora")], "allow");
    check(pass(), 2, &[sign("dora"), sign("ruth")], "hold");
    check(pass(), 2, &[sign("dora"), sign("rob")], "allow");
}

fn in_seat(seat: Option<&str>, review: Review) -> Review {
    Review { seat: seat.map(Seat::from), ..review }
}

/// One check that passes; risk = 1 and legal = 1.
fn two_seats(reviews: &[Review]) -> Given {
    let mut demand = demand(true, 1);
    demand.seats.insert("legal".into(), 1);
    Given::new(&[demand], &[run(reported(Conclusion::Pass))], reviews, 500)
}

#[test]
fn one_person_fills_one_seat_and_the_best_seating_counts() {
    let sign = |who, seat| in_seat(seat, review(who, Vote::Approve, 0, BOUND));
    let check = |reviews: &[Review], expect: &str| {
        assert_eq!(two_seats(reviews).answer(), expect, "{reviews:?}");
    };
    let (risk, legal) = (Some("risk"), Some("legal"));
    check(&[sign("ruth", risk), sign("ruth", legal)], "hold");
    check(&[sign("ruth", None), sign("rob", risk)], "allow");
    check(&[sign("ruth", None), sign("lea", legal)], "allow");
    check(&[sign("ruth", risk), sign("ruth", legal), sign("lea", None)], "allow");
    check(&[sign("lea", None), sign("rob", legal)], "hold");
}

#[test]
fn a_veto_needs_no_invitation() {
    let reject = in_seat(Some("legal"), review("lea", Vote::Reject, 0, BOUND));
    let sign = review("ruth", Vote::Approve, 0, BOUND);
    let check = |vetoes: &[&str], who: &str, expect: &str| {
        let vetoes = vetoes.iter().copied().map(Seat::from).collect();
        let demand = Demand { vetoes, ..demand(true, 1) };
        let reviews = [sign.clone(), Review { reviewer: who.into(), ..reject.clone() }];
        let given = Given::new(&[demand], &[run(reported(Conclusion::Pass))], &reviews, 500);
        assert_eq!(given.answer(), expect, "{who}");
    };
    check(&["legal"], "lea", "deny");
    check(&["legal"], "rob", "allow");
    check(&[], "lea", "allow");
}

#[test]
fn who_has_left_the_seat_no_longer_counts() {
    let sign = [review("ruth", Vote::Approve, 0, BOUND)];
    let mut given = Given::new(&[demand(true, 1)], &[run(reported(Conclusion::Pass))], &sign, 500);
    assert_eq!(given.answer(), "allow");
    given.roster.seats.insert("risk".into(), people(&["rob", "ana"]));
    assert_eq!(given.answer(), "hold");
    given.reviews = vec![review("ruth", Vote::Reject, 0, BOUND), review("rob", Vote::Approve, 0, BOUND)];
    assert_eq!(given.answer(), "allow", "nor does their rejection");
}

#[test]
fn an_account_of_the_same_lineage_cannot_sign() {
    let sign = [review("ruth", Vote::Approve, 0, BOUND)];
    let mut given = Given::new(&[demand(true, 1)], &[run(reported(Conclusion::Pass))], &sign, 500);
    given.authors.run_authors = people(&["ruth"]);
    assert_eq!(given.answer(), "hold");
}

#[test]
fn an_unknown_author_is_not_proved() {
    let sign = [review("ruth", Vote::Approve, 0, BOUND)];
    let check = |unknown_run_author_holds, expect: &str| {
        let demand = Demand { unknown_run_author_holds, ..demand(true, 1) };
        let mut given = Given::new(&[demand], &[run(reported(Conclusion::Pass))], &sign, 500);
        given.authors.run_author_unknown = true;
        let decided = given.decided();
        assert_eq!(decided.as_str(), expect);
        let [unproven] = decided.gates()[0].unproven.as_slice() else { panic!("{decided:?}") };
        assert_eq!(unproven.contains("or set `unknown_run_author"), unknown_run_author_holds, "{unproven}");
    };
    check(false, "allow");
    check(true, "hold");
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

#[test]
fn a_vote_without_a_signature_fills_no_seat_that_asks_for_one() {
    let demands = [Demand { reauthenticate: true, checks: Vec::new(), ..demand(true, 1) }];
    let bare = review("ruth", Vote::Approve, 0, BOUND);
    let sign = |binding| crate::review::Signature {
        name: "Ruth".to_owned(),
        at: bare.at,
        meaning: String::new(),
        method: crate::review::SignatureMethod::Password,
        binding,
    };
    let check = |signature, expect: &str| {
        let reviews = [Review { signature, ..bare.clone() }];
        let decision = Given::new(&demands, &[], &reviews, 1).decided();
        assert_eq!(decision.as_str(), expect);
    };
    check(None, "hold");
    check(Some(sign(Digest::of(b"something else"))), "hold");
    check(Some(sign(Digest::of(BOUND))), "allow");
}

#[test]
fn only_what_nobody_signs_is_drawn() {
    let rate = "1 in 1".parse().unwrap();
    let sample = Some(crate::policy::Sample { rate, seat: "risk".into() });
    let check = |risk, expect: Option<&str>| {
        let demands = [Demand { sample: sample.clone(), checks: Vec::new(), ..demand(true, risk) }];
        let decision = Given::new(&demands, &[], &[], 1).decided();
        assert_eq!(decision.gates()[0].sampled.as_ref().map(Seat::as_str), expect);
    };
    check(0, Some("risk"));
    check(1, None);
}

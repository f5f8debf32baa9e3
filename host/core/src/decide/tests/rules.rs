//! Approval rules: they add, they refuse, and one that fails or is missing holds. So does a tier that nobody can tell.

use super::*;
use crate::check::{Finding, RuleOutcome, Ruling, SeatRequirement};

fn rule_run(gate: Option<&str>, outcome: RuleOutcome) -> RuleRun {
    let any = Digest::of(b"");
    RuleRun {
        plugin: "soak".into(),
        gate: gate.map(Into::into),
        plugin_digest: any,
        input_digest: any,
        transcript_digest: any,
        outcome,
        started_at: Millis::new(0),
    }
}

fn ruled(risk: u32, denies: bool) -> RuleOutcome {
    let seat = SeatRequirement { seat: "risk".into(), count: risk, reason: String::new() };
    let denial: Finding =
        serde_json::from_str(r#"{"code":"frozen","severity":"error","message":"not now"}"#).unwrap();
    RuleOutcome::Ruled(Ruling {
        summary: String::new(),
        seats: (risk > 0).then_some(seat).into_iter().collect(),
        denials: denies.then_some(denial).into_iter().collect(),
    })
}

fn failed_rule() -> RuleOutcome {
    RuleOutcome::Failed(Failure { class: FailureClass::Panicked, message: "it panicked".to_owned() })
}

/// A gate without checks that names the rule `times` times, and what its runs gave.
fn check(times: usize, runs: &[(Option<&str>, RuleOutcome)], expect: &str) {
    let demand = Demand { checks: Vec::new(), rules: vec!["soak".into(); times], ..demand(true, 0) };
    let mut given = Given::new(&[demand], &[], &[], 500);
    given.rule_runs = runs.iter().map(|(gate, outcome)| rule_run(*gate, outcome.clone())).collect();
    assert_eq!(given.answer(), expect, "{runs:?}");
}

#[test]
fn a_rule_adds_refuses_or_holds() {
    check(1, &[(None, ruled(0, false))], "allow");
    check(1, &[(None, ruled(1, false))], "hold");
    check(1, &[(None, ruled(0, true))], "deny");
    check(1, &[(None, failed_rule())], "hold");
    check(1, &[], "hold");
}

#[test]
fn every_configuration_of_a_rule_counts() {
    let (ours, free) = (Some("production"), || ruled(0, false));
    check(2, &[(ours, free()), (ours, ruled(0, true))], "deny");
    check(2, &[(ours, free()), (ours, failed_rule())], "hold");
    check(2, &[(ours, free())], "hold");
    check(2, &[(ours, free()), (ours, free())], "allow");
}

#[test]
fn a_rule_speaks_for_its_own_gate() {
    let (ours, other) = (Some("production"), Some("another"));
    check(1, &[(other, ruled(0, true)), (ours, ruled(0, false))], "allow");
    check(1, &[(other, ruled(0, false))], "hold");
}

#[test]
fn a_tier_that_cannot_be_told_holds() {
    let tier = TierFound::Unknown("it is too expensive".to_owned());
    let demand = Demand { checks: Vec::new(), tier, ..demand(true, 0) };
    assert_eq!(answer(&[demand], &[], &[], 500), "hold");
}

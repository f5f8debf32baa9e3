use serde_json::{Value, json};

use super::*;
use crate::action::{Action, Placed};
use crate::canonical;
use crate::check::{CheckRun, Conclusion, Outcome, Report};
use crate::decide::{Need, SeatCount, TierFound, Verdict};
use crate::names::Version;
use crate::request::{Judgement, Prior, RequestId};
use crate::review::{Authors, Review, Vote};

const AT: Millis = Millis::new(1_795_381_030_000);

fn run(plugin: &str, conclusion: Conclusion, config: &[u8]) -> CheckRun {
    let any = Digest::of(b"");
    let report = Report { conclusion, summary: String::new(), findings: vec![], extensions: vec![] };
    CheckRun {
        plugin: plugin.into(),
        required: true,
        plugin_digest: any,
        config_digest: Digest::of(config),
        input_digest: any,
        transcript_digest: any,
        outcome_digest: any,
        outcome: Outcome::Reported(report),
        started_at: AT,
        took_us: 0,
    }
}

fn gate(verdict: Verdict, signed: &[&str]) -> GateVerdict {
    let signed = signed.iter().map(|person| (*person).into()).collect();
    GateVerdict {
        tier: TierFound::Known("high".into()),
        seats: [("risk".into(), SeatCount { needed: 1, signed })].into(),
        ..GateVerdict::new("production".into(), verdict)
    }
}

fn request(gate: GateVerdict, check_runs: Vec<CheckRun>) -> PromotionRequest {
    let (model, alias, version) = ("credit".into(), "champion".into(), Version::new(7));
    let action = Action::SetAlias { model, alias, version };
    let found = Judgement {
        subject: Subject {
            workspace: "default".into(),
            model: "credit".into(),
            version,
            created: AT,
            source: "models:/m-1".to_owned(),
            manifest: Some(Digest::of(b"manifest")),
        },
        binding: Digest::of(b"reviewed"),
        policy: Digest::of(b"policy"),
        facts: Digest::of(b"facts"),
        gates: vec![gate],
        check_runs,
        prior: Prior::Nothing,
        authors: Authors { requester: Some("p-ana".into()), ..Authors::default() },
        expires: None,
        also: Vec::new(),
    };
    let placed = Placed { workspace: "default".into(), action };
    let mut request = PromotionRequest::open(RequestId(uuid::Uuid::nil()), AT, placed, found);
    request.reviews.push(Review {
        id: uuid::Uuid::nil(),
        reviewer: "p-ruth".into(),
        seat: Some("risk".into()),
        vote: Vote::Approve,
        rationale: "the holdout holds".to_owned(),
        at: AT,
        binding: Digest::of(b"reviewed"),
        looked_for: None,
        signature: None,
    });
    request
}

fn said(request: &PromotionRequest, files: &[File]) -> Vec<Value> {
    let recorded = Recorded {
        origin: "mlflow.example.com/countersign".to_owned(),
        vkey: "mlflow.example.com/countersign+01020304+AQ==".to_owned(),
        entries: vec![3, 5],
        checkpoint: "a note\n".to_owned(),
        alone: false,
    };
    let written = statements(request, files, &recorded);
    written.iter().map(|it| serde_json::from_str(&canonical::to_string(it).unwrap()).unwrap()).collect()
}

fn properties(request: &PromotionRequest) -> Vec<String> {
    let said = said(request, &[]);
    let verified = said.iter().find(|it| it["predicateType"] == SVR).unwrap();
    serde_json::from_value(verified["predicate"]["properties"].clone()).unwrap()
}

fn approved() -> PromotionRequest {
    request(gate(Verdict::Satisfied, &["p-ruth"]), vec![run("fairness", Conclusion::Pass, b"{}")])
}

#[test]
fn an_approval_is_said_in_three_ways_about_the_same_files() {
    let file = File { path: "MLmodel".to_owned(), size: 1, digest: Some(Digest::of(b"x")) };
    let said = said(&approved(), std::slice::from_ref(&file));
    let types: Vec<&Value> = said.iter().map(|it| &it["predicateType"]).collect();
    assert_eq!(types, [TEST_RESULT, SVR, MODEL_APPROVAL]);
    let files = model_digest(&[file]).unwrap();
    for statement in &said {
        assert_eq!(statement["_type"], STATEMENT);
        let subject =
            json!([{"name": "models:/credit/7", "digest": {"sha256": hex::encode(files.as_bytes())}}]);
        assert_eq!(statement["subject"], subject);
    }
    assert_eq!(said[0]["predicate"]["result"], "PASSED");
    assert_eq!(said[1]["predicate"]["verifier"]["id"], "https://mlflow.example.com/countersign/v0.1");
    let approval = &said[2]["predicate"];
    assert_eq!((&approval["decision"], &approval["state"]), (&json!("allow"), &json!("approved")));
    assert_eq!(approval["reviews"][0]["rationale"], json!(Digest::of(b"the holdout holds")));
    assert_eq!(approval["ledger"]["entries"], json!([3, 5]));
    assert!(!said[2].to_string().contains("the holdout holds"), "what people wrote stays here");
}

#[test]
fn files_that_nobody_could_read_are_not_vouched_for() {
    let unread = File { path: "MLmodel".to_owned(), size: 1, digest: None };
    for files in [vec![], vec![unread]] {
        let said = said(&approved(), &files);
        let digest = said[2]["subject"][0]["digest"].as_object().unwrap();
        assert_eq!(digest.keys().collect::<Vec<_>>(), ["countersignSubject"]);
    }
}

#[test]
fn only_what_holds_is_a_verified_property() {
    let check = |change: fn(&mut PromotionRequest), expect: &[&str]| {
        let mut request = approved();
        change(&mut request);
        assert_eq!(properties(&request), expect);
    };
    let (check_passed, seat) =
        ("COUNTERSIGN_CHECK_PASSED/fairness", "COUNTERSIGN_SEAT_FILLED/production/risk");
    let (gate_met, duties) =
        ("COUNTERSIGN_GATE_SATISFIED/production", "COUNTERSIGN_SEPARATION_OF_DUTIES/production");
    let rest = [check_passed, seat, gate_met, duties];
    check(|_| {}, &["COUNTERSIGN_APPROVED", check_passed, seat, gate_met, duties]);
    check(|it| it.flags.stale = true, &[check_passed]);
    check(|it| it.flags.bypassed = true, &rest);
    check(|it| it.flags.break_glass = true, &rest);
    check(|it| it.state = State::Expired { at: AT, intent: 0 }, &rest);
    check(
        |it| it.gates[0].unproven = vec!["creator".to_owned()],
        &["COUNTERSIGN_APPROVED", check_passed, seat, gate_met],
    );
    check(
        |it| it.flags.waived = true,
        &["COUNTERSIGN_APPROVED_WITH_WAIVER", check_passed, seat, gate_met, duties],
    );
    let held = Verdict::Held(vec![Need::Signatures { seat: "risk".into(), missing: 1 }]);
    assert_eq!(
        properties(&request(gate(held, &[]), vec![run("fairness", Conclusion::Fail, b"{}")])),
        [""; 0]
    );
}

#[test]
fn a_test_result_is_as_bad_as_the_worst_that_was_required() {
    use Conclusion::{Error, Fail, Pass, Skipped, Warn};
    let check = |found: &[(&str, Conclusion)], result: Option<&str>, lists: [&[&str]; 3]| {
        let runs = found.iter().map(|(plugin, conclusion)| run(plugin, *conclusion, plugin.as_bytes()));
        let said = said(&request(gate(Verdict::Satisfied, &[]), runs.collect()), &[]);
        let tested = said.iter().find(|it| it["predicateType"] == TEST_RESULT).map(|it| &it["predicate"]);
        assert_eq!(tested.map(|it| it["result"].as_str().unwrap()), result);
        for (list, expect) in ["passedTests", "warnedTests", "failedTests"].iter().zip(lists) {
            assert!(tested.is_none_or(|it| it[list] == json!(expect)), "{tested:?}");
        }
    };
    check(&[], None, [&[], &[], &[]]);
    check(&[("a", Pass), ("b", Warn)], Some("WARNED"), [&["a"], &["b"], &[]]);
    check(&[("a", Pass), ("b", Warn), ("c", Error)], Some("FAILED"), [&["a"], &["b"], &["c"]]);
    check(&[("a", Skipped)], Some("FAILED"), [&[], &[], &[]]);
    check(&[("a", Fail)], Some("FAILED"), [&[], &[], &["a"]]);
    let twice = vec![run("a", Pass, b"1"), run("a", Pass, b"2")];
    let said = said(&request(gate(Verdict::Satisfied, &[]), twice), &[]);
    let name = |config: &[u8]| format!("a@{}", Digest::of(config).short());
    assert_eq!(said[0]["predicate"]["passedTests"], json!([name(b"1"), name(b"2")]));
}

use uuid::Uuid;

use super::*;
use crate::action::{Action, Placed};
use crate::check::{Outcome, Report};
use crate::decide::{SeatCount, Violation};
use crate::digest::Digest;
use crate::facts::Subject;
use crate::names::Version;
use crate::request::{Judgement, Prior};
use crate::review::Authors;
use crate::time::Span;

const NOW: Millis = Millis::new(1_795_381_030_000);

fn run(plugin: &str, conclusion: Conclusion) -> CheckRun {
    let any = Digest::of(b"");
    let report = Report { conclusion, summary: String::new(), findings: vec![], extensions: vec![] };
    CheckRun {
        plugin: plugin.into(),
        required: true,
        plugin_digest: any,
        config_digest: any,
        input_digest: any,
        transcript_digest: any,
        outcome_digest: any,
        outcome: Outcome::Reported(report),
        started_at: NOW,
        took_us: 0,
    }
}

fn judged(verdict: Verdict, check_runs: Vec<CheckRun>) -> Judgement {
    let count = SeatCount { needed: 1, signed: [].into() };
    let gate = GateVerdict {
        seats: [("risk".into(), count)].into(),
        ..GateVerdict::new("production".into(), verdict)
    };
    let (model, version) = ("credit".into(), Version::new(7));
    let (created, source) = (Millis::new(0), String::new());
    Judgement {
        subject: Subject { workspace: "default".into(), model, version, created, source, manifest: None },
        binding: Digest::of(b"reviewed"),
        policy: Digest::of(b""),
        facts: Digest::of(b""),
        gates: vec![gate],
        check_runs,
        prior: Prior::Nothing,
        authors: Authors::default(),
        expires: None,
        also: Vec::new(),
    }
}

fn request(verdict: Verdict, runs: Vec<CheckRun>) -> PromotionRequest {
    let (model, alias) = ("credit".into(), "champion".into());
    let action = Action::SetAlias { model, alias, version: Version::new(7) };
    let placed = Placed { workspace: "default".into(), action };
    PromotionRequest::open(RequestId(Uuid::nil()), NOW, placed, judged(verdict, runs))
}

fn waiting() -> PromotionRequest {
    request(Verdict::Held(vec![Need::Signatures { seat: "risk".into(), missing: 1 }]), vec![])
}

fn applied() -> PromotionRequest {
    request(Verdict::Satisfied, vec![]).applied(3, NOW).unwrap()
}

fn until(days: i64) -> PromotionRequest {
    let valid_until = Some(NOW.plus(Span::from_millis(days * 86_400_000)));
    PromotionRequest { valid_until, ..applied() }
}

fn known<'a>(requests: &'a [&'a PromotionRequest], check_runs: &'a [CheckRun]) -> Known<'a> {
    Known { governed: true, bypassed: false, holds: false, running: false, requests, check_runs, now: NOW }
}

fn check(known: &Known<'_>, expect: &str, tone: Tone) {
    let (badge, _) = of(known);
    assert_eq!((badge.words().as_str(), badge.tone()), (expect, tone));
}

#[test]
fn without_a_request_its_checks_speak() {
    let (pass, fail) = (run("fairness", Conclusion::Pass), run("fairness", Conclusion::Error));
    check(&known(&[], &[]), "Not checked", Tone::Neutral);
    check(&Known { governed: false, ..known(&[], &[]) }, "Not governed", Tone::Neutral);
    check(&Known { holds: true, ..known(&[], &[]) }, "Held from before", Tone::Neutral);
    check(&Known { running: true, ..known(&[], &[]) }, "Checks running", Tone::Busy);
    check(&known(&[], std::slice::from_ref(&pass)), "Checks passed", Tone::Good);
    check(&known(&[], &[pass, fail]), "Checks failed", Tone::Bad);
    check(&known(&[], &[run("fairness", Conclusion::Skipped)]), "Checks passed", Tone::Good);
}

#[test]
fn each_state_has_its_word() {
    let of_one =
        |request: PromotionRequest, expect: &str, tone| check(&known(&[&request], &[]), expect, tone);
    of_one(waiting(), "Waiting for risk", Tone::Busy);
    let failed = Violation::CheckFailed { plugin: "fairness".into(), message: String::new() };
    let denied = Verdict::Denied(vec![failed]);
    of_one(request(denied.clone(), vec![run("fairness", Conclusion::Fail)]), "Checks failed", Tone::Bad);
    of_one(request(denied, vec![]), "Blocked", Tone::Warning);
    of_one(request(Verdict::Satisfied, vec![]), "Approved", Tone::Good);
    of_one(applied(), "Approved", Tone::Good);
    of_one(until(90), "Approved until 2027-02-20", Tone::Good);
    of_one(until(7), "Approved until 2026-11-29", Tone::Warning);
    of_one(until(0), "Expired", Tone::Bad);
    of_one(applied().suspended(None, String::new(), NOW).unwrap(), "Suspended", Tone::Bad);
    of_one(applied().revoked(None, String::new(), NOW).unwrap(), "Revoked", Tone::Bad);
    of_one(waiting().rejected("ruth".into(), NOW).unwrap(), "Rejected", Tone::Bad);
    of_one(waiting().broken_by_glass().unwrap(), "Glass broken", Tone::Bad);
    of_one(waiting().withdrawn("ana".into(), NOW).unwrap(), "Not checked", Tone::Neutral);
    let flags = crate::request::Flags { stale: true, ..Default::default() };
    of_one(PromotionRequest { flags, ..waiting() }, "Stale", Tone::Warning);
}

#[test]
fn what_asks_for_somebody_wins() {
    let (waiting, applied) = (waiting(), applied());
    let rejected = waiting.clone().rejected("ruth".into(), NOW).unwrap();
    check(&known(&[&applied, &waiting], &[]), "Waiting for risk", Tone::Busy);
    check(&known(&[&rejected, &applied], &[]), "Rejected", Tone::Bad);
    check(&Known { holds: true, ..known(&[&rejected, &applied], &[]) }, "Approved", Tone::Good);
    check(&Known { bypassed: true, ..known(&[&waiting], &[]) }, "Bypassed", Tone::Bad);
    check(&Known { running: true, ..known(&[&waiting], &[]) }, "Waiting for risk", Tone::Busy);
}

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::action::Action;
use crate::check::{Conclusion, Outcome, Report};
use crate::decide::{self, Need, SeatCount};
use crate::evidence::NotYet;
use crate::names::{Seat, Stage, Version};
use crate::time::Span;

fn gate(verdict: Verdict, signed: &[&str]) -> GateVerdict {
    let signed = signed.iter().copied().map(PersonId::from).collect();
    GateVerdict {
        seats: [("risk".into(), SeatCount { needed: 1, signed })].into(),
        expires: Some(Span::from_millis(1_000)),
        evidence_first: true,
        ..GateVerdict::new("production".into(), verdict)
    }
}

fn run(outcome: &[u8]) -> CheckRun {
    let any = Digest::of(b"");
    let report =
        Report { conclusion: Conclusion::Pass, summary: String::new(), findings: vec![], extensions: vec![] };
    CheckRun {
        plugin: "fairness".into(),
        required: true,
        plugin_digest: any,
        config_digest: any,
        input_digest: any,
        transcript_digest: any,
        outcome_digest: Digest::of(outcome),
        outcome: Outcome::Reported(report),
        started_at: Millis::new(0),
        took_us: 0,
    }
}

fn found(gate: GateVerdict) -> Judgement {
    Judgement {
        subject: Subject {
            workspace: "default".into(),
            model: "credit".into(),
            version: Version::new(7),
            created: Millis::new(0),
            source: String::new(),
            manifest: None,
        },
        binding: Digest::of(b"reviewed"),
        policy: Digest::of(b""),
        facts: Digest::of(b""),
        gates: vec![gate],
        check_runs: vec![run(b"passed")],
        prior: Prior::Nothing,
        authors: Authors::default(),
        expires: Some(Span::from_millis(500)),
        also: Vec::new(),
    }
}

fn held() -> GateVerdict {
    gate(Verdict::Held(vec![Need::Signatures { seat: "risk".into(), missing: 1 }]), &[])
}

fn open() -> PromotionRequest {
    let (model, alias) = ("credit".into(), "champion".into());
    let action = Action::SetAlias { model, alias, version: Version::new(7) };
    let placed = Placed { workspace: "default".into(), action };
    PromotionRequest::open(RequestId(Uuid::nil()), Millis::new(0), placed, found(held()))
}

fn review() -> Review {
    Review {
        id: Uuid::nil(),
        reviewer: "ruth".into(),
        seat: Some("risk".into()),
        vote: Vote::Approve,
        rationale: "fine".to_owned(),
        at: Millis::new(100),
        binding: Digest::of(b"reviewed"),
        looked_for: None,
        signature: None,
    }
}

fn approved() -> PromotionRequest {
    let voted = open().reviewed(review()).unwrap();
    voted.judged(found(gate(Verdict::Satisfied, &["ruth"])), Millis::new(100)).unwrap()
}

#[test]
fn two_appliers_and_one_write() {
    let first = approved().applying(Uuid::from_u128(1), Millis::new(200)).unwrap();
    assert_eq!(first.clone().applying(Uuid::from_u128(2), Millis::new(200)).unwrap_err().state, "applying");
    assert_eq!(first.clone().applied(9, Millis::new(201)).unwrap().state.as_str(), "applied");
    assert_eq!(first.clone().not_applied(Millis::new(201)).state.as_str(), "approved");
    assert!(first.clone().withdrawn("ana".into(), Millis::new(201)).is_err());
    let again = first.judged(found(held()), Millis::new(202)).unwrap();
    assert_eq!(again.state.as_str(), "applying", "what is on its way is not called back");
    assert!(open().applying(Uuid::nil(), Millis::new(0)).is_err());
    let emergency = open().broken_by_glass().unwrap();
    assert!(emergency.clone().applying(Uuid::nil(), Millis::new(0)).is_ok());
    assert!(emergency.applied(9, Millis::new(0)).is_ok());
}

#[test]
fn time_ends_what_nobody_ends() {
    let check = |request: PromotionRequest, now: i64, expect: Option<&str>| {
        let aged = request.aged(Millis::new(now));
        assert_eq!(aged.as_ref().map(|request| request.state.as_str()), expect, "{now}");
    };
    check(open(), 499, None);
    check(open(), 500, Some("lapsed"));
    check(approved(), 600, Some("lapsed"));
    let applied = || approved().applied(9, Millis::new(200)).unwrap();
    check(applied(), 1_099, None);
    check(applied(), 1_100, Some("expired"));
    assert!(open().aged(Millis::new(500)).unwrap().reviewed(review()).is_err());
}

#[test]
fn how_an_approval_stands() {
    let applied = approved().applied(9, Millis::new(200)).unwrap();
    let until = Millis::new(1_100);
    assert_eq!(applied.standing(Millis::new(200)), Some(Standing::Expiring { until }));
    assert_eq!(applied.standing(until), Some(Standing::Expired));
    let forever = PromotionRequest { valid_until: None, ..applied.clone() };
    assert_eq!(forever.standing(until), Some(Standing::Active { until: None }));
    let reason = || "drift".to_owned();
    let suspended = applied.suspended(None, reason(), until).unwrap();
    assert_eq!(suspended.standing(until), Some(Standing::Suspended));
    let revoked = suspended.revoked(Some("ruth".into()), reason(), until).unwrap();
    assert_eq!(revoked.standing(until), Some(Standing::Revoked));
    assert!(revoked.revoked(None, reason(), until).is_err());
    assert_eq!(open().standing(until), None);
}

#[test]
fn a_vote_waits_for_evidence() {
    let (ruth, now) = (PersonId::from("ruth"), Millis::new(300));
    let unread = NotYet::Unread(vec!["fairness".into()]);
    assert_eq!(open().may_vote(&ruth, now), Err(unread.clone()));
    let opened = |by: &str, outcome: &[u8]| Opened {
        by: by.into(),
        plugin: "fairness".into(),
        outcome: Digest::of(outcome),
        at: Millis::new(100),
    };
    let others = open().opened(opened("omar", b"passed")).unwrap();
    assert_eq!(others.may_vote(&ruth, now), Err(unread.clone()));
    let before = open().opened(opened("ruth", b"failed")).unwrap();
    assert_eq!(before.may_vote(&ruth, now), Err(unread), "they have seen another result");
    let read = open().opened(opened("ruth", b"passed")).unwrap();
    assert_eq!(read.may_vote(&ruth, now), Ok(Some(200)));
    let runs = gate(Verdict::Held(vec![Need::CheckRun { plugin: "fairness".into() }]), &[]);
    let early = read.judged(found(runs), now).unwrap();
    assert_eq!(early.may_vote(&ruth, now), Err(NotYet::NotFinal("fairness".into())));
    let free = GateVerdict { evidence_first: false, ..held() };
    assert_eq!(open().judged(found(free), now).unwrap().may_vote(&ruth, now), Ok(None));
}

/// As version 0.1 wrote it.
const OLD: &str = r#"{"id":"01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d","opened_at":0,
    "placed":{"workspace":"default","action":{"kind":"set-alias","model":"credit","alias":"champion","version":"7"}},
    "subject":{"workspace":"default","model":"credit","version":"7","created":0,"source":"s","manifest":null},
    "authors":{"requester":"p_1","creator":null,"run_author":null,"last_writer":null},
    "binding":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "policy":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "facts":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "gates":[{"gate":"production","enforced":true,"tier":{"known":"low"},"verdict":"satisfied",
        "seats":{"risk":{"needed":1,"signed":["p_2"]}},"unproven":[]}],
    "check_runs":[],
    "reviews":[{"id":"01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d","reviewer":"p_2","seat":"risk","vote":"approve",
        "rationale":"fine","at":0,
        "binding":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],
    "flags":{"stale":false,"bypassed":false},"state":{"is":"applied","at":5,"intent":4}}"#;

#[test]
fn what_was_kept_before_reads_and_is_written_as_it_was() {
    let old: PromotionRequest = serde_json::from_str(OLD).unwrap();
    assert_eq!(old.prior, Prior::NotKnown);
    assert_eq!(old.standing(Millis::new(0)), Some(Standing::Active { until: None }));
    let written: serde_json::Value = serde_json::to_value(&old).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(OLD).unwrap());
}

proptest! {
    /// Whatever a clock says afterwards, and in whatever order: what has run out stays so.
    #[test]
    fn expiry_is_monotone(times in proptest::collection::vec(-5_000_000_000_i64..20_000_000_000, 1..40)) {
        let year = PromotionRequest { valid_until: Some(Millis::new(8_000_000_000)), ..approved() };
        let mut request = year.applied(9, Millis::new(200)).unwrap();
        let (mut over, mut given) = (false, Vec::new());
        for now in times.into_iter().map(Millis::new) {
            if let Some(aged) = request.aged(now) {
                request = aged;
                over = true;
            } else if let Some(days) = request.warning(now) {
                given.push(days);
                request = request.warned(days);
            }
            prop_assert_eq!(request.standing(now) == Some(Standing::Expired), over);
        }
        prop_assert!(given.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", given);
    }
}

/// Takes steps of an approval whose write was made, one letter each: suspend, resume, revoke (`x`), expire.
fn check_steps(steps: &str, expect: Result<&str, &str>) {
    let applied = approved().applied(9, Millis::new(200)).unwrap();
    let (by, why) = (Some(PersonId::from("ruth")), || "scores are off".to_owned());
    let taken = steps.chars().try_fold(applied, |request, step| match step {
        's' => request.suspended(by.clone(), why(), Millis::new(300)),
        'r' => request.resumed(Millis::new(400)),
        'x' => request.revoked(by.clone(), why(), Millis::new(500)),
        _ => Ok(request.aged(Millis::new(5_000)).unwrap()),
    });
    let got = taken.as_ref().map(|request| request.state.as_str()).map_err(ToString::to_string);
    assert_eq!(got, expect.map_err(str::to_owned), "{steps}");
}

#[test]
fn an_approval_is_suspended_resumed_and_revoked() {
    check_steps("s", Ok("suspended"));
    check_steps("sr", Ok("applied"));
    check_steps("srs", Ok("suspended"));
    check_steps("x", Ok("revoked"));
    check_steps("sx", Ok("revoked"));
    check_steps("ex", Ok("revoked"));
    check_steps("ss", Err("a request that is suspended cannot be suspended"));
    check_steps("r", Err("a request that is applied cannot be resumed"));
    check_steps("xr", Err("a request that is revoked cannot be resumed"));
    check_steps("xs", Err("a request that is revoked cannot be suspended"));
    check_steps("xx", Err("a request that is revoked cannot be revoked"));
    check_steps("es", Err("a request that is expired cannot be suspended"));
    check_steps("sre", Ok("expired"));
    assert!(open().suspended(None, String::new(), Millis::new(1)).is_err(), "nothing is in force yet");
    assert!(open().revoked(None, String::new(), Millis::new(1)).is_err());
    assert!(open().resumed(Millis::new(1)).is_err());
}

fn drawn() -> PromotionRequest {
    let free =
        GateVerdict { seats: BTreeMap::new(), sampled: Some("risk".into()), ..gate(Verdict::Satisfied, &[]) };
    let placed = open().placed;
    PromotionRequest::open(RequestId(Uuid::nil()), Millis::new(0), placed, found(free))
}

#[test]
fn a_sample_is_looked_at_once_and_after_the_fact() {
    let word = || crate::waiver::tests::word("ruth");
    assert!(drawn().sample_reviewed(word(), true).is_err(), "it was not made yet");
    let made = drawn().applied(9, Millis::new(200)).unwrap();
    assert_eq!(made.sample_waits_for().map(Seat::as_str), Some("risk"));
    let confirmed = made.clone().sample_reviewed(word(), true).unwrap();
    assert_eq!((confirmed.state.as_str(), confirmed.sample_waits_for()), ("applied", None));
    assert!(confirmed.sample_reviewed(word(), false).is_err(), "once is enough");
    let objected = made.sample_reviewed(word(), false).unwrap();
    assert_eq!(objected.state.as_str(), "suspended");
    assert_eq!(approved().applied(9, Millis::new(1)).unwrap().sample_waits_for(), None, "somebody signed it");
}

#[test]
fn a_tier_that_moves_makes_an_approval_stale_and_its_return_mends_it() {
    let drift = |to: &str| TierDrift {
        at: Millis::new(300),
        from: "low".into(),
        to: to.into(),
        changes: vec![],
        read: vec![],
        seats: BTreeMap::new(),
        renewal: None,
    };
    let stands = |request: &PromotionRequest| request.standing(Millis::new(300)).map(Standing::as_str);
    let made = approved().applied(9, Millis::new(200)).unwrap();
    let drifted = made.clone().drifted(Some(drift("high")));
    assert_eq!((stands(&drifted), drifted.flags.stale), (Some("stale"), true));
    assert!(drifted.drift.as_ref().unwrap().says_the_same(Some(&drift("high"))));
    assert!(!drifted.drift.as_ref().unwrap().says_the_same(Some(&drift("medium"))));
    assert_eq!(drifted.drifted(None), made);
    assert_eq!(open().drifted(Some(drift("high"))), open(), "what is not live cannot drift");
}

#[test]
fn a_window_is_open_once_and_for_its_time() {
    let opened = |state: State| {
        PromotionRequest { state, ..open() }.opens_window(
            "ana".into(),
            Span::from_millis(50),
            Millis::new(100),
        )
    };
    let approved = opened(State::Approved { at: Millis::new(90) });
    assert_eq!(approved.due(), Some(Millis::new(150)));
    let closed = approved.closes_window(Millis::new(150));
    assert_eq!((closed.state.as_str(), closed.due(), closed.open_window()), ("lapsed", None, None));
    let written = opened(State::Applied { at: Millis::new(110), intent: 3 }).closes_window(Millis::new(150));
    assert_eq!((written.state.as_str(), written.due()), ("applied", None));
}

#[test]
fn only_what_has_run_out_is_given_up() {
    let action = Action::TransitionStage {
        model: "credit".into(),
        version: Version::new(7),
        stage: Stage::Production,
        archive_existing: true,
    };
    let placed = Placed { workspace: "default".into(), action };
    let request = |state: State| PromotionRequest { state, placed: placed.clone(), ..open() };
    let (at, intent) = (Millis::new(1), 1);
    let gives = |request: &PromotionRequest, to| decide::give_up(request, to, request.policy).is_some();
    let expired = request(State::Expired { at, intent });
    assert!(gives(&expired, Stage::Archived) && !gives(&expired, Stage::Staging));
    assert!(!gives(&request(State::Applied { at, intent }), Stage::Archived));
    let alias = PromotionRequest { state: State::Expired { at, intent }, ..open() };
    assert!(!gives(&alias, Stage::Archived));
}

#[test]
fn a_stage_holds_the_newest_of_it() {
    let (version, mut model) = crate::facts::tests::described();
    model.stages.insert("Production".to_owned(), Version::new(9));
    let facts = crate::facts::Facts { taken_at: Millis::new(0), version, model };
    let held = |stage| {
        let (model, version) = ("credit".into(), Version::new(7));
        Prior::of(&Action::TransitionStage { model, version, stage, archive_existing: false }, &facts)
    };
    assert_eq!(held(Stage::Production), Prior::Version { version: Version::new(9) });
    assert_eq!((held(Stage::Staging), held(Stage::Archived)), (Prior::Nothing, Prior::NotKnown));
}

use std::collections::BTreeSet;

use super::*;
use crate::action::{Action, ArtifactPlace, FileWrite, Placed};
use crate::decide::{GateVerdict, SeatCount, Verdict};
use crate::entry::Bypass;
use crate::facts::Subject;
use crate::names::Seat;
use crate::review::Vote;
use crate::waiver::tests::{waiver, word};
use crate::waiver::{Requirement, Waived};

fn placed() -> Placed {
    let (model, alias) = ("credit".into(), "champion".into());
    let action = Action::SetAlias { model, alias, version: Version::new(7) };
    Placed { workspace: "default".into(), action }
}

fn people(names: &[&str]) -> BTreeSet<PersonId> {
    names.iter().copied().map(PersonId::from).collect()
}

fn gate(signed: &[(&str, u32, &[&str])]) -> GateVerdict {
    let seats = signed.iter().map(|(seat, needed, signed)| {
        (Seat::from(*seat), SeatCount { needed: *needed, signed: people(signed) })
    });
    GateVerdict {
        seats: seats.collect(),
        expires: Some("30s".parse().unwrap()),
        ..GateVerdict::new("production".into(), Verdict::Satisfied)
    }
}

fn request() -> RequestId {
    RequestId(Uuid::from_u128(1))
}

fn intent(gate: GateVerdict) -> Intent {
    Intent {
        id: Uuid::from_u128(2),
        request: Some(request()),
        placed: placed(),
        subject: Some(Subject {
            workspace: "default".into(),
            model: "credit".into(),
            version: Version::new(7),
            created: Millis::new(0),
            source: String::new(),
            manifest: None,
        }),
        binding: Digest::of(b"reviewed"),
        policy: Digest::of(b""),
        by: Some("ana".into()),
        gates: vec![gate],
        authors: Authors { requester: Some("ana".into()), ..Authors::default() },
        body: Digest::of(b""),
        break_glass: None,
        in_window: false,
        also: Vec::new(),
        basis: None,
    }
}

fn opened(requester: &str) -> Entry {
    let Intent { placed, subject, binding, policy, .. } = intent(gate(&[]));
    Entry::RequestOpened {
        request: request(),
        placed,
        subject: subject.unwrap(),
        binding,
        policy,
        facts: Digest::of(b""),
        authors: Authors { requester: Some(requester.into()), ..Authors::default() },
        previous: None,
    }
}

fn created(by: &str) -> Entry {
    let (workspace, model) = ("default".into(), "credit".into());
    Entry::VersionCreated { workspace, model, version: Version::new(7), by: Some(by.into()) }
}

fn voted(who: &str, vote: Vote, seat: &str) -> Entry {
    let review = Review {
        id: Uuid::nil(),
        reviewer: who.into(),
        seat: Some(seat.into()),
        vote,
        rationale: "fine".to_owned(),
        at: Millis::new(0),
        binding: Digest::of(b"reviewed"),
        looked_for: None,
        signature: None,
    };
    Entry::Reviewed { request: request(), review }
}

fn outcome(result: OutcomeResult) -> Entry {
    Entry::Outcome { intent: Uuid::from_u128(2), result }
}

/// The entries, one every ten seconds; then the outcome of the intent among them.
fn breaches(entries: &[Entry]) -> Vec<(u64, String)> {
    let mut prover = Prover::default();
    let applied = outcome(OutcomeResult::Applied);
    for (index, entry) in (0_u64..).zip(entries.iter().chain([&applied])) {
        prover.read(index, Millis::new(10_000 * i64::try_from(index).unwrap()), entry);
    }
    prover.finish().into_iter().map(|breach| (breach.entry, breach.reason)).collect()
}

fn check(entries: &[Entry], expect: &[&str]) {
    let found = breaches(entries);
    let here = u64::try_from(entries.len() - 1).unwrap();
    assert!(found.iter().all(|(entry, _)| *entry == here), "{found:?}");
    assert_eq!(found.len(), expect.len(), "{found:?}");
    for ((_, reason), expect) in found.iter().zip(expect) {
        assert!(reason.contains(expect), "{reason}");
    }
}

fn announced(signed: &[(&str, u32, &[&str])]) -> Entry {
    Entry::Intent(intent(gate(signed)))
}

#[test]
fn what_was_signed_by_others_holds() {
    let signed = announced(&[("risk", 1, &["ruth"])]);
    check(&[created("ana"), opened("ana"), voted("ruth", Vote::Approve, "risk"), signed], &[]);
    check(&[announced(&[])], &[]);
}

#[test]
fn own_work_and_missing_signatures_are_named() {
    let ruth = || announced(&[("risk", 1, &["ruth"])]);
    let yes = || voted("ruth", Vote::Approve, "risk");
    check(&[ruth()], &["did not approve"]);
    check(&[created("ruth"), yes(), ruth()], &["they registered this version"]);
    check(&[opened("ruth"), yes(), ruth()], &["they asked for this promotion"]);
    check(&[yes(), voted("ruth", Vote::Recuse, "risk"), ruth()], &["no longer did"]);
    check(&[voted("ruth", Vote::Approve, "legal"), ruth()], &["did not approve"]);
    check(&[yes(), announced(&[("risk", 2, &["ruth"])])], &["1 of 2 signatures"]);
    let twice = announced(&[("legal", 1, &["ruth"]), ("risk", 1, &["ruth"])]);
    check(&[yes(), voted("ruth", Vote::Approve, "legal"), twice], &["more than one seat"]);
    let late: Vec<Entry> =
        std::iter::once(yes()).chain((0..9).map(|_| created("ana"))).chain([ruth()]).collect();
    check(&late, &["no longer did"]);
    let held = GateVerdict { verdict: Verdict::Held(vec![]), ..gate(&[]) };
    check(&[Entry::Intent(intent(held))], &["did not let it through"]);
}

#[test]
fn only_what_was_made_counts() {
    let mut prover = Prover::default();
    prover.read(0, Millis::new(0), &announced(&[("risk", 1, &["ruth"])]));
    prover.read(1, Millis::new(0), &outcome(OutcomeResult::FoundNotApplied));
    assert_eq!(prover.finish(), []);
}

#[test]
fn waivers_are_looked_up() {
    let seat = Requirement::Seat { gate: "production".into(), seat: "risk".into() };
    let mut waives = gate(&[("risk", 1, &[])]);
    waives.waived =
        vec![Waived { waiver: Uuid::nil(), requirement: seat.clone(), until: Millis::new(1_000) }];
    let here = || Entry::Intent(intent(waives.clone()));
    let asked = || Entry::WaiverAsked { waiver: waiver(seat.clone()) };
    let yes = |who| Entry::WaiverApproved { waiver: Uuid::nil(), word: word(who) };
    check(&[asked(), yes("ruth"), here()], &[]);
    check(&[here()], &["told of by no entry"]);
    check(&[asked(), here()], &["approved by nobody"]);
    check(&[asked(), yes("ana"), here()], &["approved by nobody"]);
    let ended = Entry::WaiverRevoked { waiver: Uuid::nil(), word: word("ruth") };
    check(&[asked(), yes("ruth"), ended, here()], &["had ended"]);
}

#[test]
fn emergencies_and_what_is_put_back_are_looked_up() {
    let used = crate::break_glass::tests::broken("otto");
    let emergency = Intent { break_glass: Some(used.id), ..intent(gate(&[("risk", 1, &[])])) };
    let emergency = || Entry::Intent(emergency.clone());
    check(&[Entry::BrokeGlass { used: used.clone() }, emergency()], &[]);
    check(&[emergency()], &["was not open"]);
    check(&[Entry::BrokeGlass { used: BreakGlass { drill: true, ..used } }, emergency()], &["was not open"]);
    let (workspace, model, what) = ("default".into(), "credit".into(), "alias:champion".to_owned());
    let bypass = Bypass { workspace, model, what, was: Some(Version::new(7)), is: None };
    let binding = Digest::of_json(&bypass).unwrap();
    let back = || Entry::Intent(Intent { subject: None, binding, ..intent(gate(&[])) });
    check(&[Entry::Bypassed(bypass.clone()), back()], &[]);
    check(&[back()], &["no entry tells of"]);
}

#[test]
fn a_window_is_for_its_place_its_person_and_its_time() {
    let write = |path: &str| {
        let place = ArtifactPlace::Root { path: path.to_owned() };
        Placed { workspace: "default".into(), action: Action::WriteArtifact { place, how: FileWrite::Write } }
    };
    let until = Millis::new(20_000);
    let opening =
        || Entry::WindowOpened { request: request(), placed: write("1/r"), by: "ana".into(), until };
    let first = || {
        let id = Uuid::from_u128(3);
        Entry::Intent(Intent { id, placed: write("1/r/a"), ..intent(gate(&[])) })
    };
    let more = |path: &str, by: &str| {
        let by = Some(by.into());
        Entry::Intent(Intent { placed: write(path), by, in_window: true, ..intent(gate(&[])) })
    };
    check(&[opening(), first(), more("1/r/b", "ana")], &[]);
    check(&[more("1/r/b", "ana")], &["no window"]);
    check(&[opening(), more("1/r/b", "ana")], &["no window"]);
    check(&[opening(), first(), more("1/r/b", "bob")], &["no window"]);
    check(&[opening(), first(), more("1/s/b", "ana")], &["no window"]);
    let closed = Entry::WindowClosed { request: request(), changed: vec![] };
    check(&[opening(), first(), closed, more("1/r/b", "ana")], &["no window"]);
    let mut late = vec![opening(), first()];
    late.extend((0..8).map(|_| created("ana")));
    late.push(more("1/r/b", "ana"));
    check(&late, &["no window"]);
}

#[test]
fn kinds_are_those_that_are_read() {
    let used = crate::break_glass::tests::broken("otto");
    for entry in [
        created("ana"),
        opened("ana"),
        announced(&[]),
        outcome(OutcomeResult::Applied),
        Entry::BrokeGlass { used },
    ] {
        assert!(KINDS.contains(&entry.kind()), "{}", entry.kind());
    }
}

#[test]
fn a_vote_without_the_proof_that_the_gate_asked_for_counts_for_nothing() {
    let proved = GateVerdict { reauthenticate: true, ..gate(&[("risk", 1, &["ruth"])]) };
    let entries = [opened("ana"), voted("ruth", Vote::Approve, "risk"), Entry::Intent(intent(proved))];
    check(&entries, &["ruth did not approve it in seat risk"]);
}

#[test]
fn nobody_reviews_their_own_work_as_a_sample() {
    let sampled = |by: &str| {
        let entry = Entry::SampleReviewed { request: request(), word: word(by), confirmed: true };
        let made = Entry::Intent(intent(gate(&[])));
        breaches(&[opened("ana"), made, entry])
    };
    assert_eq!(sampled("ruth"), []);
    let [(2, reason)] = &sampled("ana")[..] else { panic!("no breach") };
    assert!(reason.contains("ana reviewed their own work as a sample"), "{reason}");
}

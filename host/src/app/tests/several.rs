//! A write about several versions: all that each was judged by is in its evidence file, and decides it again.

use countersign_core::decide::TierFound;
use countersign_core::digest::Digest;
use countersign_core::entry::{Basis, Beside};

use super::changes::{called, held};
use super::evidence_file::verified;
use super::redecided::{forged, forged_without, number_of, refused, told};
use super::*;
use crate::app::Answer;

/// A deletion of two versions, of form 1; see `writes_the_fixture_of_several`.
const FIXTURE: &str = "../tests/fixtures/formats/evidence-several.v1.jsonl";

/// Whatever is `prod-eu` is high and asks for legal; the champion asks for two of risk.
fn policy() -> String {
    let tiers =
        "[[tier]]\nname = \"high\"\nwhen = '\"prod-eu\" in version.aliases'\n\n[[tier]]\nname = \"low\"\n";
    let guards = "guards = [{ alias = \"champion\" }, { alias = \"prod-*\" }]";
    POLICY.replace("[[tier]]\nname = \"low\"\n", tiers).replace("guards = [{ alias = \"champion\" }]", guards)
        + "\n  [gate.approvals.high]\n  seats = { legal = 1 }\n"
}

/// Version 7 is the champion, and version 8 is `prod-eu`.
async fn two() -> World {
    let world = World::champions(&policy()).await;
    world.app.started("countersign 0".to_owned(), None).await.unwrap();
    world.registry.lock().unwrap().aliases.insert("prod-eu".to_owned(), "8".to_owned());
    world.app.registry.touch_model(&"default".into(), &"credit".into());
    world
}

async fn delete(world: &World) -> Answer {
    let action = Action::DeleteModel { model: "credit".into() };
    called(world, "DELETE", "registered-models/delete", json!({"name": "credit"}), action).await
}

/// The evidence of a deletion of both, which was held, approved and made.
async fn deleted() -> String {
    let world = two().await;
    let id = held(delete(&world).await);
    world.signed(id, "and both may go").await;
    world.vote("lea", Vote::Approve, "the contract has ended", id).await.unwrap();
    assert!(matches!(delete(&world).await, Answer::Forwarded(_)));
    world.app.settled().await.unwrap();
    assert_eq!(world.breaches().await, Vec::<String>::new());
    world.evidence(id).await
}

fn basis_of(entry: &mut Entry) -> Option<&mut Basis> {
    match entry {
        Entry::Intent(intent) => intent.basis.as_deref_mut(),
        Entry::Refused { basis, .. } => basis.as_deref_mut(),
        _ => None,
    }
}

/// What the entries of a file say of the second version.
fn second(text: &str) -> Beside {
    let mut file = super::evidence_file::reads(text.as_bytes()).unwrap();
    let mut also = file.entries.iter_mut().filter_map(|told| basis_of(&mut told.entry));
    also.find_map(|basis| basis.also.first().cloned()).unwrap()
}

#[tokio::test]
async fn what_is_about_several_versions_is_decided_again_over_all_of_them() {
    let text = deleted().await;
    let report = verified(&text, None).await;
    assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
    let (hold, allow) = (number_of(&text, "refused"), number_of(&text, "intent"));
    assert_eq!(told(&report), format!("{hold} hold same, {allow} allow same"));
    let beside = second(&text);
    assert_eq!((beside.subject.version, beside.tier), (Version::new(7), TierFound::Known("low".into())));
    // Signed by somebody else, and nothing in it changed.
    let report = verified(&forged(&text, &|_| ()).await, None).await;
    assert!(report.holds && report.complete, "{:?}", report.breaches);
}

#[tokio::test]
async fn what_is_said_of_the_second_version_is_refused_where_its_facts_say_otherwise() {
    let text = deleted().await;
    let high = |entry: &mut Entry| {
        if let (true, Some(basis)) = (entry.kind() == "intent", basis_of(entry)) {
            basis.also[0].tier = TierFound::Known("high".into());
        }
    };
    let why = "version 7 of credit is recorded at tier `high`, and its policy gives tier `low`";
    refused(&forged(&text, &high).await, number_of(&text, "intent"), why).await;
    // Two of risk are asked for on account of the second version alone.
    let unasked = |entry: &mut Entry| {
        if let Entry::Intent(intent) = entry {
            intent.gates[0].seats.remove(&"risk".into());
        }
    };
    let why = "the seats of gate production";
    refused(&forged(&text, &unasked).await, number_of(&text, "intent"), why).await;
    let unasked = |entry: &mut Entry| {
        if let Entry::Refused { gates, .. } = entry {
            gates[0].seats.remove(&"risk".into());
        }
    };
    refused(&forged(&text, &unasked).await, number_of(&text, "refused"), why).await;
}

#[tokio::test]
async fn facts_of_another_version_are_not_those_of_the_second() {
    let text = deleted().await;
    let swapped = |entry: &mut Entry| {
        if let (true, Some(basis)) = (entry.kind() == "refused", basis_of(entry)) {
            basis.also[0].facts = basis.facts;
        }
    };
    let why = "for version 7 of credit are facts about version 8 of credit";
    refused(&forged(&text, &swapped).await, number_of(&text, "refused"), why).await;
    let swapped = |entry: &mut Entry| {
        if let (true, Some(basis)) = (entry.kind() == "intent", basis_of(entry)) {
            basis.also[0].facts = basis.facts;
        }
    };
    let why = "it rests on facts about version 8 of credit, not about what is written";
    refused(&forged(&text, &swapped).await, number_of(&text, "intent"), why).await;
}

/// As entries of before are, which say nothing of the second version.
#[tokio::test]
async fn what_an_earlier_version_recorded_is_listed_and_not_passed() {
    let text = deleted().await;
    let before = |entry: &mut Entry| basis_of(entry).into_iter().for_each(|basis| basis.also.clear());
    let unnamed: Digest = second(&text).facts;
    let report = verified(&forged_without(&text, &[unnamed], &before).await, None).await;
    assert!(report.holds && !report.complete, "{:?}", report.breaches);
    let reasons: Vec<&str> = report.redecided.iter().filter_map(|again| again.reason.as_deref()).collect();
    let lost = "about several versions, and what all but the first held then was not recorded";
    assert_eq!(reasons, [format!("it may be {lost}"), format!("it is {lost}")]);
}

/// Every action that may be about several versions, as it is asked for.
#[tokio::test]
async fn whatever_is_about_several_versions_is_complete() {
    let world = two().await;
    for action in [
        Action::DeleteModel { model: "credit".into() },
        Action::RenameModel { model: "credit".into(), new_name: "credit-2".into() },
    ] {
        let placed = Placed { workspace: "default".into(), action };
        let request = world.app.open(&caller("ana"), placed).await.unwrap();
        assert_eq!(request.also.len(), 1, "{:?}", request.placed);
        let report = verified(&world.evidence(request.id).await, None).await;
        assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
    }
}

/// The facts of version 8 were read before it was `prod-eu`, and are remembered.
#[tokio::test]
async fn remembered_facts_that_are_older_than_what_is_held_are_read_again() {
    let world = World::champions(&policy()).await;
    world.app.started("countersign 0".to_owned(), None).await.unwrap();
    world.asked_for(8).await;
    world.registry.lock().unwrap().aliases.insert("prod-eu".to_owned(), "8".to_owned());
    let id = held(delete(&world).await);
    let request = world.app.request(id).unwrap();
    assert_eq!((request.subject.version, request.also.len()), (Version::new(8), 1), "it is high by now");
    let report = verified(&world.evidence(id).await, None).await;
    assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
}

fn fixture() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE)
}

#[tokio::test]
async fn the_file_about_several_versions_verifies_for_ever() {
    let text = std::fs::read_to_string(fixture()).unwrap();
    let report = verified(&text, None).await;
    assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
    let (hold, allow) = (number_of(&text, "refused"), number_of(&text, "intent"));
    assert_eq!(told(&report), format!("{hold} hold same, {allow} allow same"));
    assert_eq!(second(&text).subject.version, Version::new(7));
}

/// Only for a new form: what is there stays as it is.
#[tokio::test]
#[ignore = "writes a file"]
async fn writes_the_fixture_of_several() {
    std::fs::write(fixture(), deleted().await).unwrap();
}

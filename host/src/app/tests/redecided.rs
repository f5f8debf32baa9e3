//! Decisions made again from an evidence file alone: what was recorded otherwise than its policy decides is refused by
//! the number of its entry, however well it is signed.

use countersign_core::decide::{TierFound, Verdict};
use countersign_core::digest::Digest;
use countersign_core::evidence_file::line::{Checkpoint, Header, Proven};
use countersign_core::evidence_file::write::Seal;
use countersign_core::names::Tier;

use super::evidence_file::{reads, verified};
use super::*;
use crate::app::evidence_file::{Redecision, Report};
use crate::ledger::{Draft, Ledger, SigningKey};
use crate::store::Batch;
use crate::store::memory::MemoryStore;

/// `high` asks two seats, and is found by a tag; `low` asks one person.
fn tiered() -> String {
    let tiers = "[[tier]]\nname = \"high\"\nwhen = 'version.tags[\"risk\"] == \"high\"'\n\n[[tier]]\nname = \"low\"\n";
    POLICY.replace("[[tier]]\nname = \"low\"\n", tiers)
        + "\n  [gate.approvals.high]\n  seats = { risk = 2 }\n  expires = \"90d\"\n"
}

/// A request of tier `high` that was asked for, approved and made.
async fn made() -> (World, RequestId) {
    let world = World::new(&tiered()).await;
    world.registry.lock().unwrap().tags.insert("risk".to_owned(), "high".to_owned());
    world.app.started("countersign 0".to_owned(), None).await.unwrap();
    let id = world.approved().await.id;
    world.app.apply(&caller("ana"), id).await.unwrap();
    (world, id)
}

/// The same file with entries that were changed, in a ledger of their own that another key signs: every proof and every
/// digest in it holds.
pub(super) async fn forged(text: &str, change: &dyn Fn(&mut Entry)) -> String {
    forged_without(text, &[], change).await
}

/// As [`forged`], and these blobs are left out.
pub(super) async fn forged_without(text: &str, blobs: &[Digest], change: &dyn Fn(&mut Entry)) -> String {
    let file = reads(text.as_bytes()).unwrap();
    let key = SigningKey::from_seed("forger.example", [9; 32]).unwrap();
    let ledger = Ledger::open(Arc::new(MemoryStore::new()), key).await.unwrap();
    for told in &file.entries {
        while ledger.len().unwrap() < told.index {
            let between = Draft::new(told.at, "lapsed", &json!({})).unwrap();
            ledger.append(vec![between], Batch::new()).await.unwrap();
        }
        let mut entry = told.entry.clone();
        change(&mut entry);
        let draft = Draft::of_canonical(told.at, entry.kind(), &entry.body().unwrap()).unwrap();
        ledger.append(vec![draft], Batch::new()).await.unwrap();
    }
    let (mut seal, size, key) = (Seal::default(), ledger.len().unwrap(), ledger.verifier());
    let header = Header { origin: key.name().to_owned(), vkey: key.to_string(), ..file.header.clone() };
    let mut lines = vec![seal.line(&header).unwrap()];
    lines.push(seal.line(&Checkpoint { checkpoint: ledger.checkpoint().await.unwrap() }).unwrap());
    for told in &file.entries {
        let path = ledger.inclusion_path(told.index, size).unwrap();
        let entry = ledger.get(told.index).unwrap().unwrap().json;
        lines.push(seal.line(&Proven { index: told.index, entry, path }).unwrap());
    }
    let kept =
        |line: &&str| ["{\"policy\"", "{\"blob\"", "{\"missing\""].iter().any(|kind| line.starts_with(kind));
    let left_out = |line: &&str| blobs.iter().any(|blob| line.starts_with(&format!("{{\"blob\":\"{blob}\"")));
    for line in text.lines().filter(kept).filter(|line| !left_out(line)) {
        lines.push(seal.line(&serde_json::from_str::<Value>(line).unwrap()).unwrap());
    }
    lines.push(seal.end().unwrap());
    lines.concat()
}

/// `entry recorded result`, in one line.
pub(super) fn told(report: &Report) -> String {
    let each = report.redecided.iter().map(|again| {
        let result = serde_json::to_value(again.result).unwrap();
        format!("{} {} {}", again.entry, again.recorded, result.as_str().unwrap())
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The only thing that speaks against it: the entry, and words of why.
pub(super) async fn refused(text: &str, entry: u64, why: &str) {
    let report = verified(text, None).await;
    assert!(!report.holds, "{}", told(&report));
    let breach = report.breaches.iter().find(|breach| breach.reason.contains("made again it differs"));
    let breach = breach.unwrap_or_else(|| panic!("{:?}", report.breaches));
    assert_eq!(breach.entry, entry);
    assert!(breach.reason.contains(why), "{}", breach.reason);
}

pub(super) fn number_of(text: &str, kind: &str) -> u64 {
    reads(text.as_bytes()).unwrap().entries.iter().find(|told| told.entry.kind() == kind).unwrap().index
}

/// Says of a decision that it was another tier's.
fn of_tier(gates: &mut [countersign_core::decide::GateVerdict]) {
    for gate in gates {
        assert_eq!(gate.tier, TierFound::Known(Tier::from("high")));
        gate.tier = TierFound::Known(Tier::from("low"));
        gate.tier_facts.clear();
    }
}

#[tokio::test]
async fn every_decision_comes_out_again() {
    let (world, id) = made().await;
    let text = world.evidence(id).await;
    let report = verified(&text, None).await;
    assert!(report.holds && report.complete, "{:?}", report.breaches);
    let (hold, allow) = (number_of(&text, "refused"), number_of(&text, "intent"));
    assert_eq!(told(&report), format!("{hold} hold same, {allow} allow same"));
    assert!(report.redecided.iter().all(|again| again.granted.is_empty()));
    // Signed by somebody else, and nothing in it changed.
    let report = verified(&forged(&text, &|_| ()).await, None).await;
    assert!(report.holds && report.complete, "{:?}", report.breaches);
}

#[tokio::test]
async fn a_tier_that_was_changed_and_signed_again_is_refused_by_its_entry() {
    let (world, id) = made().await;
    let text = world.evidence(id).await;
    let lower = |entry: &mut Entry| {
        if let Entry::Intent(intent) = entry {
            of_tier(&mut intent.gates);
        }
    };
    let why = "recorded at tier `low`, and its policy gives tier `high`";
    refused(&forged(&text, &lower).await, number_of(&text, "intent"), why).await;
    let lower = |entry: &mut Entry| {
        if let Entry::Refused { gates, .. } = entry {
            of_tier(gates);
        }
    };
    refused(&forged(&text, &lower).await, number_of(&text, "refused"), why).await;
}

#[tokio::test]
async fn a_verdict_that_was_changed_is_refused_by_its_entry() {
    let (world, id) = made().await;
    let text = world.evidence(id).await;
    let deny = |entry: &mut Entry| {
        if let Entry::Refused { decision, gates, .. } = entry {
            "deny".clone_into(decision);
            gates.iter_mut().for_each(|gate| gate.verdict = Verdict::Denied(Vec::new()));
        }
    };
    let why = "recorded as `deny`, and its policy answers `hold`";
    refused(&forged(&text, &deny).await, number_of(&text, "refused"), why).await;
    // Nobody is asked any more: signatures that are there are not enough for what is asked.
    let unasked = |entry: &mut Entry| {
        if let Entry::Intent(intent) = entry {
            intent.gates.iter_mut().for_each(|gate| gate.seats.clear());
        }
    };
    refused(&forged(&text, &unasked).await, number_of(&text, "intent"), "recorded").await;
}

#[tokio::test]
async fn a_run_that_nobody_tells_of_is_none() {
    let (world, id) = made().await;
    let text = world.evidence(id).await;
    let file = reads(text.as_bytes()).unwrap();
    let outcome = *file.blobs.keys().next().unwrap();
    let claims = |entry: &mut Entry| {
        if let Entry::Intent(intent) = entry
            && let Some(basis) = &mut intent.basis
        {
            basis.checks.push(countersign_core::entry::RanCheck {
                plugin: "model-card".into(),
                plugin_digest: outcome,
                config_digest: outcome,
                outcome_digest: outcome,
                conclusion: "pass".to_owned(),
            });
        }
    };
    refused(&forged(&text, &claims).await, number_of(&text, "intent"), "no entry tells of it").await;
}

#[tokio::test]
async fn what_is_not_kept_is_listed_and_not_passed() {
    let (world, id) = made().await;
    let facts = world.app.request(id).unwrap().facts;
    world.app.store.commit(Batch::new().delete(crate::store::keys::evidence(&facts))).await.unwrap();
    let report = verified(&world.evidence(id).await, None).await;
    assert!(report.holds && !report.complete);
    let impossible = |again: &&crate::app::evidence_file::Redecided| again.result == Redecision::Impossible;
    let again = report.redecided.iter().find(impossible).unwrap();
    assert!(again.reason.as_deref().unwrap().contains("facts cannot be read"), "{:?}", again.reason);
}

#[tokio::test]
async fn a_no_that_was_not_counted_is_refused() {
    let (world, id) = made().await;
    let text = world.evidence(id).await;
    let says_no = |entry: &mut Entry, seat: &str| {
        if let Entry::Reviewed { review, .. } = entry
            && review.reviewer.as_str() == "omar"
        {
            review.vote = Vote::Reject;
            review.seat = Some(seat.into());
        }
    };
    let intent = number_of(&text, "intent");
    refused(&forged(&text, &|entry| says_no(entry, "risk")).await, intent, "answers `deny`").await;
    // He did not sit there: it is no word against it, and none for it either.
    refused(&forged(&text, &|entry| says_no(entry, "legal")).await, intent, "answers `hold`").await;
    // Entries of before do not say where he sat.
    let before = |entry: &mut Entry| {
        says_no(entry, "legal");
        forget_seats(entry);
    };
    refused(&forged(&text, &before).await, intent, "answers `deny`").await;
}

/// As an entry of before.
fn forget_seats(entry: &mut Entry) {
    match entry {
        Entry::Intent(intent) => intent.basis.iter_mut().for_each(|basis| basis.sat = None),
        Entry::Refused { basis, .. } => basis.iter_mut().for_each(|basis| basis.sat = None),
        _ => {}
    }
}

/// Dora stands in for Omar, so that the two have one place. Entries of before do not say so.
#[tokio::test]
async fn a_word_that_counts_for_nothing_is_named() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    for who in ["omar", "dora", "ruth"] {
        world.vote_in(who, Some("risk"), Vote::Approve, &format!("{who} looked"), id).await.unwrap();
    }
    world.app.apply(&caller("ana"), id).await.unwrap();
    let text = world.evidence(id).await;
    let report = verified(&text, None).await;
    assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
    assert!(report.redecided.iter().all(|again| again.granted.is_empty()), "{:?}", report.redecided);
    let report = verified(&forged(&text, &forget_seats).await, None).await;
    assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
    let granted: Vec<&str> =
        report.redecided.iter().flat_map(|again| &again.granted).map(String::as_str).collect();
    assert!(granted.len() == 1 && granted[0].contains("`approve` of dora in seat risk"), "{granted:?}");
}

/// What a tier was lowered from stands in another request's file: the entry says it, and it only asks for more.
#[tokio::test]
async fn a_lowered_tier_comes_out_again() {
    let (world, id) = made().await;
    world.registry.lock().unwrap().tags.insert("risk".to_owned(), "low".to_owned());
    world.clock.advance(60_000);
    let again = world.app.open(&caller("ana"), placed()).await.unwrap();
    for request in [id, again.id] {
        let report = verified(&world.evidence(request).await, None).await;
        assert!(report.holds && report.complete, "{:?} {:?}", report.breaches, report.redecided);
    }
}

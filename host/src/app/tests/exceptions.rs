//! Waivers and emergencies, as people meet them.

use countersign_core::entry::Entry;
use countersign_core::waiver::Requirement;

use super::*;
use crate::app::{NewEmergency, NewWaiver};

pub(super) fn waiver(world: &World, days: i64) -> NewWaiver {
    NewWaiver {
        workspace: "default".into(),
        model: "credit".into(),
        version: None,
        requirement: Requirement::Seat { gate: "production".into(), seat: "risk".into() },
        reason: "half of the seat is on leave".to_owned(),
        owner: Some("olga".to_owned()),
        expires: world.app.clock.now().plus(format!("{days}d").parse().unwrap()),
    }
}

fn emergency(drill: bool) -> NewEmergency {
    NewEmergency { reason: "all scores are zero".to_owned(), ticket: "INC-7".to_owned(), drill }
}

#[tokio::test]
async fn a_waiver_counts_once_its_seat_has_approved_it() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    refused(world.app.ask_waiver(&caller("lea"), waiver(&world, 31)).await, "invalid", "30d at most");
    let asked = world.app.ask_waiver(&caller("lea"), waiver(&world, 7)).await.unwrap();
    assert_eq!(world.app.renew(&caller("ana"), id).await.unwrap().state.as_str(), "in-review");
    refused(world.app.approve_waiver(&caller("olga"), asked.id, "ok").await, "forbidden", "cannot approve");
    refused(world.app.approve_waiver(&caller("lea"), asked.id, "ok").await, "forbidden", "cannot approve");
    world.app.approve_waiver(&caller("ruth"), asked.id, "bounded").await.unwrap();
    let waived = world.app.renew(&caller("ana"), id).await.unwrap();
    assert_eq!((waived.state.as_str(), waived.flags.waived), ("approved", true));
    world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_revoked_waiver_waives_nothing() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let asked = world.app.ask_waiver(&caller("lea"), waiver(&world, 7)).await.unwrap();
    world.app.approve_waiver(&caller("ruth"), asked.id, "bounded").await.unwrap();
    refused(world.app.revoke_waiver(&caller("dora"), asked.id, "no").await, "forbidden", "only who asked");
    world.app.revoke_waiver(&caller("olga"), asked.id, "omar is back").await.unwrap();
    assert_eq!(world.app.renew(&caller("ana"), id).await.unwrap().state.as_str(), "in-review");
}

#[tokio::test]
async fn an_emergency_opens_one_write_until_it_is_reviewed() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    refused(
        world.app.break_glass(&caller("ana"), id, emergency(false)).await,
        "forbidden",
        "may break the glass",
    );
    world.app.break_glass(&caller("otto"), id, emergency(true)).await.unwrap();
    refused(world.app.apply(&caller("ana"), id).await, "conflict", "cannot be applied yet");
    let used = world.app.break_glass(&caller("otto"), id, emergency(false)).await.unwrap();
    refused(
        world.app.break_glass(&caller("otto"), id, emergency(false)).await,
        "conflict",
        "not reviewed yet",
    );
    let applied = world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!((applied.state.as_str(), applied.flags.break_glass), ("applied", true));
    refused(
        world.app.review_break_glass(&caller("otto"), used.id, "fine").await,
        "forbidden",
        "somebody else",
    );
    world.app.review_break_glass(&caller("ruth"), used.id, "it was one").await.unwrap();
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_emergency_is_over_after_its_time() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    world.app.break_glass(&caller("otto"), id, emergency(false)).await.unwrap();
    world.clock.advance(3_600_000);
    refused(world.app.apply(&caller("ana"), id).await, "conflict", "cannot be applied yet");
    assert_eq!(world.champion(), None);
}

#[tokio::test]
async fn a_signature_that_was_forged_in_the_ledger_is_found() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    let applied = world.app.apply(&caller("ana"), id).await.unwrap();
    let (workspace, model) = ("default".into(), "credit".into());
    assert_eq!(world.breaches().await, Vec::<String>::new());
    // The same promotion again, after an entry that says that ruth had registered the version.
    let by = Some("ruth".into());
    let entry = Entry::VersionCreated { workspace, model, version: Version::new(7), by };
    let records = world.app.entries(None, 200).unwrap();
    let again = records.iter().rev().map(|record| App::entry_of(record).unwrap());
    let again = again.filter(|entry| matches!(entry, Entry::Intent(_) | Entry::Outcome { .. }));
    let entries: Vec<Entry> = std::iter::once(entry).chain(again).collect();
    world.app.record(&entries, crate::store::Batch::new()).await.unwrap();
    let found = world.breaches().await;
    assert!(
        found.iter().any(|reason| reason.contains("they registered this version")),
        "{found:?} {applied:?}"
    );
}

#[tokio::test]
async fn everybody_who_was_passed_over_is_told_until_they_have_seen_it() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let skipped = |who: &str| {
        let Caller::Known(who) = caller(who) else { panic!() };
        world.app.skipped(&who).unwrap().len()
    };
    world.app.break_glass(&caller("otto"), id, emergency(true)).await.unwrap();
    assert_eq!(skipped("ruth"), 0, "a drill passes nobody over");
    let used = world.app.break_glass(&caller("otto"), id, emergency(false)).await.unwrap();
    assert_eq!((skipped("ruth"), skipped("omar"), skipped("lea"), skipped("otto")), (1, 1, 0, 0));
    refused(world.app.acknowledge_skip(&caller("lea"), used.id).await, "conflict", "were not passed over");
    world.app.acknowledge_skip(&caller("ruth"), used.id).await.unwrap();
    assert_eq!((skipped("ruth"), skipped("omar")), (0, 1), "each for themselves");
    refused(world.app.acknowledge_skip(&caller("ruth"), used.id).await, "conflict", "have said already");
    world.app.review_break_glass(&caller("omar"), used.id, "it was one").await.unwrap();
    assert_eq!(skipped("omar"), 1, "a review does not tell the others");
    assert_eq!(world.told(&["skip-acknowledged"]).len(), 1);
}

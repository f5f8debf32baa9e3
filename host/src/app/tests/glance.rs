//! Models and versions at a glance, what whoever looks may do, and that open pages are told.

use countersign_core::names::{ModelName, Workspace};
use futures_util::{FutureExt as _, StreamExt as _};

use super::*;
use crate::app::Rights;

/// The chips of versions 7 and 8, of `champion` and of what is asked for it.
fn said(world: &World) -> [Option<String>; 4] {
    let (workspace, model) = (Workspace::new("default"), ModelName::new("credit"));
    let versions = Some(vec![Version::new(7), Version::new(8)]);
    let (glance, rows) = world.app.versions_glance(&workspace, &model, versions).unwrap();
    let alias = glance.aliases.iter().find(|alias| alias.alias == "champion").unwrap();
    let holder = alias.version.map(|version| format!("{version}: {}", alias.holder.0.words()));
    let pending = alias.pending.as_ref().map(|(version, spoken)| format!("{version}: {}", spoken.0.words()));
    let chip = |at: usize| Some(rows[at].spoken.0.words());
    [chip(0), chip(1), holder, pending]
}

fn rights(world: &World, who: &str, id: RequestId) -> Rights {
    world.app.rights(caller(who).identity(), &world.app.request(id).unwrap())
}

fn some(words: [&str; 4]) -> [Option<String>; 4] {
    words.map(|words| Some(words.to_owned()).filter(|words| !words.is_empty()))
}

#[tokio::test]
async fn chips_follow_a_promotion() {
    let world = World::new(POLICY).await;
    assert_eq!(said(&world), some(["Not checked", "Not checked", "", ""]));
    let request = world.asked().await;
    assert_eq!(said(&world), some(["Waiting for risk", "Not checked", "", "7: Waiting for risk"]));
    world.signed(request.id, "this time").await;
    let approved = "Approved until 2027-02-20";
    assert_eq!(said(&world), some([approved, "Not checked", "", &format!("7: {approved}")]));
}

#[tokio::test]
async fn a_model_that_no_gate_covers_is_not_governed() {
    let world = World::new(&POLICY.replace("models = [\"*\"]", "models = [\"fraud\"]")).await;
    let (workspace, model) = (Workspace::new("default"), ModelName::new("credit"));
    let (glance, rows) = world.app.versions_glance(&workspace, &model, Some(vec![Version::new(7)])).unwrap();
    assert!(!glance.governed && glance.guards.is_empty());
    assert_eq!(rows[0].spoken.0.words(), "Not governed");
}

/// What is offered is what is taken.
#[tokio::test]
async fn rights_are_what_the_server_goes_by() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let ana = rights(&world, "ana", id);
    assert_eq!(ana.why_not.as_deref(), Some("You cannot sign in seat risk: you asked for this promotion."));
    assert!(ana.seats.is_empty() && ana.withdraw && ana.comment && !ana.call);
    refused(world.vote("ana", Vote::Approve, "mine", id).await, "forbidden", "cannot");
    let ruth = rights(&world, "ruth", id);
    assert_eq!(ruth.seats, ["legal".into(), "risk".into()]);
    assert!(ruth.why_not.is_none() && !ruth.withdraw);
    let otto = rights(&world, "otto", id);
    assert!(otto.seats.is_empty() && otto.why_not.unwrap().contains("not a member"));
    assert!(world.app.rights(None, &world.app.request(id).unwrap()).why_not.unwrap().contains("Sign in"));
    world.signed(id, "this time").await;
    assert!(rights(&world, "ana", id).call && !rights(&world, "ana", id).apply);
    world.app.withdraw(&caller("ana"), id).await.unwrap();
    let ended = rights(&world, "ruth", id);
    assert!(ended.seats.is_empty() && !ended.withdraw && ended.why_not.unwrap().contains("withdrawn"));
}

#[tokio::test]
async fn open_pages_are_told_of_each_step_with_its_state() {
    let world = World::new(POLICY).await;
    let mut told = Box::pin(world.app.events.listen());
    let id = world.asked().await.id;
    world.vote("omar", Vote::Comment, "Reading.", id).await.unwrap();
    world.app.withdraw(&caller("ana"), id).await.unwrap();
    let mut seen = Vec::new();
    while let Some(Some(event)) = told.next().now_or_never() {
        if let Some(state) = event.state {
            assert_eq!((event.version, event.request), (Some(Version::new(7)), Some(id)));
            seen.push((event.kind, state));
        }
    }
    let expect = [("request-opened", "in-review"), ("reviewed", "in-review"), ("withdrawn", "withdrawn")];
    assert_eq!(seen, expect);
}

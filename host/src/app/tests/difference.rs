//! What has changed since somebody approved is kept and shown, and renewing takes one click.

use super::*;

const TIERS: &str =
    "[[tier]]\nname = \"high\"\nwhen = '\"high\" in version.tags'\n\n[[tier]]\nname = \"low\"";

type Line = (String, Option<String>, Option<String>);

/// The facts that differ, each with what it was and is.
fn changed(world: &World, id: RequestId) -> Option<Vec<Line>> {
    let found = world.app.difference(&world.app.request(id).unwrap()).unwrap();
    found.map(|changes| changes.into_iter().map(|change| (change.fact, change.was, change.is)).collect())
}

fn tag(world: &World, key: &str, value: &str) {
    world.registry.lock().unwrap().tags.insert(key.to_owned(), value.to_owned());
}

#[tokio::test]
async fn a_stale_request_shows_what_has_changed_since_it_was_approved() {
    let policy = POLICY.replacen("[[tier]]\nname = \"low\"", TIERS, 1);
    let policy = format!("{policy}\n  [gate.approvals.high]\n  seats = {{ risk = 2, legal = 1 }}\n");
    let world = World::new(&policy).await;
    tag(&world, "owner", "ana");
    let id = world.asked().await.id;
    assert_eq!(changed(&world, id), None, "nobody has approved it");
    world.signed(id, "this time").await;
    assert_eq!(changed(&world, id), Some(vec![]));
    tag(&world, "owner", "ruth");
    tag(&world, "high", "yes");
    let stale = world.app.renew(&caller("ana"), id).await.unwrap();
    assert!(stale.flags.stale);
    let some = |text: &str| Some(text.to_owned());
    let expect = [
        ("tag high", None, some("yes")),
        ("tag owner", some("ana"), some("ruth")),
        ("tier at gate production", some("low"), some("high")),
    ];
    let expect = expect.map(|(fact, was, is)| (fact.to_owned(), was, is)).to_vec();
    assert_eq!(changed(&world, id), Some(expect));
    world.vote("omar", Vote::Approve, "looked again", id).await.unwrap();
    assert_eq!(changed(&world, id), Some(vec![]), "they saw what is there now");
}

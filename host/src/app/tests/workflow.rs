//! Votes, seats, applying, time.

use countersign_core::entry::OutcomeResult;

use super::*;
use crate::app::Answer;
use crate::facts::Changed;

/// MLflow has made a write when it says so, whatever becomes of the rest of its answer.
#[tokio::test]
async fn an_answer_that_breaks_off_after_its_head_is_a_write_that_was_made() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    world.registry.lock().unwrap().breaks_off = true;
    let Answer::Forwarded(answer) = super::changes::set(&world).await else { panic!("it was refused") };
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(http_body_util::BodyExt::collect(answer.into_body()).await.is_err(), "it did not break off");
    world.app.settled().await.unwrap();
    assert_eq!((world.champion().as_deref(), world.state(id)), (Some("7"), "applied"));
    let outcomes = world.told(&["outcome"]);
    assert!(matches!(&outcomes[..], [Entry::Outcome { result: OutcomeResult::Applied, .. }]), "{outcomes:?}");
}

#[tokio::test]
async fn two_seats_are_filled_by_two_people_who_give_reasons() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    refused(world.vote("ana", Vote::Approve, "mine", id).await, "forbidden", "they asked for this promotion");
    refused(world.vote("olga", Vote::Approve, "fine", id).await, "forbidden", "in no seat");
    refused(world.vote("omar", Vote::Approve, "  ", id).await, "invalid", "needs a rationale");
    world.vote("omar", Vote::Approve, "the holdout holds", id).await.unwrap();
    let once = world.vote("dora", Vote::Approve, "for omar", id).await.unwrap();
    assert_eq!(once.state.as_str(), "in-review", "omar and who stands in for him are one");
    world.vote_in("ruth", Some("risk"), Vote::Abstain, "not my field", id).await.unwrap();
    let twice = world.vote_in("ruth", Some("risk"), Vote::Approve, "drift is small", id).await.unwrap();
    assert_eq!(twice.state.as_str(), "approved");
    let again = world.vote_in("ruth", Some("risk"), Vote::Approve, " DRIFT  is small ", id).await;
    refused(again, "invalid", "word for word");
}

#[tokio::test]
async fn a_veto_ends_it_and_the_next_request_knows_the_last() {
    let world = World::new(POLICY).await;
    let first = world.asked().await;
    let ended = world.vote("lea", Vote::Reject, "no legal basis", first.id).await.unwrap();
    assert_eq!(ended.state.as_str(), "rejected");
    assert_eq!(world.asked().await.id, first.id, "final for what was reviewed");
    let withdrawn = World::new(POLICY).await;
    let first = withdrawn.asked().await;
    withdrawn.app.withdraw(&caller("ana"), first.id).await.unwrap();
    assert_eq!(withdrawn.asked().await.previous, Some(first.id));
}

/// Else an approval would hold whatever that file becomes.
#[tokio::test]
async fn what_has_a_file_that_nobody_could_read_waits_for_its_bytes() {
    let world = World::new(POLICY).await;
    world.registry.lock().unwrap().files.insert("weights.bin".to_owned(), b"first".to_vec());
    let unread = |file: Option<&str>| world.registry.lock().unwrap().unread = file.map(str::to_owned);
    unread(Some("weights.bin"));
    let error = world.app.open(&caller("ana"), placed()).await.unwrap_err().to_string();
    assert!(error.contains("artifact:weights.bin"), "{error}");
    assert_eq!(world.told(&["request-opened"]), []);
    unread(None);
    world.app.registry.cache.forget(&Changed::Everything);
    let id = world.asked().await.id;

    unread(Some("weights.bin"));
    world.app.registry.cache.forget(&Changed::Everything);
    let refused = world.vote("omar", Vote::Approve, "the holdout holds", id).await.unwrap_err().to_string();
    assert!(refused.contains("artifact:weights.bin"), "{refused}");
    unread(None);
    world.app.registry.cache.forget(&Changed::Everything);
    world.signed(id, "now").await;
    assert_eq!(world.state(id), "approved");
}

#[tokio::test]
async fn countersign_applies_what_is_approved() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    refused(world.app.apply(&caller("ana"), id).await, "conflict", "cannot be applied yet");
    let id = world.approved().await.id;
    refused(world.app.apply(&caller("olga"), id).await, "forbidden", "only who asked");
    let applied = world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!((applied.state.as_str(), world.champion().as_deref()), ("applied", Some("7")));
    refused(world.app.apply(&caller("ana"), id).await, "conflict", "applied");
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_last_vote_applies_where_the_policy_says_so() {
    let world = World::new(&POLICY.replace("\"permit\"", "\"apply\"")).await;
    assert_eq!(world.approved().await.state.as_str(), "applied");
    assert_eq!(world.champion().as_deref(), Some("7"));
}

#[tokio::test]
async fn what_moved_since_it_was_reviewed_is_not_applied_over() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    world.registry.lock().unwrap().aliases.insert("champion".to_owned(), "3".to_owned());
    refused(
        world.app.apply(&caller("ana"), id).await,
        "conflict",
        "held nothing when this was reviewed, and holds version 3",
    );
    assert_eq!(world.champion().as_deref(), Some("3"));
    world.app.renew(&caller("ana"), id).await.unwrap();
    world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!(world.champion().as_deref(), Some("7"));
}

#[tokio::test]
async fn two_appliers_race_and_one_wins() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    let (ana, omar) = (caller("ana"), caller("omar"));
    let (first, second) = tokio::join!(world.app.apply(&ana, id), world.app.apply(&omar, id));
    let lost = if first.is_ok() { second } else { first };
    assert!(matches!(lost, Err(AppError::Conflict(_))), "{lost:?}");
    assert_eq!((world.state(id), world.registry.lock().unwrap().writes), ("applied", 1));
}

#[tokio::test]
async fn what_mlflow_did_not_do_does_not_read_as_applied() {
    let world = World::new(POLICY).await;
    let id = world.approved().await.id;
    world.registry.lock().unwrap().ill = true;
    refused(world.app.apply(&caller("ana"), id).await, "conflict", "MLflow did not make the change");
    assert_eq!((world.state(id), world.champion()), ("approved", None));
    world.registry.lock().unwrap().ill = false;
    world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!(world.state(id), "applied");
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn time_ends_requests_and_approvals() {
    const DAY: i64 = 86_400_000;
    let world = World::new(POLICY).await;
    let open = world.asked().await.id;
    world.clock.advance(9 * DAY);
    assert_eq!((world.app.age().await.unwrap(), world.state(open)), (0, "in-review"));
    world.clock.advance(DAY);
    assert_eq!((world.app.age().await.unwrap(), world.state(open)), (1, "lapsed"));
    let next = world.approved().await;
    assert_eq!(next.previous, Some(open));
    world.app.apply(&caller("ana"), next.id).await.unwrap();
    world.clock.advance(91 * DAY);
    assert_eq!((world.app.age().await.unwrap(), world.state(next.id)), (1, "expired"));
    assert_eq!(world.app.age().await.unwrap(), 0);
}

//! Approvals that are suspended, resumed and revoked, and samples that are looked at after the fact.

use countersign_core::entry::Entry;
use countersign_core::request::Fallback;

use super::*;
use crate::app::{Answer, Word};

/// A policy whose only tier asks nobody, and has all of it looked at.
fn sampled() -> String {
    let asks = "  seats = { risk = 2 }\n  expires = \"90d\"\n";
    POLICY.replace(asks, "  sample = \"1 in 1\"\n  sample_seat = \"risk\"\n")
}

impl World {
    async fn say(&self, who: &str, word: Word, id: RequestId) -> Result<PromotionRequest, AppError> {
        self.app.set_standing(&caller(who), id, word, "scores are all zero").await
    }

    async fn live(policy: &str) -> (Self, RequestId) {
        let world = Self::new(policy).await;
        let id = world.approved().await.id;
        world.app.apply(&caller("ana"), id).await.unwrap();
        (world, id)
    }
}

fn why(answer: Answer) -> String {
    let Answer::Refused(refusal) = answer else { panic!("it was made") };
    refusal.message
}

#[tokio::test]
async fn a_suspended_approval_lets_nothing_through_until_it_is_resumed() {
    let (world, id) = World::live(POLICY).await;
    refused(world.say("ana", Word::Suspend, id).await, "forbidden", "they asked for this promotion");
    refused(world.say("olga", Word::Suspend, id).await, "forbidden", "not a member");
    let nothing = world.app.set_standing(&caller("ruth"), id, Word::Suspend, "  ").await;
    refused(nothing, "invalid", "say why");
    refused(world.say("ruth", Word::Resume, id).await, "conflict", "cannot be resumed");
    assert_eq!(world.say("ruth", Word::Suspend, id).await.unwrap().state.as_str(), "suspended");
    let message = why(super::changes::set(&world).await);
    assert!(message.contains("its approval is suspended. Somebody who may fill a seat"), "{message}");
    assert_eq!(world.app.open(&caller("ana"), placed()).await.unwrap().id, id, "there is no way round it");
    world.say("omar", Word::Resume, id).await.unwrap();
    assert!(matches!(super::changes::set(&world).await, Answer::Forwarded(_)));
    let told = world.told(&["suspended", "resumed", "review-refused"]);
    let kinds: Vec<&str> = told.iter().map(Entry::kind).collect();
    assert_eq!(kinds, ["review-refused", "review-refused", "suspended", "resumed"]);
}

#[tokio::test]
async fn what_was_revoked_must_be_signed_anew() {
    let (world, id) = World::live(POLICY).await;
    assert_eq!(world.say("ruth", Word::Revoke, id).await.unwrap().state.as_str(), "revoked");
    refused(world.say("ruth", Word::Resume, id).await, "conflict", "cannot be resumed");
    let again = why(super::changes::set(&world).await);
    assert!(again.contains("it waits for 2 signatures from seat risk"), "{again}");
    let next = world.asked().await;
    assert_eq!((next.previous, next.state.as_str()), (Some(id), "in-review"));
    world.signed(next.id, "again").await;
    world.app.apply(&caller("ana"), next.id).await.unwrap();
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_revoked_alias_goes_to_its_fallback_and_a_suspended_one_stays() {
    let fallback = "expires = \"10d\"\non_expiry = { fallback = 3 }";
    let (world, id) = World::live(&POLICY.replace("expires = \"10d\"", fallback)).await;
    let ready = world.asked_for(3).await.id;
    world.signed(ready, "for version 3").await;
    world.say("ruth", Word::Suspend, id).await.unwrap();
    world.app.age().await.unwrap();
    assert_eq!(world.champion().as_deref(), Some("7"));
    world.say("ruth", Word::Revoke, id).await.unwrap();
    assert_eq!((world.app.age().await.unwrap(), world.champion().as_deref()), (1, Some("3")));
    let request = world.app.request(id).unwrap();
    assert_eq!(
        (request.state.as_str(), request.fallback),
        ("revoked", Some(Fallback::Moved { to: Version::new(3), leaves_for: None }))
    );
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_sample_goes_through_and_is_looked_at_afterwards() {
    let world = World::new(&sampled()).await;
    assert!(matches!(super::changes::set(&world).await, Answer::Forwarded(_)));
    world.app.settled().await.unwrap();
    let told = world.told(&["sampled"]);
    let [Entry::Sampled { request: id, seat, .. }] = &told[..] else { panic!("{told:?}") };
    let id = *id;
    assert_eq!((seat.as_str(), world.state(id)), ("risk", "applied"));
    let waits = |who: &str| {
        let Caller::Known(who) = caller(who) else { panic!() };
        world.app.waiting_for(&who, None, 10).unwrap().contains(&id)
    };
    assert!(waits("ruth") && !waits("ana") && !waits("lea"), "whoever asked does not look at it");
    assert!(matches!(super::changes::set(&world).await, Answer::Forwarded(_)));
    world.app.settled().await.unwrap();
    assert_eq!(world.told(&["sampled"]).len(), 1, "the same thing is looked at once");
    let mine = world.app.review_sample(&caller("ana"), id, true, "fine").await;
    refused(mine, "forbidden", "they asked for this promotion");
    let silent = world.app.review_sample(&caller("ruth"), id, true, "").await;
    refused(silent, "invalid", "rationale");
    world.app.review_sample(&caller("ruth"), id, true, "the holdout holds").await.unwrap();
    assert!(!waits("ruth"));
    refused(world.app.review_sample(&caller("omar"), id, false, "no").await, "conflict", "nobody is asked");
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_objection_suspends_it_and_a_revocation_is_final_where_nobody_signs() {
    let world = World::new(&sampled()).await;
    super::changes::set(&world).await;
    world.app.settled().await.unwrap();
    let id = world.app.requests(&crate::app::RequestFilter { limit: 1, ..Default::default() }).unwrap()[0].id;
    let objected = world.app.review_sample(&caller("ruth"), id, false, "no data sheet").await.unwrap();
    assert_eq!(objected.state.as_str(), "suspended");
    assert_eq!(world.told(&["sample-reviewed", "suspended"]).len(), 2);
    assert!(why(super::changes::set(&world).await).contains("suspended"));
    world.say("omar", Word::Revoke, id).await.unwrap();
    assert!(why(super::changes::set(&world).await).contains("revoked, and that is final"));
    assert_eq!(world.app.renew(&caller("ana"), id).await.unwrap().id, id, "nobody can talk it away");
}

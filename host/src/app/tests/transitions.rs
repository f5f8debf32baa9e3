//! Stage transitions, asked for and approved as Databricks' clients do.

use countersign_core::names::Stage;

use super::*;
use crate::app::Transition;

async fn world() -> World {
    let guarded =
        POLICY.replace("guards = [{ alias = \"champion\" }]", "guards = [{ stage = \"Production\" }]");
    World::new(&guarded).await
}

fn wanted(stage: Stage) -> Transition {
    Transition { workspace: "default".into(), model: "credit".into(), version: Version::new(7), stage }
}

impl World {
    fn stage(&self) -> Option<String> {
        self.registry.lock().unwrap().stages.get("7").cloned()
    }

    async fn transitions(&self) -> Vec<&'static str> {
        let found = self.app.transitions(&"default".into(), &"credit".into(), Version::new(7)).await.unwrap();
        found.iter().map(|asked| asked.request.state.as_str()).collect()
    }
}

#[tokio::test]
async fn the_last_approval_moves_the_version() {
    let world = world().await;
    let production = wanted(Stage::Production);
    let asked = world.app.ask_transition(&caller("ana"), &production, false, "better").await.unwrap();
    assert_eq!(asked.request.reviews[0].rationale, "better");
    assert_eq!((asked.from, world.transitions().await), (Some(Stage::None), vec!["in-review"]));
    let approve = |who: &str, why: &str| {
        let (who, why, production) = (caller(who), why.to_owned(), production.clone());
        let app = Arc::clone(&world.app);
        async move { app.approve_transition(&who, &production, false, &why).await }
    };
    refused(approve("ana", "mine").await, "forbidden", "they asked for this promotion");
    refused(approve("omar", "").await, "invalid", "needs a rationale");
    let (once, review) = approve("omar", "the holdout holds").await.unwrap();
    assert_eq!((once.request.state.as_str(), world.stage()), ("in-review", None), "one more must sign");
    assert_eq!((review.vote, review.rationale.as_str()), (Vote::Approve, "the holdout holds"));
    // She has two seats, of which this asks for one and the other may veto.
    world.vote_in("ruth", Some("risk"), Vote::Abstain, "later", asked.request.id).await.unwrap();
    let twice = world.vote_in("ruth", Some("risk"), Vote::Approve, "drift is small", asked.request.id).await;
    assert_eq!(twice.unwrap().state.as_str(), "approved");
    let (done, _) = approve("omar", "and it still does").await.unwrap();
    assert_eq!((done.request.state.as_str(), done.from), ("applied", Some(Stage::None)));
    assert_eq!((world.stage().as_deref(), world.transitions().await), (Some("Production"), vec![]));
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_approval_is_of_what_was_asked() {
    let world = world().await;
    let production = wanted(Stage::Production);
    let nobody = world.app.approve_transition(&caller("omar"), &production, false, "fine").await;
    refused(nobody, "not-found", "no open request");
    world.app.ask_transition(&caller("ana"), &production, true, "").await.unwrap();
    let less = world.app.approve_transition(&caller("omar"), &production, false, "fine").await;
    refused(less, "invalid", "approve it with true");
    refused(
        world.app.ask_transition(&caller("ana"), &wanted(Stage::Staging), false, "").await,
        "invalid",
        "no request is needed",
    );
}

#[tokio::test]
async fn a_request_is_rejected_by_others_and_withdrawn_by_its_own() {
    let world = world().await;
    let production = wanted(Stage::Production);
    world.app.ask_transition(&caller("ana"), &production, false, "").await.unwrap();
    let cancel = |who: &str, creator: &str| {
        let (who, creator, production) = (caller(who), creator.to_owned(), production.clone());
        let app = Arc::clone(&world.app);
        async move { app.cancel_transition(&who, &production, &creator, "not yet").await }
    };
    refused(cancel("ana", "ruth").await, "not-found", "no open request");
    refused(cancel("ruth", "ana").await, "forbidden", "only who asked");
    assert_eq!(cancel("ana", "ana").await.unwrap().request.state.as_str(), "withdrawn");
    world.app.ask_transition(&caller("ana"), &production, false, "").await.unwrap();
    // Of two seats: whichever comes first speaks.
    let (ended, review) =
        world.app.reject_transition(&caller("ruth"), &production, "no legal basis").await.unwrap();
    assert_eq!((ended.request.state.as_str(), review.vote), ("rejected", Vote::Reject));
    let again = world.app.ask_transition(&caller("ana"), &production, false, "").await;
    refused(again, "conflict", "final for what was reviewed");
    refused(
        world.app.reject_transition(&caller("ruth"), &production, "still none").await,
        "not-found",
        "no open request",
    );
}

#[tokio::test]
async fn an_approval_moves_what_a_waiver_leaves_and_nobody_behind_it_may_give_one() {
    let world = world().await;
    let production = wanted(Stage::Production);
    let waiver = super::exceptions::waiver(&world, 7);
    let waiver = world.app.ask_waiver(&caller("lea"), waiver).await.unwrap();
    world.app.approve_waiver(&caller("ruth"), waiver.id, "bounded").await.unwrap();
    let asked = world.app.ask_transition(&caller("ana"), &production, false, "").await.unwrap();
    assert_eq!((asked.request.state.as_str(), asked.request.flags.waived), ("approved", true));
    let hers = world.app.approve_transition(&caller("lea"), &production, false, "lawful").await;
    refused(hers, "forbidden", "they asked for, or own, a waiver that it rests on");
    assert_eq!(world.stage(), None);
    let (done, _) =
        world.app.approve_transition(&caller("omar"), &production, false, "as waived").await.unwrap();
    assert_eq!((done.request.state.as_str(), world.stage().as_deref()), ("applied", Some("Production")));
    // What was waived counts until the waiver ends, and not longer.
    assert_eq!(done.request.valid_until, Some(waiver.expires));
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

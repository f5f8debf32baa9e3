//! What people say to each other, and when it holds.

use countersign_core::entry::Entry;

use super::*;
use crate::app::{NewComment, Said};
use crate::store::{Batch, codec, keys};

async fn world(on_approval: &str) -> World {
    let policy = POLICY.replace("seats = { risk = 2 }", "seats = { risk = 1 }\n  unresolved_blocks = true");
    World::new(&policy.replace("\"permit\"", on_approval)).await
}

impl World {
    async fn says(&self, who: &str, id: RequestId, text: &str) -> Result<Said, AppError> {
        let new = NewComment { text: text.to_owned(), ..NewComment::default() };
        self.app.comment(&caller(who), id, new).await
    }
}

#[tokio::test]
async fn an_open_thread_holds_until_it_is_settled_by_those_who_may() {
    let world = world("\"permit\"").await;
    let id = world.asked().await.id;
    let thread = world.says("lea", id, "which holdout?").await.unwrap().comment.id;
    let answer = NewComment { text: "the one of May".to_owned(), answers: Some(thread), about: None };
    let answer = world.app.comment(&caller("ana"), id, answer).await.unwrap();
    assert_eq!(answer.comment.thread, Some(thread));
    let signed = world.vote("omar", Vote::Approve, "the holdout holds", id).await.unwrap();
    assert_eq!(signed.state.as_str(), "in-review", "{:?}", signed.gates);
    refused(world.app.apply(&caller("ana"), id).await, "conflict", "1 thread to be resolved");
    let settle = |who: &str, comment, so| {
        let (app, who) = (Arc::clone(&world.app), caller(who));
        async move { app.settle(&who, comment, id, so).await }
    };
    refused(settle("ana", thread, true).await, "forbidden", "only who began a thread");
    refused(settle("lea", answer.comment.id, true).await, "invalid", "at the comment that began it");
    assert!(settle("ruth", thread, true).await.unwrap().comment.resolved.is_some());
    assert_eq!(world.state(id), "approved");
    settle("lea", thread, false).await.unwrap();
    assert_eq!(world.state(id), "in-review");
    settle("lea", thread, true).await.unwrap();
    world.app.apply(&caller("ana"), id).await.unwrap();
    assert_eq!(world.champion().as_deref(), Some("7"));
}

#[tokio::test]
async fn settling_the_last_thread_applies_where_the_policy_says_so() {
    let world = world("\"apply\"").await;
    let id = world.asked().await.id;
    let thread = world.says("omar", id, "which holdout?").await.unwrap().comment.id;
    world.vote("omar", Vote::Approve, "the holdout holds", id).await.unwrap();
    assert_eq!(world.champion(), None);
    world.app.settle(&caller("omar"), thread, id, true).await.unwrap();
    assert_eq!((world.state(id), world.champion().as_deref()), ("applied", Some("7")));
}

#[tokio::test]
async fn words_go_and_what_was_said_when_stays() {
    let world = world("\"permit\"").await;
    let id = world.asked().await.id;
    refused(world.says("ruth", id, " ").await, "invalid", "needs words");
    let about = NewComment { text: "why?".to_owned(), about: Some("none".into()), answers: None };
    refused(world.app.comment(&caller("ruth"), id, about).await, "not-found", "no check `none`");
    let said = world.says("ruth", id, "call me at 555-0100").await.unwrap();
    let comment = said.comment.id;
    let mine = world.app.reword(&caller("ana"), comment, Some(id), "no").await;
    refused(mine, "forbidden", "only its author");
    let reworded = world.app.reword(&caller("ruth"), comment, Some(id), "call me").await.unwrap();
    assert_eq!(reworded.words.as_deref(), Some("call me"));
    let gone = world.app.take_back(&caller("ruth"), comment, None).await.unwrap();
    assert_eq!((gone.words, gone.comment.deleted.is_some()), (None, true));
    assert_eq!(world.app.comments(id).unwrap().len(), 1);
    let again = world.app.take_back(&caller("ruth"), comment, None).await;
    refused(again, "conflict", "was deleted");
    let entries = world.app.entries(None, 50).unwrap();
    assert!(entries.iter().all(|record| !record.json.contains("555-0100")), "a text is in the ledger");
    let kinds: Vec<&str> = entries
        .iter()
        .filter_map(|record| App::entry_of(record).ok())
        .map(|entry| Entry::kind(&entry))
        .collect();
    for kind in ["commented", "comment-edited", "comment-deleted"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
}

#[tokio::test]
async fn a_comment_on_a_version_is_about_its_newest_request_if_it_has_one() {
    let world = world("\"permit\"").await;
    let on = |text: &str| {
        let (app, text) = (Arc::clone(&world.app), text.to_owned());
        let place = ("default".into(), "credit".into(), Version::new(7));
        async move { app.comment_on_version(&caller("ruth"), place, text).await }
    };
    assert_eq!(on("tests passed").await.unwrap().comment.request, None);
    let id = world.asked().await.id;
    assert_eq!(on("tests passed again").await.unwrap().comment.request, Some(id));
    assert_eq!(world.app.comments(id).unwrap().len(), 1);
}

/// Every byte of the store, as an export has it.
fn exported(world: &World) -> String {
    let mut out = Vec::new();
    crate::store::export::export(&*world.app.store, &mut out).unwrap();
    let cell = |line: &str| {
        let cell: Value = serde_json::from_str(line).unwrap();
        let value = cell["value"].as_str().map(|value| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(value).unwrap()
        });
        String::from_utf8_lossy(&value.unwrap_or_default()).into_owned()
    };
    String::from_utf8(out).unwrap().lines().map(cell).collect()
}

#[tokio::test]
async fn words_are_sealed_and_go_with_their_author() {
    let world = World::new(POLICY).await;
    let id = world.asked().await.id;
    let say = |text: &str| NewComment { text: text.to_owned(), ..NewComment::default() };
    let app = &world.app;
    let said = app.comment(&caller("olga"), id, say("zebra one")).await.unwrap();
    // Ids sort by time.
    world.clock.advance(1);
    app.comment(&caller("lea"), id, say("zebra two")).await.unwrap();
    world.clock.advance(1);
    let same = app.comment(&caller("lea"), id, say("zebra two")).await.unwrap();
    app.reword(&caller("olga"), said.comment.id, None, "zebra three").await.unwrap();
    assert!(!exported(&world).contains("zebra"), "nothing is there in the clear");
    let words = || app.comments(id).unwrap().into_iter().map(|said| said.words).collect::<Vec<_>>();
    let (three, two) = (Some("zebra three".to_owned()), Some("zebra two".to_owned()));
    assert_eq!(words(), [three, two.clone(), two.clone()]);
    assert_ne!(
        same.comment.text,
        app.comments(id).unwrap()[1].comment.text,
        "nobody can guess by the digest"
    );
    // What version 0.1 kept in the clear reads, and goes as well.
    let old = codec::encode("zebra four").unwrap();
    let batch = Batch::new()
        .put(keys::comment_text(said.comment.id), old)
        .delete(keys::sealed_comment(said.comment.id));
    app.store.commit(batch).await.unwrap();
    assert_eq!(words()[0].as_deref(), Some("zebra four"));
    let gone = app.erase_profile("olga", None).await.unwrap();
    assert_eq!((words(), gone.before), (vec![None, two.clone(), two], None));
    assert!(!exported(&world).contains("zebra"));
    let again = app.erase_profile("olga", None).await.unwrap();
    assert_eq!((again.before, again.entry), (Some(app.clock.now()), gone.entry));
    refused(app.erase_profile("nobody", None).await, "not-found", "nobody is known by");
    assert_eq!((world.told(&["profile-erased"]).len(), world.breaches().await), (1, vec![]));
    // Whoever comes back is known again, and what they said before is not.
    world.clock.advance(1);
    app.comment(&caller("olga"), id, say("zebra five")).await.unwrap();
    assert_eq!((words()[0].clone(), words()[3].as_deref()), (None, Some("zebra five")));
}

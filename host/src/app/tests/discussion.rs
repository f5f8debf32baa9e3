//! What people say to each other, and when it holds.

use countersign_core::entry::Entry;

use super::*;
use crate::app::{NewComment, Said};

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

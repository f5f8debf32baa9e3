//! Files under what is promoted: a folder is asked for, and whoever asked writes there for a while.

use countersign_core::action::{ArtifactPlace, FileWrite};
use countersign_core::classify::{CanonicalBody, CanonicalRequest};
use countersign_core::entry::OutcomeResult;
use http::Request;

use super::changes::{call, held, peer};
use super::mlflow::FOLDER;
use super::*;
use crate::app::{Answer, Call};
use crate::mlflow::Body;

const MINUTE: i64 = 60_000;

impl World {
    /// Version 7 is the champion, and has a file.
    async fn with_files(policy: &str) -> Self {
        let world = Self::new(policy).await;
        world.registry.lock().unwrap().files.insert("MLmodel".to_owned(), b"flavors: {}".to_vec());
        let id = world.approved().await.id;
        world.app.apply(&caller("ana"), id).await.unwrap();
        world
    }

    fn calls(&self, who: &str, file: &str, how: FileWrite) -> Call {
        let path = format!("{FOLDER}/{file}").trim_end_matches('/').to_owned();
        let (method, below) = match how {
            FileWrite::Write => ("PUT", "artifacts"),
            FileWrite::Delete => ("DELETE", "artifacts"),
            FileWrite::Parts | FileWrite::Presign => ("POST", "mpu/create"),
        };
        let path_and_query = format!("/api/2.0/mlflow-artifacts/{below}/{path}");
        let action = Action::WriteArtifact { place: ArtifactPlace::Root { path }, how };
        call(self, who, action, CanonicalRequest { method, path_and_query, body: CanonicalBody::AsSent })
    }

    /// Makes the call and, where it is let, the write. Gives MLflow's status.
    async fn writes(&self, who: &str, file: &str, how: FileWrite) -> Result<u16, Answer> {
        let called = self.calls(who, file, how);
        let method = called.classified.canonical.method;
        let upstream = Arc::clone(&called.upstream);
        match self.app.govern(called).await.unwrap() {
            Answer::Lets(passage) => {
                let body = Body::from(format!("bytes of {file}"));
                let request = Request::builder().method(method).uri("/elsewhere").body(body).unwrap();
                let answer = self.app.write_files(*passage, &upstream, request, &peer()).await.unwrap();
                self.app.settled().await.unwrap();
                Ok(answer.status().as_u16())
            }
            other => Err(other),
        }
    }

    async fn put(&self, file: &str) -> Result<u16, Answer> {
        self.writes("ana", file, FileWrite::Write).await
    }

    /// The request that a write of this file is held by.
    async fn held(&self, file: &str) -> RequestId {
        held(self.put(file).await.unwrap_err())
    }

    /// Its request is approved.
    async fn agreed(&self, file: &str) -> RequestId {
        let id = self.held(file).await;
        self.signed(id, "and the files may change").await;
        id
    }

    fn file(&self, name: &str) -> Option<String> {
        let files = &self.registry.lock().unwrap().files;
        files.get(name).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }
}

/// The sentence of a refusal that opens nothing.
fn outright(answer: Result<u16, Answer>) -> String {
    let Err(Answer::Refused(refusal)) = answer else { panic!("it was made") };
    assert_eq!(refusal.request_id, None, "{}", refusal.message);
    refusal.message
}

#[tokio::test]
async fn a_folder_is_asked_for_and_written_for_a_while() {
    let world = World::with_files(POLICY).await;
    let Err(Answer::Refused(refusal)) = world.put("MLmodel").await else { panic!("it was made") };
    for words in ["change artifacts of credit version 7", FOLDER, "2 signatures", "for 15m"] {
        assert!(refusal.message.to_lowercase().contains(&words.to_lowercase()), "{}", refusal.message);
    }
    let id = refusal.request_id.unwrap();
    assert_eq!(world.held("other.txt").await, id, "one request for the folder");
    assert_eq!(world.file("MLmodel").as_deref(), Some("flavors: {}"));
    world.signed(id, "and the files may change").await;
    world.clock.advance(24 * 60 * MINUTE);
    assert_eq!(world.put("MLmodel").await.ok(), Some(200), "the time begins with the first write");
    assert_eq!(world.file("MLmodel").as_deref(), Some("bytes of MLmodel"));
    assert_eq!(world.state(id), "applied");
    world.clock.advance(14 * MINUTE);
    assert_eq!(world.put("data/more.bin").await.ok(), Some(200));
    assert_eq!(
        world.writes("ana", "", FileWrite::Parts).await.ok(),
        Some(200),
        "an upload in parts is one, too"
    );
    world.clock.advance(MINUTE);
    assert_ne!(world.held("MLmodel").await, id, "what was approved was one window");
    let intents = world.told(&["window-opened", "intent", "outcome"]);
    let kinds: Vec<&str> = intents.iter().skip(2).map(Entry::kind).collect();
    assert_eq!(kinds, ["window-opened", "intent", "outcome", "intent", "outcome", "intent", "outcome"]);
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_promoted_is_not_what_is_there_any_more() {
    let world = World::with_files(POLICY).await;
    let id = world.agreed("MLmodel").await;
    assert_eq!(world.put("MLmodel").await.ok(), Some(200));
    world.clock.advance(15 * MINUTE);
    assert_eq!(world.app.age().await.unwrap(), 1);
    assert_eq!((world.app.age().await.unwrap(), world.told(&["window-closed"]).len()), (0, 1));
    let Some(Entry::WindowClosed { request, changed }) = world.told(&["window-closed"]).pop() else {
        panic!()
    };
    assert_eq!((request, changed.len()), (id, 1));
    let Some(Entry::Undermined { request, .. }) = world.told(&["undermined"]).pop() else { panic!() };
    let undermined = world.app.request(request).unwrap();
    assert!(undermined.flags.stale && undermined.state.as_str() == "applied");
    let facts: Vec<String> =
        world.app.difference(&undermined).unwrap().unwrap().into_iter().map(|change| change.fact).collect();
    assert_eq!(facts, ["file MLmodel"]);
    let again = world.app.renew(&caller("ana"), request).await.unwrap();
    assert_eq!((again.state.as_str(), again.previous), ("in-review", Some(request)), "no dead end");
    assert_eq!(world.told(&["undermined"]).len(), 1);
}

#[tokio::test]
async fn a_window_is_for_whoever_asked_for_its_place_and_for_how() {
    let world = World::with_files(POLICY).await;
    let id = world.agreed("data/a.bin").await;
    let message = outright(world.writes("omar", "data/a.bin", FileWrite::Write).await);
    assert!(message.contains("approved for them alone"), "{message}");
    assert_eq!(world.put("data/a.bin").await.ok(), Some(200));
    for (who, file, how) in [
        ("omar", "data/a.bin", FileWrite::Write),
        ("ana", "MLmodel", FileWrite::Write),
        ("ana", "data/a.bin", FileWrite::Delete),
    ] {
        assert_ne!(held(world.writes(who, file, how).await.unwrap_err()), id, "{who} {file} {how:?}");
    }
    outright(world.writes("ana", "data/a.bin", FileWrite::Presign).await);
    let looser = POLICY.replace("risk = 2", "risk = 1");
    let generation = crate::app::testing::generation(&world.app, &looser).await;
    world.app.generation.store(Arc::new(generation));
    assert_ne!(world.held("data/b.bin").await, id, "another policy closes it");
}

#[tokio::test]
async fn deleting_is_asked_for_by_itself() {
    let world = World::with_files(POLICY).await;
    let deletes = || world.writes("ana", "MLmodel", FileWrite::Delete);
    let id = held(deletes().await.unwrap_err());
    assert_ne!(id, world.held("MLmodel").await);
    world.signed(id, "and it may go").await;
    assert_eq!((deletes().await.ok(), world.file("MLmodel")), (Some(200), None));
    assert_eq!(world.state(id), "applied");
}

#[tokio::test]
async fn a_window_in_which_mlflow_wrote_nothing_leaves_nothing() {
    let world = World::with_files(POLICY).await;
    let id = world.agreed("MLmodel").await;
    world.registry.lock().unwrap().ill = true;
    assert_eq!(world.put("MLmodel").await.ok(), Some(500));
    assert_eq!(world.state(id), "approved", "a failing upstream never reads as applied");
    world.registry.lock().unwrap().ill = false;
    world.clock.advance(20 * MINUTE);
    let next = world.held("MLmodel").await;
    assert_ne!(next, id, "the approval was for that time");
    assert_eq!((world.state(id), world.told(&["window-closed"]).len()), ("lapsed", 1));
    let requester = Some(PersonId::new("ana"));
    assert_eq!(world.app.request(next).unwrap().authors.requester, requester);
}

#[tokio::test]
async fn an_upload_whose_client_left_counts_as_made() {
    let world = World::with_files(POLICY).await;
    let id = world.agreed("MLmodel").await;
    let Answer::Lets(passage) =
        world.app.govern(world.calls("ana", "MLmodel", FileWrite::Write)).await.unwrap()
    else {
        panic!("it was not let")
    };
    world.clock.advance(MINUTE);
    assert_eq!(world.app.sweep(false).await.unwrap(), 0, "it is under way");
    drop(passage);
    assert_eq!(world.app.sweep(false).await.unwrap(), 1);
    let told = world.told(&["outcome"]);
    assert!(
        matches!(told.last(), Some(Entry::Outcome { result: OutcomeResult::CannotTell, .. })),
        "{told:?}"
    );
    assert_eq!(world.state(id), "applied");
    assert_eq!(world.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_gate_may_refuse_all_writes_of_files() {
    let refusing =
        POLICY.replace("expires = \"10d\"", "expires = \"10d\"\nchanges = { artifacts = \"refuse\" }");
    let world = World::with_files(&refusing).await;
    let message = outright(world.put("MLmodel").await);
    assert!(message.contains("promote another version first"), "{message}");
    assert_eq!(world.file("MLmodel").as_deref(), Some("flavors: {}"));
}

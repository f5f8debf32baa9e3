//! What is known of the bytes of files is known after a restart, for as long as MLflow says that they have not changed.

use countersign_core::action::{ArtifactPlace, FileWrite};
use countersign_core::digest::Digest;
use countersign_core::facts::File;

use super::mlflow::FOLDER;
use super::*;
use crate::app::testing::{NOW, app_over};
use crate::store::{Batch, Key, Scan, Store, codec, keys, memory::MemoryStore};

/// The model's weights. `MLmodel` is a fact itself, so that it is always read.
const WEIGHTS: &str = "weights.bin";

struct Restarts {
    registry: Shared,
    upstream: String,
    store: Arc<dyn Store>,
}

impl Restarts {
    async fn new() -> Self {
        let registry = Shared::default();
        let upstream = serve(&registry).await;
        let this = Self { registry, upstream, store: Arc::new(MemoryStore::new()) };
        this.has("MLmodel", "flavors: {}", 1);
        this.has(WEIGHTS, "the weights", 1);
        this
    }

    fn has(&self, file: &str, bytes: &str, changed: u64) {
        let mut registry = self.registry.lock().unwrap();
        registry.files.insert(file.to_owned(), bytes.as_bytes().to_vec());
        registry.changed.insert(file.to_owned(), changed);
    }

    /// A process of its own, which ends when everything that it knows is kept.
    async fn started<T>(&self, act: impl AsyncFnOnce(&World) -> T) -> T {
        let (app, clock, files) =
            app_over(Arc::clone(&self.store), NOW, POLICY, &self.upstream, &PEOPLE).await;
        let world = World { app, clock, registry: Arc::clone(&self.registry), _files: files };
        let done = act(&world).await;
        world.app.registry.kept().await;
        done
    }

    /// Another process takes the facts. Gives the digest of the weights and whether they were read for it.
    async fn weights(&self) -> (File, bool) {
        self.registry.lock().unwrap().read.clear();
        let facts = self.started(async |world| facts(world).await).await;
        let read = self.registry.lock().unwrap().read.iter().any(|file| file == WEIGHTS);
        (facts.into_iter().find(|file| file.path == WEIGHTS).unwrap(), read)
    }

    async fn check(&self, bytes: &str, read: bool) {
        let (digest, size) = (Some(Digest::of(bytes.as_bytes())), bytes.len() as u64);
        assert_eq!(self.weights().await, (File { path: WEIGHTS.to_owned(), size, digest }, read), "{bytes}");
    }

    fn kept(&self) -> Vec<(Key, Vec<u8>)> {
        self.store.scan(&Scan::prefix(keys::file_digests())).unwrap()
    }
}

/// The files of version 7, as this process knows them.
async fn facts(world: &World) -> Vec<File> {
    let (workspace, model) = ("default".into(), "credit".into());
    let snapshot = world.app.registry.get(&workspace, &model, Version::new(7)).await.unwrap();
    snapshot.bytes_known().unwrap();
    snapshot.facts.version.files.clone()
}

#[tokio::test]
async fn a_restart_reads_what_has_changed_and_nothing_else() {
    let restarts = Restarts::new().await;
    restarts.check("the weights", true).await;
    restarts.check("the weights", false).await;
    restarts.has(WEIGHTS, "THE WEIGHTS", 2);
    restarts.check("THE WEIGHTS", true).await;
    restarts.check("THE WEIGHTS", false).await;
    restarts.has(WEIGHTS, "more weights", 2);
    restarts.check("more weights", true).await;
    // Of such a file MLflow says nothing by which a change would show.
    restarts.registry.lock().unwrap().changed.remove(WEIGHTS);
    restarts.check("more weights", true).await;
    restarts.check("more weights", true).await;
    assert_eq!(restarts.kept().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_in_the_store_is_read_again() {
    let restarts = Restarts::new().await;
    restarts.check("the weights", true).await;
    let [(key, good)] = &restarts.kept()[..] else { panic!("one file is kept") };
    let put = async |value: &[u8]| restarts.store.commit(Batch::new().put(key.clone(), value.to_vec())).await;
    for wrong in [&b""[..], b"\x01{}", b"\x07", &good[..good.len() - 1]] {
        put(wrong).await.unwrap();
        restarts.check("the weights", true).await;
        assert_eq!(restarts.kept().len(), 1, "it is written over");
    }
    let mut other: Value = codec::decode(key, good).unwrap();
    other["file"]["path"] = json!("another.bin");
    put(&codec::encode(&other).unwrap()).await.unwrap();
    restarts.check("the weights", true).await;
    restarts.check("the weights", false).await;
}

#[tokio::test]
async fn a_write_through_us_is_forgotten_in_the_store_too() {
    let restarts = Restarts::new().await;
    restarts.check("the weights", true).await;
    let place = ArtifactPlace::Root { path: format!("{FOLDER}/{WEIGHTS}") };
    let action = Action::WriteArtifact { place, how: FileWrite::Write };
    let written = Placed { workspace: "default".into(), action };
    restarts.started(async |world| world.app.registry.touch(&written)).await;
    assert_eq!(restarts.kept().len(), 0);
    // Even where MLflow's clock has not moved between two writes.
    restarts.has(WEIGHTS, "THE WEIGHTS", 1);
    restarts.check("THE WEIGHTS", true).await;
}

#[tokio::test]
async fn a_digest_of_use_is_noted_by_the_day() {
    let restarts = Restarts::new().await;
    restarts.check("the weights", true).await;
    let before = restarts.kept();
    restarts.check("the weights", false).await;
    assert_eq!(restarts.kept(), before);
    let later = restarts.started(async |world| {
        world.clock.advance(86_400_000);
        facts(world).await
    });
    later.await;
    assert_ne!(restarts.kept(), before);
    restarts.check("the weights", false).await;
}

#[tokio::test]
async fn what_was_asked_for_goes_on_after_a_restart_without_a_reading() {
    let restarts = Restarts::new().await;
    let id = restarts.started(async |world| world.asked().await.id).await;
    restarts.registry.lock().unwrap().read.clear();
    let state = restarts.started(async |world| {
        world.signed(id, "this time").await;
        world.state(id)
    });
    assert_eq!(state.await, "approved");
    assert!(!restarts.registry.lock().unwrap().read.iter().any(|file| file == WEIGHTS));
}

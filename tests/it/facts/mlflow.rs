//! Each test trains or writes its own models, and reads them through a proxy that counts.

use std::sync::Arc;

use countersign::app::Registry;
use countersign::clock::ManualClock;
use countersign::config::AtWrite;
use countersign::facts::{Changed, Collector, FactsCache, FactsError, Limits, Snapshot, Subject};
use countersign::mlflow::{Client, Settings};
use countersign::store::Store;
use countersign::store::memory::MemoryStore;
use countersign_core::digest::Digest;
use countersign_core::facts::{MetricOrigin, manifest_digest};
use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::time::{Millis, Span};
use countersign_tests::actor::Actor;
use countersign_tests::log::Log;
use countersign_tests::mlflow::{Mlflow, shared};
use countersign_tests::venv::Venv;
use serde_json::{Value, json};

use crate::upstream::mlflow::seed;
use crate::upstream::{Proxy, proxy};

const NOW: Millis = Millis::new(1_800_000_000_000);
const HOUR: Span = Span::from_millis(3_600_000);
const NONE: Span = Span::from_millis(0);

fn subject(model: &str, version: u32) -> Subject {
    Subject {
        workspace: Workspace::new("default"),
        model: ModelName::new(model),
        version: Version::new(version),
    }
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// A model with three trained versions.
fn trained(model: &str) -> (Log, Actor, Value) {
    let log = Log::of(model);
    let mut ana =
        Actor::start(&Venv::for_tests().unwrap(), "ana", &shared().unwrap().url(), None, log.path()).unwrap();
    let versions = ana.does("train", &[("model", json!(model)), ("experiment", json!(model))]).unwrap();
    (log, ana, versions)
}

async fn counted(mlflow: &Mlflow) -> (FactsCache, Proxy) {
    let proxy = proxy(mlflow.port()).await;
    let client = Client::new(&Settings::new(proxy.url().parse().unwrap())).unwrap();
    (FactsCache::new(Collector::new(client, Limits::default())), proxy)
}

/// Files as MLflow keeps them on its disk.
fn on_disk(snapshot: &Snapshot) -> std::path::PathBuf {
    let root = snapshot.artifacts.as_ref().unwrap().proxied_path("").unwrap();
    shared().unwrap().artifacts().join(root)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_about_a_version() {
    let model = unique("facts");
    let (_log, mut ana, versions) = tokio::task::block_in_place(|| trained(&model));
    let (cache, _) = counted(shared().unwrap()).await;
    let snapshot = cache.get(&subject(&model, 2), NOW, HOUR).await.unwrap();
    let facts = &snapshot.facts.version;
    assert_eq!(facts.missing, []);
    assert_eq!(facts.subject.model.as_str(), model);
    assert_eq!(snapshot.facts.taken_at, NOW);

    let auc: Vec<_> = facts.metrics.iter().filter(|m| m.name == "auc").collect();
    let expect = versions[1]["metrics"]["auc"].as_f64().unwrap();
    assert!(auc.iter().any(|m| m.origin == MetricOrigin::Run), "{auc:?}");
    assert!(auc.iter().all(|m| m.value.parse::<f64>().unwrap().to_bits() == expect.to_bits()), "{auc:?}");
    assert!(facts.logged_model.as_ref().is_some_and(|m| m.status == "LOGGED_MODEL_READY"));
    assert!(facts.run.as_ref().is_some_and(|run| run.status == "FINISHED"));
    assert!(facts.mlmodel.as_ref().is_some_and(|text| text.contains("flavors:")));

    assert!(facts.files.len() >= 4, "{:?}", facts.files);
    for file in &facts.files {
        let bytes = std::fs::read(on_disk(&snapshot).join(&file.path)).unwrap();
        assert_eq!((file.size, file.digest), (bytes.len() as u64, Some(Digest::of(&bytes))), "{}", file.path);
    }
    assert_eq!(facts.subject.manifest, manifest_digest(&facts.files));
    assert!(facts.subject.manifest.is_some());

    let copy = format!("{model}-copy");
    let arguments = [("source", json!(format!("models:/{model}/2"))), ("model", json!(copy))];
    tokio::task::block_in_place(|| ana.does("copy", &arguments)).unwrap();
    let copied = cache.get(&subject(&copy, 1), NOW, HOUR).await.unwrap();
    let copied = &copied.facts.version;
    assert_eq!((&copied.logged_model, &copied.files), (&facts.logged_model, &facts.files));
    assert_eq!(copied.missing, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_ask_and_one_reads() {
    let model = unique("flight");
    let (_log, mut ana, _) = tokio::task::block_in_place(|| trained(&model));
    let (cache, proxy) = counted(shared().unwrap()).await;
    let (cache, one) = (std::sync::Arc::new(cache), subject(&model, 1));
    let askers: Vec<_> = (0..16)
        .map(|_| {
            let (cache, one) = (std::sync::Arc::clone(&cache), one.clone());
            tokio::spawn(async move { cache.get(&one, NOW, HOUR).await.unwrap() })
        })
        .collect();
    let mut snapshots = Vec::new();
    for asker in askers {
        snapshots.push(asker.await.unwrap());
    }
    let cold = proxy.requests();
    let files = snapshots[0].facts.version.files.len();
    assert!(snapshots.iter().all(|s| std::sync::Arc::ptr_eq(s, &snapshots[0])));
    // Version, model, URI, run, logged model, at least one listing, and each file once.
    assert!(cold >= 6 + files && cold <= 10 + files, "{cold} requests for {files} files");

    cache.get(&one, NOW, HOUR).await.unwrap();
    assert_eq!(proxy.requests(), 0, "warm facts cost no call");
    cache.get(&one, NOW.plus(HOUR), HOUR).await.unwrap();
    assert!(proxy.requests() > 0, "old facts are read again");

    for (changed, read) in [
        (Changed::Model(Workspace::new("default"), ModelName::new("another")), false),
        (Changed::Run("another".to_owned()), false),
        (Changed::Artifact("another/file".to_owned()), false),
        (Changed::Model(one.workspace.clone(), one.model.clone()), true),
        (Changed::Version(one.clone()), true),
        (Changed::Run(snapshots[0].facts.version.run.clone().unwrap().id), true),
        (Changed::LoggedModel(snapshots[0].facts.version.logged_model.clone().unwrap().id), true),
        (Changed::Artifact(snapshots[0].artifacts.clone().unwrap().proxied_path("MLmodel").unwrap()), true),
        (Changed::Everything, true),
    ] {
        cache.get(&one, NOW.plus(HOUR), HOUR).await.unwrap();
        proxy.requests();
        cache.forget(&changed);
        cache.get(&one, NOW.plus(HOUR), HOUR).await.unwrap();
        assert_eq!(proxy.requests() > 0, read, "{changed:?}");
    }

    let before = cache.get(&one, NOW, NONE).await.unwrap();
    let file = [("model", json!(model)), ("version", json!("1")), ("path", json!("requirements.txt"))];
    let change = [&file[..], &[("text", json!("swapped"))]].concat();
    tokio::task::block_in_place(|| ana.does("overwrite-model-file", &change)).unwrap();
    let after = cache.get(&one, NOW, NONE).await.unwrap();
    assert_ne!(before.facts.version.subject.manifest, after.facts.version.subject.manifest);
    let swapped = after.facts.version.files.iter().find(|f| f.path == "requirements.txt").unwrap();
    assert_eq!(swapped.digest, Some(Digest::of(b"swapped")));
}

/// Else every governed write would read every file of its version again.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_has_not_changed_is_not_read_again() {
    let model = unique("unchanged");
    tokio::task::block_in_place(|| trained(&model));
    let (cache, proxy) = counted(shared().unwrap()).await;
    let one = subject(&model, 1);
    let snapshot = cache.get(&one, NOW, NONE).await.unwrap();
    let cold = proxy.requests();
    cache.get(&one, NOW, NONE).await.unwrap();
    let again = proxy.requests();
    assert!(again <= cold, "{again} requests after {cold}");

    let (client, location) = (cache.collector().client(), snapshot.artifacts.as_ref().unwrap());
    for file in &snapshot.facts.version.files {
        let asked = client.artifact_validators(&one.workspace, location, &file.path).await.unwrap();
        let read = client.open_artifact(&one.workspace, location, &file.path).await.unwrap();
        assert_eq!(asked, read.validators(), "{}", file.path);
        assert_eq!(asked.map(|told| told.size), Some(file.size), "{}", file.path);
    }
}

/// Rewritten in place, without a change of length.
fn rewrite(file: &std::path::Path, changed: std::time::SystemTime) -> Digest {
    let mut bytes = std::fs::read(file).unwrap();
    bytes.rotate_left(1);
    std::fs::write(file, &bytes).unwrap();
    let open = std::fs::File::options().write(true).open(file).unwrap();
    open.set_modified(changed).unwrap();
    Digest::of(&bytes)
}

/// That a file was not read shows by other bytes under the old time, which nobody sees who does not read.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_process_reads_files_that_mlflow_says_have_changed_and_no_others() {
    let model = unique("restart");
    tokio::task::block_in_place(|| trained(&model));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let settings = Settings::new(shared().unwrap().url().parse().unwrap());
    let started = async || {
        let client = Client::new(&settings).unwrap();
        let collector = Collector::keeping(client, Limits::default(), Arc::clone(&store));
        let snapshot = collector.collect(&subject(&model, 1), NOW).await.unwrap();
        collector.kept().await;
        snapshot
    };
    let digest = |snapshot: &Snapshot| {
        snapshot.bytes_known().unwrap();
        let mut files = snapshot.facts.version.files.iter();
        files.find(|file| file.path == "requirements.txt").unwrap().digest.unwrap()
    };
    let first = started().await;
    assert_eq!(started().await.facts.version.files, first.facts.version.files);

    let file = on_disk(&first).join("requirements.txt");
    let changed = std::fs::metadata(&file).unwrap().modified().unwrap();
    let unseen = rewrite(&file, changed);
    assert_ne!(unseen, digest(&first));
    assert_eq!(digest(&started().await), digest(&first), "it was read");
    let seen = rewrite(&file, changed + std::time::Duration::from_millis(1));
    assert_eq!(digest(&started().await), seen, "it was not read");
    assert_eq!(digest(&started().await), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_files() {
    let model = unique("ranges");
    tokio::task::block_in_place(|| trained(&model));
    let (cache, _) = counted(shared().unwrap()).await;
    let one = subject(&model, 1);
    let snapshot = cache.get(&one, NOW, HOUR).await.unwrap();
    let (client, location) = (cache.collector().client(), snapshot.artifacts.as_ref().unwrap());
    let bytes = std::fs::read(on_disk(&snapshot).join("MLmodel")).unwrap();
    let len = bytes.len();
    for (offset, want, expect) in [
        (0, 10, &bytes[..10]),
        (5, 10, &bytes[5..15]),
        (len - 3, 10, &bytes[len - 3..]),
        (len, 10, &[]),
        (len + 7, 10, &[]),
        (0, 0, &[]),
    ] {
        let read =
            client.read_artifact(&one.workspace, location, "MLmodel", offset as u64, want).await.unwrap();
        assert_eq!(read, expect, "{want} from {offset}");
    }
    assert!(
        client.read_artifact(&one.workspace, location, "nothing", 0, 1).await.unwrap_err().is_not_found()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_missing_and_not_an_error() {
    let model = unique("gone");
    tokio::task::block_in_place(|| trained(&model));
    let mlflow = shared().unwrap();
    let (cache, _) = counted(mlflow).await;
    let one = subject(&model, 1);
    let whole = cache.get(&one, NOW, NONE).await.unwrap();
    let id = whole.facts.version.logged_model.clone().unwrap().id;
    let deleted = reqwest::Client::new()
        .delete(format!("{}/api/2.0/mlflow/logged-models/{id}", mlflow.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status().as_u16(), 200);
    let without = cache.get(&one, NOW, NONE).await.unwrap();
    let missing: Vec<&str> = without.facts.version.missing.iter().map(|m| m.fact.as_str()).collect();
    assert_eq!((missing.as_slice(), &without.facts.version.logged_model), (&["logged-model"][..], &None));
    assert_eq!(without.facts.version.subject.manifest, whole.facts.version.subject.manifest);

    let error = cache.get(&subject(&model, 99), NOW, HOUR).await.unwrap_err();
    assert!(matches!(error, FactsError::NotFound { .. }), "{error:?}");
    let dead = Client::new(&Settings::new("http://127.0.0.1:9".parse().unwrap())).unwrap();
    let error = Collector::new(dead, Limits::default()).collect(&one, NOW).await.unwrap_err();
    assert!(matches!(error, FactsError::Unavailable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_below_a_run_has_files_and_no_logged_model() {
    let mlflow = shared().unwrap();
    let (cache, _) = counted(mlflow).await;
    let model = unique("below");
    let run = seed(&mlflow.url(), &model).await;
    let created = reqwest::Client::new()
        .post(format!("{}/api/2.0/mlflow/model-versions/create", mlflow.url()))
        .header("content-type", "application/json")
        .body(json!({"name": model, "source": format!("runs:/{run}/model"), "run_id": run}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(created.status().as_u16(), 200);
    for version in [1, 2] {
        let snapshot = cache.get(&subject(&model, version), NOW, HOUR).await.unwrap();
        let facts = &snapshot.facts.version;
        assert_eq!((facts.missing.as_slice(), &facts.logged_model), (&[][..], &None));
        let files: Vec<_> = facts.files.iter().map(|f| (f.path.as_str(), f.digest)).collect();
        assert_eq!(files, [("MLmodel", Some(Digest::of(b"flavors: {}\n")))]);
        assert_eq!(facts.mlmodel.as_deref(), Some("flavors: {}\n"));
        assert_eq!(facts.metrics[0].value, "0.875");
    }
    let (workspace, name) = (Workspace::new("default"), ModelName::new(model.as_str()));
    let registry = Registry::new(cache, Arc::new(ManualClock::at(NOW)), HOUR, AtWrite::Fresh);
    let dev = registry.by_alias(&workspace, &name, &"dev".into()).await.unwrap().unwrap();
    assert_eq!(dev.facts.version.aliases, ["dev"]);
    let history = registry.metric_history(&workspace, &run, "auc").await.unwrap();
    assert_eq!((history.len(), history[0].value.as_str()), (1, "0.875"));
    let files = dev.artifacts.as_ref().unwrap();
    let read = registry.read(&workspace, files, ("MLmodel", 0, 7)).await.unwrap();
    assert_eq!(read, &b"flavors"[..]);
}

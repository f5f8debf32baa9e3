//! A whole app for tests, with everything real but the disk under the store and an upstream that answers.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_core::time::{Millis, Span};
use tempfile::TempDir;

use super::{App, Generation, KeptProfiles, People, Registry};
use crate::auth::{Auth, Local};
use crate::clock::{Clock, ManualClock};
use crate::config::AtWrite;
use crate::facts::{Collector, FactsCache, Limits};
use crate::ledger::{Ledger, SigningKey};
use crate::mlflow::{Base, Client, Origins, Settings, Upstream};
use crate::plugins::{Engine, EngineConfig};
use crate::store::{Store, memory::MemoryStore};
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// When tests begin.
pub(crate) const NOW: Millis = Millis::new(1_795_381_030_000);

const POLICY: &str = include_str!("../../../tests/fixtures/one-signature.toml");

/// An app with local accounts, one gate, and nobody behind the upstream's address. The directory holds its files.
pub(crate) async fn app() -> (Arc<App>, TempDir) {
    // Port 9 is "discard" (RFC 863): nobody listens there.
    let (app, _, files) = app_with(POLICY, "http://127.0.0.1:9", &[]).await;
    (app, files)
}

/// An app with this policy and these accounts, whose ids are their names, in front of this upstream.
pub(crate) async fn app_with(
    policy_text: &str,
    upstream: &str,
    people: &[&str],
) -> (Arc<App>, Arc<ManualClock>, TempDir) {
    app_over(Arc::new(MemoryStore::default()), NOW, policy_text, upstream, people).await
}

/// The same over a store that may have been used before, at some time.
pub(crate) async fn app_over(
    store: Arc<dyn Store>,
    now: Millis,
    policy_text: &str,
    upstream: &str,
    people: &[&str],
) -> (Arc<App>, Arc<ManualClock>, TempDir) {
    let files = tempfile::tempdir().unwrap();
    let keys = files.path().join("people.keys");
    app_beside((store, &keys), now, policy_text, upstream, people, files).await
}

/// The same with the keys of people where a process before had them.
pub(crate) async fn app_beside(
    (store, keys): (Arc<dyn Store>, &std::path::Path),
    now: Millis,
    policy_text: &str,
    upstream: &str,
    people: &[&str],
    files: TempDir,
) -> (Arc<App>, Arc<ManualClock>, TempDir) {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let manual = Arc::new(ManualClock::at(now));
    let clock: Arc<dyn Clock> = Arc::clone(&manual) as Arc<dyn Clock>;
    let key = SigningKey::from_seed("ledger.example", [7; 32]).unwrap();
    let ledger = Ledger::open(Arc::clone(&store), key).await.unwrap();
    super::check_lists(&*store).await.unwrap();
    let engine =
        Engine::new(EngineConfig { max_concurrent: 1, threads: 1, ..EngineConfig::default() }, None).unwrap();
    let settings = Settings::new(upstream.parse().unwrap());
    let public: Base = "http://127.0.0.1:8080".parse().unwrap();
    let origins = Origins::new(&public, Vec::new(), Vec::new());
    let collector =
        Collector::keeping(Client::new(&settings).unwrap(), Limits::default(), Arc::clone(&store));
    let registry = Registry::new(
        FactsCache::new(collector),
        Arc::clone(&clock),
        Span::from_millis(60_000),
        AtWrite::Fresh,
    );
    let users = files.path().join("users.toml");
    let account = |name: &&str| {
        format!("\n[[user]]\nid = \"{name}\"\nname = \"{name}\"\ncreated = \"2026-11-01T00:00:00Z\"\n")
    };
    let accounts: String = people.iter().map(account).collect();
    std::fs::write(&users, format!("format = 1\n{accounts}")).unwrap();
    let local = Local::open(&users, &files.path().join("session.key"), false, Arc::clone(&clock)).unwrap();
    let policy = files.path().join("policy.toml");
    let generation = generation_in(&policy, policy_text, &engine, clock.now()).await;
    let vault = Arc::new(Vault::open(keys, Arc::clone(&clock)).unwrap());
    let span = Span::from_millis(7 * 86_400_000);
    let profiles =
        KeptProfiles::open(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&vault), span).unwrap();
    profiles.finish_erasures().await.unwrap();
    profiles.seal_old().await.unwrap();
    let auth = Arc::new(Auth::Local(Box::new(local)));
    let app = App {
        people: People::new(auth).with_profiles(Arc::new(profiles)),
        vault,
        clock,
        store,
        ledger,
        engine,
        registry: Arc::new(registry),
        proxy: Upstream::new(&settings, &public, origins).unwrap(),
        generation: ArcSwap::from_pointee(generation),
        metrics: Arc::new(Metrics::new()),
        public_url: public.to_string(),
        workspaces: vec!["default".into()],
        webhook_secret: Some("a secret of MLflow's".to_owned()),
        notify: None,
        anchors: Default::default(),
        concluding: Default::default(),
        ahead: tokio::sync::Semaphore::new(1),
        prechecking: Default::default(),
        known_evidence: Default::default(),
        known_runs: Default::default(),
        insights: Default::default(),
        events: Default::default(),
        reloads: Default::default(),
    };
    (Arc::new(app), manual, files)
}

/// Another policy for an app.
pub(crate) async fn generation(app: &App, policy_text: &str) -> Generation {
    let files = tempfile::tempdir().unwrap();
    generation_in(&files.path().join("policy.toml"), policy_text, &app.engine, app.clock.now()).await
}

async fn generation_in(file: &std::path::Path, text: &str, engine: &Engine, now: Millis) -> Generation {
    std::fs::write(file, text).unwrap();
    Generation::load(file, engine, now).await.unwrap()
}

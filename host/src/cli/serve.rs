//! `countersign serve`: puts the house together and keeps it running.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use countersign_core::names::Workspace;
use countersign_core::time::Millis;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::failure::OrHint as _;
use super::identity::{self, is_https, span};
use super::{background, background_replay, machinery, place};
use crate::app::{App, Doctor, Generation, KeptProfiles, LoadGenerationError, People, Registry, check_lists};
use crate::auth::sessions;
use crate::clock::{Clock, SystemClock};
use crate::config::{Anonymous, Config};
use crate::facts::{Collector, FactsCache, Limits};
use crate::http::front::{Front, Manners};
use crate::http::{admin, server};
use crate::ledger::{Ledger, key_file};
use crate::mlflow::{Base, Client, Origins, Upstream};
use crate::notify::Notify;
use crate::operator::OperatorKey;
use crate::plugins::Engine;
use crate::store::{Store, sled::SledStore};
use crate::telemetry::{self, Metrics};
use crate::vault::Vault;

/// Serves until told to stop.
///
/// # Errors
/// When something that it cannot do without is missing.
pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.server.workers {
        runtime.worker_threads(workers.get());
    }
    let runtime = runtime.enable_all().build().context("starting the threads")?;
    runtime.block_on(serve(config))
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let app = Arc::new(assemble(config).await?);
    let listener = bind(config.server.listen, "server.listen").await?;
    let admin_listener = bind(config.server.admin_listen, "server.admin_listen").await?;
    let front = Arc::new(Front::new(Arc::clone(&app), manners(config), Some(doctor(config))));
    let stop = CancellationToken::new();
    background::spawn(&app, config, &stop)?;
    background_replay::spawn(&app, config, &stop)?;
    let operator = OperatorKey::load_or_create(&place::operator_key(config), &*app.clock)?;
    let admin = admin::router(Arc::clone(&app), operator);
    let admin = axum::serve(admin_listener, admin).with_graceful_shutdown(stop.clone().cancelled_owned());
    let admin = tokio::spawn(async move { admin.await });
    tracing::info!(
        server.listen = %config.server.listen,
        server.admin_listen = %config.server.admin_listen,
        upstream.url = %config.upstream.url,
        policy.digest = %app.generation.load().policy.digest(),
        "countersign is ready"
    );
    server::serve(listener, front, threads(config), stop).await.context("starting the threads")?;
    admin.await.context("closing the admin listener")?.context("serving the admin listener")?;
    app.registry.kept().await;
    app.store.flush().await.context("flushing the store")?;
    tracing::info!("countersign has stopped");
    Ok(())
}

/// One lane for each core that this process may use, unless the operator says otherwise.
fn threads(config: &Config) -> NonZeroUsize {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    config.server.workers.unwrap_or_else(cores)
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let section = key.split('.').next().unwrap_or_default();
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}")).or_hint(format!(
        "stop what listens there (another Countersign?), or choose another address for `{}` under `[{section}]`",
        key.trim_start_matches(section).trim_start_matches('.')
    ))
}

/// Everything, in the order in which it needs each other. The plugins are loaded while the store is opened.
pub(super) async fn assemble(config: &Config) -> anyhow::Result<App> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let engine = machinery::engine(config)?;
    let generation = loading(config, &engine, clock.now());
    let dir = place::store_dir(config).to_owned();
    let store =
        tokio::task::spawn_blocking(move || SledStore::open(&dir)).await.context("opening the store")?;
    let store: Arc<dyn Store> = Arc::new(store?);
    let ledger = open_ledger(config, Arc::clone(&store), &*clock).await?;
    let settings = machinery::upstream(config)?;
    let public: Base = config.server.public_url.to_string().parse().context("reading `server.public_url`")?;
    let origins = Origins::new(&public, config.server.allowed_hosts.clone(), Vec::new());
    let proxy =
        Upstream::new(&settings, &public, origins).context("reading the machine's root certificates")?;
    let client = Client::new(&settings).context("setting up calls to MLflow")?;
    let limits = Limits { deadline: config.facts.deadline };
    let collector = Collector::keeping(client.clone(), limits, Arc::clone(&store));
    let max_age = span(config.facts.max_age);
    let registry =
        Registry::new(FactsCache::new(collector), Arc::clone(&clock), max_age, config.facts.at_write);
    let max_age = span(config.auth.groups_max_age);
    let vault = Arc::new(Vault::open(&place::people_keys(config), Arc::clone(&clock))?);
    let profiles = KeptProfiles::open(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&vault), max_age)?;
    profiles.finish_erasures().await?;
    profiles.seal_old().await?;
    let profiles = Arc::new(profiles);
    let auth = Arc::new(identity::auth(config, client, profiles.for_auth(), &clock)?);
    let generation = generation.await.context("loading the policy")??;
    let notify = notify(config, &store, &clock)?;
    let anchors = machinery::anchors(config)?;
    let app = App {
        people: People::new(auth).with_profiles(profiles),
        clock,
        store,
        ledger,
        engine,
        registry: Arc::new(registry),
        proxy,
        generation: ArcSwap::from_pointee(generation),
        metrics: Arc::new(Metrics::new()),
        public_url: format!("{public}{}", config.server.static_prefix),
        workspaces: config.upstream.workspaces.iter().map(Workspace::new).collect(),
        webhook_secret: config.webhook.secret.as_ref().map(|secret| secret.expose().to_owned()),
        notify,
        anchors,
        concluding: Default::default(),
        ahead: tokio::sync::Semaphore::new(1),
        prechecking: Default::default(),
        vault,
        known_evidence: Default::default(),
        known_runs: Default::default(),
        insights: Default::default(),
        events: Default::default(),
        reloads: Default::default(),
    };
    let generation = app.generation.load_full();
    app.keep_plugins(&generation).await?;
    app.list_requests().await?;
    check_lists(&*app.store).await?;
    let software = format!("countersign {}", env!("CARGO_PKG_VERSION"));
    app.started(software, super::account::own()).await?;
    Ok(app)
}

fn notify(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<Notify>>> {
    let Some(to) = &config.notify else { return Ok(None) };
    let to = (to.webhook.clone(), to.secret.clone());
    Ok(Some(Arc::new(Notify::new(to, Arc::clone(store), Arc::clone(clock))?)))
}

fn loading(
    config: &Config,
    engine: &Engine,
    now: Millis,
) -> AbortOnDropHandle<Result<Generation, LoadGenerationError>> {
    let (file, engine) = (config.policy_file.clone(), engine.clone());
    AbortOnDropHandle::new(tokio::spawn(async move { Generation::load(&file, &engine, now).await }))
}

async fn open_ledger(config: &Config, store: Arc<dyn Store>, clock: &dyn Clock) -> anyhow::Result<Ledger> {
    let host = config.server.public_url.authority().map_or("localhost", http::uri::Authority::as_str);
    let path = place::ledger_key(config);
    // A new key would not help, and would lie where the old one belongs.
    if !path.exists() && Ledger::has_begun(&*store)? {
        return Err(place::no_ledger_key(&path));
    }
    let key = key_file::load_or_create(&path, &format!("{host}/countersign"), clock)?;
    Ok(Ledger::open(store, key).await?)
}

/// Whoever looks at the health page asks the same as `countersign doctor` does.
fn doctor(config: &Config) -> Doctor {
    let config = Arc::new(config.clone());
    Doctor::new(move || {
        let config = Arc::clone(&config);
        Box::pin(async move { super::doctor::around(&config).await })
    })
}

fn manners(config: &Config) -> Manners {
    Manners {
        static_prefix: config.server.static_prefix.clone(),
        anonymous_reads: config.auth.anonymous == Anonymous::Read,
        inject: config.ui.inject,
        session_cookie: if is_https(config) { sessions::HOST_NAME } else { sessions::PLAIN_NAME },
    }
}

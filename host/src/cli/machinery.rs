//! The parts of the server that commands use as well, set up from the configuration.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use http::HeaderValue;

use super::identity::span;
use crate::app::{AnchorFile, AnchorGit, AnchorWebhook, Anchors, Place};
use crate::clock::SystemClock;
use crate::config::{Anchor, Config, Credentials};
use crate::mlflow::{Client, Settings};
use crate::plugins::{CodeCache, Engine, EngineConfig};

/// For commands that talk to somebody: one thread is enough.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")
}

/// How the upstream is reached.
pub(super) fn upstream(config: &Config) -> Result<Settings> {
    let mut settings = Settings::new(config.upstream.url.to_string().parse()?);
    settings.static_prefix.clone_from(&config.server.static_prefix);
    settings.read_timeout = config.upstream.timeout;
    settings.response_timeout = config.upstream.timeout;
    settings.credentials = authorization(&config.upstream.credentials)?;
    Ok(settings)
}

/// A client for our own calls to MLflow.
pub(super) fn client(config: &Config) -> Result<Client> {
    Ok(Client::new(&upstream(config)?)?)
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    let text = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Bearer(token) => format!("Bearer {}", token.expose()),
        Credentials::Basic { username, password } => {
            let pair = format!("{username}:{}", password.expose());
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
    };
    let mut value =
        HeaderValue::from_str(&text).context("`[upstream]` has credentials that no header can carry")?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Where checkpoints go.
pub(super) fn anchors(config: &Config) -> Result<Anchors> {
    let Anchor { file, git, webhook, interval } = &config.anchor;
    let file = file.clone().map(|path| Place::File(AnchorFile::new(path)));
    let git =
        git.clone().map(|git| AnchorGit::new(git.repository, git.branch).pushed_to(git.push)).map(Place::Git);
    let webhook = webhook.clone().map(|to| AnchorWebhook::new(to.webhook, to.secret)).transpose();
    let webhook = webhook.context("setting up calls to `anchor.webhook`")?.map(Place::Webhook);
    Ok(Anchors::new([file, git, webhook].into_iter().flatten().collect(), span(*interval)))
}

/// The plugin host, with the cache of compiled code.
pub(super) fn engine(config: &Config) -> Result<Engine> {
    let max_concurrent = u32::try_from(config.plugins.max_concurrent.get()).unwrap_or(u32::MAX);
    let mut wanted = EngineConfig { max_concurrent, ..EngineConfig::default() };
    if let Some(threads) = config.plugins.threads {
        wanted.threads = threads.get();
    }
    let cache = CodeCache::open(&config.plugins.cache_dir, &SystemClock::new())?;
    Ok(Engine::new(wanted, Some(cache))?)
}

/// A plugin host beside the server's own: one evaluation at a time, on a thread that gives way.
pub(super) fn background_engine(config: &Config) -> Result<Engine> {
    let one = EngineConfig { max_concurrent: 1, threads: 1, in_background: true, ..EngineConfig::default() };
    let cache = CodeCache::open(&config.plugins.cache_dir, &SystemClock::new())?;
    Ok(Engine::new(one, Some(cache))?)
}

/// The plugin host for one component. What it compiles is kept for the next command, where this user keeps such
/// things; without such a place it compiles again.
pub(super) fn bare_engine() -> Result<Engine> {
    let wanted = EngineConfig { max_concurrent: 2, ..EngineConfig::default() };
    let cache = user_cache().and_then(|dir| CodeCache::open(dir, &SystemClock::new()).ok());
    Ok(Engine::new(wanted, cache)?)
}

/// The plugin host for what comes from elsewhere: what it compiles stays in memory.
pub(super) fn memory_engine() -> Result<Engine> {
    Ok(Engine::new(EngineConfig { max_concurrent: 2, ..EngineConfig::default() }, None)?)
}

/// By the XDG base directory specification.
fn user_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    caches.is_absolute().then(|| caches.join("countersign").join("compiled-plugins"))
}

//! One generation: a policy with every plugin that it names, loaded and validated. Immutable once built; a
//! reload builds a whole new one and swaps it, or keeps the old one and says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::canonical;
use countersign_core::decide::{Demand, TierFound};
use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::names::{GateName, PluginName};
use countersign_core::policy::{self, FactRead, GateMatch, Policy, PolicyError, Source};
use countersign_core::time::Millis;
use tokio_util::task::AbortOnDropHandle;

use super::evidence::put_policy_text;
use super::{App, AppError, reload};
use crate::plugins::{CaseFailure, Engine, Limits, Load, LoadError, Plugin};
use crate::store::{Batch, codec, keys};

/// A policy in force, with its plugins.
pub struct Generation {
    pub policy: Policy,
    pub plugins: BTreeMap<PluginName, Arc<Plugin>>,
    components: BTreeMap<PluginName, Bytes>,
    /// Per gate, in the order of the policy.
    checks: BTreeMap<GateName, Vec<LoadedCheck>>,
    pub loaded_at: Millis,
    /// Where the policy was read, and what stood there.
    pub file: PathBuf,
    pub text: String,
}

/// A check of a gate, ready to run.
#[derive(Clone)]
pub(super) struct LoadedCheck {
    pub(super) name: PluginName,
    pub(super) plugin: Arc<Plugin>,
    pub(super) required: bool,
    /// Canonical JSON.
    pub(super) config: Arc<str>,
    pub(super) config_digest: Digest,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadGenerationError {
    #[error("the policy cannot be read at {}: {source}; set `file` under [policy]", .file.display())]
    File { file: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Policy(#[from] PolicyError),
    #[error(
        "plugin `{plugin}` cannot be fetched from {from}: {reason}; put it there, or set `source` under `[[plugin]] \
         name = \"{plugin}\"` in the policy"
    )]
    Fetch { plugin: PluginName, from: String, reason: String },
    #[error("plugin `{plugin}`: its limits cannot be read: {reason}")]
    Limits { plugin: PluginName, reason: String },
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("gate `{gate}`, check `{plugin}`: its configuration is refused: {reason}")]
    Config { gate: String, plugin: PluginName, reason: String },
    #[error("plugin `{plugin}` does not do what it says of itself: {source}")]
    Case { plugin: PluginName, source: CaseFailure },
    #[error("the plugins were not all loaded: the server is stopping, or it has a bug that the log tells of")]
    Interrupted,
    #[error("the policy cannot be kept as evidence: {reason}")]
    KeepPolicy { reason: String },
    #[error("plugin `{plugin}` cannot be kept as evidence: {reason}")]
    Keep { plugin: PluginName, reason: String },
    #[error("the policy cannot be recorded, so the one before stays in force: {reason}")]
    Record { reason: String },
}

impl LoadGenerationError {
    /// Whether nothing is wrong with the policy: the same file may be taken later.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        use LoadGenerationError as Error;
        matches!(
            self,
            Error::KeepPolicy { .. } | Error::Keep { .. } | Error::Record { .. } | Error::Interrupted
        )
    }
}

impl Generation {
    /// Reads the policy and everything that it names: fetch, verify, compile, validate, smoke cases.
    ///
    /// # Errors
    /// The first thing that is wrong; a policy's own faults all at once.
    pub async fn load(file: &Path, engine: &Engine, now: Millis) -> Result<Self, LoadGenerationError> {
        Self::of_text(file, reload::read(file).await?, engine, now).await
    }

    /// As [`Generation::load`], of what stands in the file.
    pub(super) async fn of_text(
        file: &Path,
        text: String,
        engine: &Engine,
        now: Millis,
    ) -> Result<Self, LoadGenerationError> {
        let policy = Policy::parse(&file.display().to_string(), &text)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let loading = begun(policy.plugins().iter().map(|wanted| {
            let (wanted, folder, engine) = (wanted.clone(), folder.to_owned(), engine.clone());
            async move {
                let component = Bytes::from(fetch(&wanted, &folder).await?);
                Ok((wanted.name.clone(), load(&wanted, component.clone(), &engine).await?, component))
            }
        }));
        let (mut plugins, mut components) = (BTreeMap::new(), BTreeMap::new());
        for (name, plugin, component) in ended(loading).await? {
            plugins.insert(name.clone(), plugin);
            components.insert(name, component);
        }
        for remark in policy.remarks() {
            tracing::warn!(policy.file = %file.display(), "{remark}");
        }
        let checks = ready_checks(&policy, &plugins)?;
        let file = file.to_owned();
        let this = Self { policy, plugins, components, checks, loaded_at: now, file, text };
        this.validate(engine).await?;
        Ok(this)
    }

    /// What a matched gate asks about the strictest version and further ones, and the checks to run for it.
    pub(super) fn demand<'t>(
        &self,
        matched: &GateMatch<'_>,
        strictest: (&TierFound, &[FactRead]),
        others: impl IntoIterator<Item = &'t TierFound>,
    ) -> Result<(Demand, Vec<LoadedCheck>), AppError> {
        let demand = self.policy.demand_of_all(matched, strictest, others)?;
        if !matched.changes.is_empty() {
            return Ok((demand, Vec::new()));
        }
        // A gate that nobody knows must not become one without checks.
        let name = &matched.gate.name;
        let unknown = || AppError::NotFound(format!("the policy in force has no gate `{name}`"));
        Ok((demand, self.checks.get(name).cloned().ok_or_else(unknown)?))
    }

    pub(super) fn plugin(&self, name: &PluginName) -> Result<&Arc<Plugin>, AppError> {
        let found = self.plugins.get(name);
        found.ok_or_else(|| AppError::NotFound(format!("the policy in force has no plugin `{name}`")))
    }

    /// Every configuration by schema and by the guest itself, then every case that a plugin carries.
    async fn validate(&self, engine: &Engine) -> Result<(), LoadGenerationError> {
        ended(self.validating(engine)).await?;
        ended(self.trying(engine)).await?;
        self.plugins.values().for_each(|plugin| plugin.counters().begin());
        Ok(())
    }

    fn validating(&self, engine: &Engine) -> Vec<Working<()>> {
        let configured = self.policy.gates().iter().flat_map(|gate| {
            let checks = gate.checks.iter().map(|check| (&check.plugin, &check.config));
            let rules = gate.rules.iter().map(|rule| (&rule.plugin, &rule.config));
            checks.chain(rules).map(|(plugin, config)| (gate.name.to_string(), plugin, config))
        });
        begun(configured.filter_map(|(gate, name, config)| {
            let plugin = Arc::clone(self.plugins.get(name)?);
            let (engine, name, config) = (engine.clone(), name.clone(), config.clone());
            Some(async move {
                let refused = |reason: String| LoadGenerationError::Config { gate, plugin: name, reason };
                engine.validate_config(&plugin, &config).await.map(drop).map_err(|e| refused(e.to_string()))
            })
        }))
    }

    fn trying(&self, engine: &Engine) -> Vec<Working<()>> {
        begun(self.plugins.iter().map(|(name, plugin)| {
            let (engine, name, plugin) = (engine.clone(), name.clone(), Arc::clone(plugin));
            async move {
                match engine.run_smoke_cases(&plugin).await.into_iter().next() {
                    Some(source) => Err(LoadGenerationError::Case { plugin: name, source }),
                    None => Ok(()),
                }
            }
        }))
    }
}

type Working<T> = AbortOnDropHandle<Result<T, LoadGenerationError>>;

/// Begins everything at once, wherever a thread is free.
fn begun<T, F>(work: impl Iterator<Item = F>) -> Vec<Working<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, LoadGenerationError>> + Send + 'static,
{
    work.map(|one| AbortOnDropHandle::new(tokio::spawn(one))).collect()
}

/// The results, or the first error, in the order in which the work was begun.
async fn ended<T>(working: Vec<Working<T>>) -> Result<Vec<T>, LoadGenerationError> {
    let mut done = Vec::with_capacity(working.len());
    for one in working {
        done.push(one.await.map_err(|_| LoadGenerationError::Interrupted)??);
    }
    Ok(done)
}

/// Every check of every gate, with the bytes of its configuration.
fn ready_checks(
    policy: &Policy,
    plugins: &BTreeMap<PluginName, Arc<Plugin>>,
) -> Result<BTreeMap<GateName, Vec<LoadedCheck>>, LoadGenerationError> {
    let ready = |gate: &policy::Gate| -> Result<_, LoadGenerationError> {
        let checks = gate.checks.iter().map(|check| {
            let refused = |reason: String| LoadGenerationError::Config {
                gate: gate.name.to_string(),
                plugin: check.plugin.clone(),
                reason,
            };
            let plugin = plugins.get(&check.plugin).ok_or_else(|| refused("no such plugin".to_owned()))?;
            let config = canonical::to_string(&check.config).map_err(|error| refused(error.to_string()))?;
            Ok::<_, LoadGenerationError>(LoadedCheck {
                name: check.plugin.clone(),
                plugin: Arc::clone(plugin),
                required: check.required,
                config_digest: Digest::of(config.as_bytes()),
                config: config.into(),
            })
        });
        Ok((gate.name.clone(), checks.collect::<Result<Vec<_>, _>>()?))
    };
    policy.gates().iter().map(ready).collect()
}

impl App {
    /// Plugin bytes are evidence: a replay needs them after the policy has moved on. So is the text of the policy.
    pub(crate) async fn keep_plugins(&self, generation: &Generation) -> Result<(), LoadGenerationError> {
        let batch = put_policy_text(Batch::new(), &generation.policy.digest().0, &generation.text);
        let kept = self.store.commit(batch).await;
        kept.map_err(|error| LoadGenerationError::KeepPolicy { reason: error.to_string() })?;
        for (name, component) in &generation.components {
            let failed = |reason: String| LoadGenerationError::Keep { plugin: name.clone(), reason };
            let Some(plugin) = generation.plugins.get(name) else { continue };
            let key = keys::evidence(&plugin.digest());
            // Until the generation is in force, when it speaks for itself.
            self.known_evidence.pin([plugin.digest()], self.clock.now());
            if self.store.get(&key).map_err(|e| failed(e.to_string()))?.is_none() {
                let batch = Batch::new().put(key, codec::encode_raw(component));
                self.store.commit(batch).await.map_err(|e| failed(e.to_string()))?;
            }
        }
        Ok(())
    }

    /// Records something that has no state of its own; failing to is logged, and the gate will notice.
    pub(super) async fn note(&self, entry: &Entry) {
        if let Err(error) = self.record(std::slice::from_ref(entry), Batch::new()).await {
            tracing::error!(error = %error, entry.kind = entry.kind(), "entry could not be recorded");
        }
    }
}

async fn fetch(wanted: &policy::Plugin, folder: &Path) -> Result<Vec<u8>, LoadGenerationError> {
    let failed = |reason: String| LoadGenerationError::Fetch {
        plugin: wanted.name.clone(),
        from: wanted.source.to_string(),
        reason,
    };
    match &wanted.source {
        Source::File(path) => {
            let path = folder.join(path);
            tokio::fs::read(&path).await.map_err(|e| failed(format!("{}: {e}", path.display())))
        }
        Source::Https(url) => download(url).await.map_err(|e| failed(e.to_string())),
        Source::Oci(_) => {
            let reason = "`oci:` sources are not available in this version: use `file:` or `https:`";
            Err(failed(reason.to_owned()))
        }
    }
}

/// The bytes are trusted for their digest, not for where they come from.
async fn download(url: &str) -> Result<Vec<u8>, reqwest::Error> {
    let response = reqwest::get(url).await?.error_for_status()?;
    Ok(response.bytes().await?.to_vec())
}

async fn load(
    wanted: &policy::Plugin,
    component: Bytes,
    engine: &Engine,
) -> Result<Arc<Plugin>, LoadGenerationError> {
    let failed = |reason: String| LoadGenerationError::Limits { plugin: wanted.name.clone(), reason };
    let limits: Limits = match &wanted.limits {
        Some(table) => serde_json::from_value(table.clone()).map_err(|e| failed(e.to_string()))?,
        None => Limits::default(),
    };
    let (name, pinned, grants) = (wanted.name.clone(), wanted.digest, wanted.grants.clone());
    Ok(engine.load(Load { name, component, pinned, grants, limits }).await?)
}

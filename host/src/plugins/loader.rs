//! From bytes to a plugin that can be evaluated: verified, understood, linked with what it was granted, tried once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use countersign_core::canonical::{self, CanonicalError};
use countersign_core::check::Failure;
use countersign_core::digest::Digest;
use countersign_core::names::PluginName;
use countersign_core::policy::Grant;
use countersign_core::reads::Reads;
use serde_json::Value;
use wasmtime::component::{Component, InstancePre};

use super::bindings::{CheckPre, RulePre};
use super::capabilities::{self, Import};
use super::counters::Counters;
use super::engine::Engine;
use super::evaluate::{Account, CallValidate};
use super::input::{CheckInput, Input};
use super::limits::{Limits, LimitsError};
use super::manifest::{Kind, Manifest, ManifestError, Outline};
use super::schema::{ConfigError, ConfigErrors, Schema};
use super::sources::NoSources;
use super::state::State;

/// What the policy says about a plugin, and the bytes that were found.
#[derive(Debug, Clone)]
pub struct Load {
    pub name: PluginName,
    pub component: bytes::Bytes,
    /// The digest that the policy pins.
    pub pinned: Digest,
    pub grants: BTreeSet<Grant>,
    pub limits: Limits,
}

/// A plugin that can be evaluated.
pub struct Plugin {
    name: PluginName,
    digest: Digest,
    manifest: Manifest,
    imports: Vec<String>,
    limits: Arc<Limits>,
    schema: Schema,
    check: Option<CheckPre<State>>,
    rule: Option<RulePre<State>>,
    counters: Counters,
    /// Whether its last evaluation took longer than a guest may stay on its caller's thread.
    slow: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "plugin `{plugin}`: the policy pins `{pinned}` and the component is `{found}`. If this is the one that you \
         reviewed, write `digest = \"{found}\"` under `[[plugin]] name = \"{plugin}\"` in the policy"
    )]
    Digest { plugin: PluginName, pinned: Digest, found: Digest },
    #[error("plugin `{plugin}`: the component cannot be used")]
    Manifest { plugin: PluginName, source: ManifestError },
    #[error("plugin `{plugin}`")]
    Limits { plugin: PluginName, source: LimitsError },
    #[error(
        "plugin `{plugin}` imports `{import}`, which the policy does not grant. To allow it, write \
         `grants = [{}]` under `[[plugin]] name = \"{plugin}\"` in the policy", quoted(.grants)
    )]
    NotGranted { plugin: PluginName, import: String, grants: BTreeSet<Grant> },
    #[error(
        "plugin `{plugin}` imports what this server does not have: {}. It was built for another host, or for a \
         newer one", .imports.join(", ")
    )]
    UnknownImports { plugin: PluginName, imports: Vec<String> },
    #[error("plugin `{plugin}`: the config schema in its manifest is not a JSON Schema: {reason}")]
    Schema { plugin: PluginName, reason: String },
    #[error("plugin `{plugin}`: the component does not compile")]
    Compile { plugin: PluginName, source: wasmtime::Error },
    #[error(
        "plugin `{plugin}`: the component cannot be linked: it was built for another version of `countersign:plugin`"
    )]
    Link { plugin: PluginName, source: wasmtime::Error },
    #[error("plugin `{plugin}` failed when it was asked who it is: {}", .failure.message)]
    Describe { plugin: PluginName, failure: Failure },
    #[error("plugin `{plugin}` calls itself {said}, and its manifest says {manifest}: rebuild it")]
    Disagrees { plugin: PluginName, said: String, manifest: String },
    #[error("plugin `{plugin}`: the server is stopping")]
    Stopping { plugin: PluginName },
}

fn quoted(grants: &BTreeSet<Grant>) -> String {
    let words: Vec<String> = grants.iter().map(|grant| format!("\"{}\"", grant.as_str())).collect();
    words.join(", ")
}

/// Why a configuration is not one for a plugin.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    #[error("the config schema in its manifest is not a JSON Schema: {0}")]
    Schema(String),
    #[error(transparent)]
    Refused(#[from] ConfigErrors),
    #[error("the configuration has no canonical form")]
    Canonical(#[from] CanonicalError),
    #[error("the plugin failed when it was asked about the configuration: {}", .0.message)]
    Failed(Failure),
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// The policy's name for it.
    #[must_use]
    pub fn name(&self) -> &PluginName {
        &self.name
    }

    /// Of the component's bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What it reads of a version where it is a check, and all that it is shown of one: everything where there is none.
    #[must_use]
    pub const fn reads(&self) -> Option<&Reads> {
        self.manifest.reads.as_ref()
    }

    /// What the component imports, `namespace:package/interface@version`: the proof of what it can do.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    #[must_use]
    pub const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) const fn check(&self) -> Option<&CheckPre<State>> {
        self.check.as_ref()
    }

    pub(super) const fn rule(&self) -> Option<&RulePre<State>> {
        self.rule.as_ref()
    }

    /// Whether its guests may begin on their callers' threads: not after one that was to be moved away.
    pub(super) fn is_quick(&self) -> bool {
        !self.slow.load(Relaxed)
    }

    pub(super) fn note_time(&self, spent: Duration, tick: Duration) {
        self.slow.store(spent > tick, Relaxed);
    }
}

impl Engine {
    /// Verifies, compiles and links a component, and asks it who it is.
    ///
    /// # Errors
    /// See [`LoadError`]; every message names the plugin and what to do.
    pub async fn load(&self, load: Load) -> Result<Arc<Plugin>, LoadError> {
        let plugin = || load.name.clone();
        let cached = self.look_up(load.pinned);
        let found = Digest::of(&load.component);
        if found != load.pinned {
            return Err(LoadError::Digest { plugin: plugin(), pinned: load.pinned, found });
        }
        let outline = Outline::read(&load.component)
            .map_err(|source| LoadError::Manifest { plugin: plugin(), source })?;
        load.limits
            .check(self.config().memory_ceiling)
            .map_err(|source| LoadError::Limits { plugin: plugin(), source })?;
        check_imports(&load.name, &outline.imports, &load.grants)?;
        let schema = Schema::new(outline.manifest.config_schema.clone());
        let found = match cached {
            Some(looking) => looking.await.ok().flatten(),
            None => None,
        };
        let component = match found {
            // Its schema was compiled before its code was: it waits until a configuration is looked at.
            Some(component) => component,
            None => {
                schema.compile().map_err(|reason| LoadError::Schema { plugin: plugin(), reason })?;
                self.compiled(&load).await?
            }
        };
        let plugin = Arc::new(self.link(load, outline, schema, &component)?);
        self.check_identity(&plugin).await?;
        Ok(plugin)
    }

    /// Compiled, and put into the cache.
    async fn compiled(&self, load: &Load) -> Result<Component, LoadError> {
        let bytes = load.component.clone();
        let compiled = self.compile(move |engine| Component::from_binary(engine, &bytes)).await;
        let compiled = compiled.ok_or_else(|| LoadError::Stopping { plugin: load.name.clone() })?;
        let failed = |source| LoadError::Compile { plugin: load.name.clone(), source };
        let component = compiled.map_err(failed)?;
        self.keep(&component, load.pinned);
        Ok(component)
    }

    /// A cache that cannot be written costs time at the next start, nothing else.
    fn keep(&self, component: &Component, digest: Digest) {
        let Some(cache) = self.cache() else { return };
        let kept = component.serialize().map_err(|error| format!("{error:#}"));
        let kept = kept
            .and_then(|code| cache.store(self.wasmtime(), digest, &code).map_err(|error| error.to_string()));
        if let Err(error) = kept {
            tracing::warn!(plugin.digest = %digest, error, "compiled code was not kept: the next start compiles again");
        }
    }

    fn link(
        &self,
        load: Load,
        outline: Outline,
        schema: Schema,
        component: &Component,
    ) -> Result<Plugin, LoadError> {
        let failed = |source| LoadError::Link { plugin: load.name.clone(), source };
        let linker = self.linkers().granting(&load.grants);
        let pre: InstancePre<State> = linker.instantiate_pre(component).map_err(failed)?;
        let kinds = &outline.manifest.kinds;
        let check =
            kinds.contains(&Kind::Check).then(|| CheckPre::new(pre.clone())).transpose().map_err(failed)?;
        let rule = kinds.contains(&Kind::Rule).then(|| RulePre::new(pre)).transpose().map_err(failed)?;
        Ok(Plugin {
            name: load.name,
            digest: load.pinned,
            manifest: outline.manifest,
            imports: outline.imports,
            limits: Arc::new(load.limits),
            schema,
            check,
            rule,
            counters: Counters::default(),
            slow: AtomicBool::new(false),
        })
    }

    async fn check_identity(&self, plugin: &Arc<Plugin>) -> Result<(), LoadError> {
        let name = || plugin.name.clone();
        let (said, _) = self
            .account(plugin, "{}".to_owned())
            .await
            .map_err(|failure| LoadError::Describe { plugin: name(), failure })?;
        let said = format!("`{}` {}", said.name, said.version);
        let manifest = format!("`{}` {}", plugin.manifest.name, plugin.manifest.version);
        if said == manifest { Ok(()) } else { Err(LoadError::Disagrees { plugin: name(), said, manifest }) }
    }

    /// Checks a configuration: by the manifest's schema, then by the guest. Gives its canonical JSON, which is what
    /// the guest will be given.
    ///
    /// # Errors
    /// Lists everything that is wrong with it, or says how the guest failed.
    pub async fn validate_config(
        &self,
        plugin: &Arc<Plugin>,
        config: &Value,
    ) -> Result<String, ValidateError> {
        plugin.schema.compile().map_err(ValidateError::Schema)?.check(config)?;
        let text = canonical::to_string(config)?;
        let (_, verdict) = self.account(plugin, text.clone()).await.map_err(ValidateError::Failed)?;
        let errors = verdict.err().unwrap_or_default();
        if errors.is_empty() {
            return Ok(text);
        }
        let error = |error: super::bindings::types::ConfigError| ConfigError {
            pointer: error.pointer,
            message: error.message,
        };
        Err(ConfigErrors(errors.into_iter().map(error).collect()).into())
    }

    async fn account(&self, plugin: &Arc<Plugin>, config: String) -> Result<Account, Failure> {
        let call = CallValidate { plugin: Arc::clone(plugin), config };
        self.evaluate(call, Input::Check(Arc::new(CheckInput::empty())), Arc::new(NoSources), plugin.limits())
            .await
            .outcome
    }
}

/// What is linked is imports ∩ grants; what is imported and not granted is refused here, before anything is compiled.
fn check_imports(plugin: &PluginName, imports: &[String], grants: &BTreeSet<Grant>) -> Result<(), LoadError> {
    let unknown = |import: &&String| capabilities::classify(import) == Import::Unknown;
    let unknown: Vec<String> = imports.iter().filter(unknown).cloned().collect();
    if !unknown.is_empty() {
        return Err(LoadError::UnknownImports { plugin: plugin.clone(), imports: unknown });
    }
    let ungranted = |import: &&String| match capabilities::classify(import) {
        Import::Capability(capability) => capability != Grant::Log && !grants.contains(&capability),
        Import::Ambient | Import::Unknown => false,
    };
    let Some(import) = imports.iter().find(ungranted) else { return Ok(()) };
    let mut grants = needed(imports);
    grants.remove(&Grant::Log);
    Err(LoadError::NotGranted { plugin: plugin.clone(), import: import.clone(), grants })
}

fn needed(imports: &[String]) -> BTreeSet<Grant> {
    let capability = |import: &String| match capabilities::classify(import) {
        Import::Capability(capability) => Some(capability),
        Import::Ambient | Import::Unknown => None,
    };
    imports.iter().filter_map(capability).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(imports: &[&str], grants: &[Grant], expect: Result<(), &str>) {
        let imports: Vec<String> = imports.iter().map(ToString::to_string).collect();
        let got = check_imports(&PluginName::new("p"), &imports, &grants.iter().copied().collect());
        match (got, expect) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (got, expect) => panic!("{got:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn an_import_needs_a_grant_and_the_error_names_the_line() {
        let registry = "countersign:plugin/registry@0.1.0";
        let artifacts = "countersign:plugin/artifacts@0.1.0";
        check(&["countersign:plugin/log@0.1.0", "wasi:io/poll@0.2.6"], &[], Ok(()));
        check(&[registry], &[Grant::Registry], Ok(()));
        check(&[registry], &[Grant::Artifacts], Err("imports `countersign:plugin/registry@0.1.0`"));
        check(&[registry], &[], Err("grants = [\"registry\"]"));
        check(&[artifacts, registry], &[Grant::Registry], Err("grants = [\"registry\", \"artifacts\"]"));
        check(&["wasi:http/types@0.2.0", registry], &[], Err("does not have: wasi:http/types@0.2.0"));
    }
}

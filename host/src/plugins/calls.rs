//! The host's side of the capabilities: every call is charged, answered from the sources, and recorded.

use std::sync::Arc;

use bytes::Bytes;
use countersign_core::facts::VersionFacts;
use wasmtime::component::Resource;

use super::bindings::{artifacts, history, log as wit_log, registry, types as wit};
use super::blocks::{Block, Reader};
use super::convert;
use super::input::Input;
use super::limits::Limits;
use super::log::{Level, Log};
use super::sources::{AccessError, HistoryAnswer, HistoryQuery, RegistryAnswer, RegistryQuery, Sources};
use super::state::State;
use super::transcript::Recording;

/// Calls that still get a typed refusal after the budget is used up; then the guest is ended.
const GRACE: u32 = 1_000;

/// Bytes that one `read` gives at most.
const MAX_READ: u32 = 4 << 20;

/// Put into a store's error when its guest goes on calling after its budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("{0} host calls are allowed and the guest went on calling")]
pub(super) struct HostCallsUsed(u32);

/// The calls of one evaluation.
pub(super) struct HostCalls {
    pub(super) input: Input,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) limits: Arc<Limits>,
    pub(super) recording: Recording,
    pub(super) log: Log,
    pub(super) made: u32,
    pub(super) artifact_bytes: u64,
    /// Whether the guest was refused anything because a budget was used up.
    pub(super) refused: bool,
    registry_bytes: u64,
    last: Block,
}

impl HostCalls {
    pub(super) fn new(input: Input, sources: Arc<dyn Sources>, limits: Arc<Limits>) -> Self {
        Self {
            recording: Recording::new((*limits).clone()),
            input,
            sources,
            limits,
            log: Log::default(),
            made: 0,
            artifact_bytes: 0,
            refused: false,
            registry_bytes: 0,
            last: Block::default(),
        }
    }

    /// One more call. A guest that goes on after a typed refusal is ended.
    fn charge(&mut self) -> wasmtime::Result<Result<(), AccessError>> {
        self.made = self.made.saturating_add(1);
        let allowed = self.limits.host_calls;
        if self.made > allowed.saturating_add(GRACE) {
            return Err(wasmtime::Error::new(HostCallsUsed(allowed)));
        }
        Ok(if self.made > allowed { Err(self.refuse("host-calls", allowed)) } else { Ok(()) })
    }

    fn refuse(&mut self, limit: &str, allowed: impl std::fmt::Display) -> AccessError {
        self.refused = true;
        AccessError::Budget(format!(
            "`{limit}` allows {allowed}; raise it under `[plugin.limits]` in the policy"
        ))
    }

    async fn ask(&mut self, query: RegistryQuery) -> wasmtime::Result<Result<RegistryAnswer, AccessError>> {
        if let Err(refusal) = self.charge_answer()? {
            return Ok(Err(refusal));
        }
        let answer = self.sources.query(query.clone()).await;
        let answer = answer.map(|answer| answer.shown(self.input.reads()));
        let size = self.recording.registry(query, &answer)?;
        self.registry_bytes += size as u64;
        Ok(answer)
    }

    /// What Countersign has recorded counts as the registry does: both are answers in JSON.
    async fn recall(&mut self, query: HistoryQuery) -> wasmtime::Result<Result<HistoryAnswer, AccessError>> {
        if let Err(refusal) = self.charge_answer()? {
            return Ok(Err(refusal));
        }
        let answer = self.sources.history(query.clone()).await;
        let size = self.recording.history(query, &answer)?;
        self.registry_bytes += size as u64;
        Ok(answer)
    }

    /// One more call that is answered in JSON.
    fn charge_answer(&mut self) -> wasmtime::Result<Result<(), AccessError>> {
        let charged = self.charge()?;
        if charged.is_ok() && self.registry_bytes > self.limits.registry_bytes {
            return Ok(Err(self.refuse("registry-bytes", self.limits.registry_bytes)));
        }
        Ok(charged)
    }

    async fn version(&mut self, query: RegistryQuery) -> Asked<Option<wit::ModelVersion>> {
        Ok(match self.ask(query).await? {
            Ok(RegistryAnswer::Version(found)) => Ok(found.as_deref().map(convert::version)),
            Ok(RegistryAnswer::History(_)) => Err(mixed_up()),
            Err(error) => Err(error.into()),
        })
    }

    async fn read(
        &mut self,
        reader: &mut Reader,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Result<Bytes, AccessError>> {
        if let Err(refusal) = self.charge()? {
            return Ok(Err(refusal));
        }
        let left = reader.file.size.saturating_sub(offset);
        let len = u32::try_from(left).unwrap_or(u32::MAX).min(len).min(MAX_READ);
        let allowed = self.limits.artifact_bytes;
        if self.artifact_bytes.saturating_add(len.into()) > allowed {
            return Ok(Err(self.refuse("artifact-bytes", allowed)));
        }
        if len == 0 {
            return Ok(Ok(Bytes::new()));
        }
        let answer = reader.read(&self.sources, &mut self.last, (offset, len)).await;
        self.recording.artifacts((reader.file.path.clone(), offset, len), &answer);
        self.artifact_bytes += answer.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(answer)
    }
}

type Asked<T> = wasmtime::Result<Result<T, wit::AccessError>>;

fn mixed_up() -> wit::AccessError {
    wit::AccessError::Unavailable("the registry answered another question".to_owned())
}

impl wit::Host for State {}

impl wit_log::Host for State {
    fn write(&mut self, level: wit_log::Level, message: String) -> wasmtime::Result<()> {
        if self.calls.charge()?.is_err() {
            self.calls.log.dropped += 1;
            return Ok(());
        }
        let level = match level {
            wit_log::Level::Debug => Level::Debug,
            wit_log::Level::Info => Level::Info,
            wit_log::Level::Warn => Level::Warn,
            wit_log::Level::Error => Level::Error,
        };
        self.calls.log.write(&self.calls.limits, level, message);
        Ok(())
    }
}

impl registry::Host for State {
    async fn get_version(&mut self, model: String, version: String) -> Asked<wit::ModelVersion> {
        let missing = format!("model `{model}` has no version {version}");
        let found = self.calls.version(RegistryQuery::GetVersion { model, version }).await?;
        Ok(found.and_then(|found| found.ok_or(wit::AccessError::NotFound(missing))))
    }

    async fn version_by_alias(&mut self, model: String, alias: String) -> Asked<Option<wit::ModelVersion>> {
        self.calls.version(RegistryQuery::VersionByAlias { model, alias }).await
    }

    async fn version_in_stage(&mut self, model: String, stage: String) -> Asked<Option<wit::ModelVersion>> {
        self.calls.version(RegistryQuery::VersionInStage { model, stage }).await
    }

    async fn metric_history(&mut self, run_id: String, metric: String) -> Asked<Vec<wit::Metric>> {
        Ok(match self.calls.ask(RegistryQuery::MetricHistory { run_id, metric }).await? {
            Ok(RegistryAnswer::History(values)) => Ok(values.iter().map(convert::metric).collect()),
            Ok(RegistryAnswer::Version(_)) => Err(mixed_up()),
            Err(error) => Err(error.into()),
        })
    }
}

impl history::Host for State {
    async fn alias_holdings(&mut self, model: String, version: String) -> Asked<Vec<history::AliasHolding>> {
        Ok(match self.calls.recall(HistoryQuery::AliasHoldings { model, version }).await? {
            Ok(HistoryAnswer::Holdings(held)) => Ok(held.into_iter().map(convert::holding).collect()),
            Ok(HistoryAnswer::Decisions(_)) => Err(mixed_up()),
            Err(error) => Err(error.into()),
        })
    }

    async fn decisions(&mut self, model: String, version: String) -> Asked<Vec<history::Decision>> {
        Ok(match self.calls.recall(HistoryQuery::Decisions { model, version }).await? {
            Ok(HistoryAnswer::Decisions(made)) => Ok(made.into_iter().map(convert::decision).collect()),
            Ok(HistoryAnswer::Holdings(_)) => Err(mixed_up()),
            Err(error) => Err(error.into()),
        })
    }
}

/// What a handle of the guest stands for.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct OpenArtifact {
    reader: Reader,
}

impl artifacts::Host for State {
    fn open(&mut self, path: String) -> Asked<Resource<OpenArtifact>> {
        if let Err(refusal) = self.calls.charge()? {
            return Ok(Err(refusal.into()));
        }
        let facts: &VersionFacts = self.calls.input.version();
        let Some(file) = facts.files.iter().find(|file| file.path == path) else {
            return Ok(Err(wit::AccessError::NotFound(format!("the version has no file `{path}`"))));
        };
        let artifact = OpenArtifact { reader: Reader::new(file.clone()) };
        let allowed = self.calls.limits.resources;
        Ok(self.table.push(artifact).map_err(|_| self.calls.refuse("resources", allowed).into()))
    }
}

impl artifacts::HostArtifact for State {
    fn path(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<String> {
        Ok(self.table.get(&artifact)?.reader.file.path.clone())
    }

    fn size(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&artifact)?.reader.file.size)
    }

    fn digest(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&artifact)?.reader.file.digest.map(|digest| digest.to_string()))
    }

    async fn read(&mut self, artifact: Resource<OpenArtifact>, offset: u64, len: u32) -> Asked<Vec<u8>> {
        let Self { table, calls, .. } = self;
        let reader = &mut table.get_mut(&artifact)?.reader;
        Ok(calls.read(reader, offset, len).await?.map(Vec::from).map_err(Into::into))
    }

    fn drop(&mut self, artifact: Resource<OpenArtifact>) -> wasmtime::Result<()> {
        self.table.delete(artifact)?;
        Ok(())
    }
}

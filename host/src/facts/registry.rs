//! What a plugin may ask of the registry beyond its subject.

use std::sync::Arc;

use bytes::Bytes;
use countersign_core::facts::{Metric, MetricOrigin};
use countersign_core::names::{Alias, ModelName, Stage, Version, Workspace};
use countersign_core::time::{Millis, Span};

use super::cache::{FactsCache, Subject};
use super::collect::{FactsError, Snapshot};
use super::translate;
use crate::mlflow::ReadError;

impl FactsCache {
    /// The facts of the version that holds an alias now; `None` when none does.
    ///
    /// # Errors
    /// See [`FactsError`]; a model that is not in the registry is one.
    pub async fn version_by_alias(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        alias: &Alias,
        now: Millis,
        max_age: Span,
    ) -> Result<Option<Arc<Snapshot>>, FactsError> {
        let version = self.collector().client().version_by_alias(workspace, model, alias).await?;
        self.found(workspace, model, version, now, max_age).await
    }

    /// The facts of the newest version in a stage; `None` when there is none.
    ///
    /// # Errors
    /// See [`FactsError`]; a model that is not in the registry is one.
    pub async fn version_in_stage(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        stage: Stage,
        now: Millis,
        max_age: Span,
    ) -> Result<Option<Arc<Snapshot>>, FactsError> {
        let version = self.collector().client().version_in_stage(workspace, model, stage).await?;
        self.found(workspace, model, version, now, max_age).await
    }

    /// Every recorded value of one metric of one run, oldest first.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn metric_history(
        &self,
        workspace: &Workspace,
        run_id: &str,
        metric: &str,
    ) -> Result<Vec<Metric>, ReadError> {
        let history = self.collector().client().metric_history(workspace, run_id, metric).await?;
        Ok(history.iter().map(|metric| translate::metric(metric, MetricOrigin::Run)).collect())
    }

    /// At most `len` bytes of one of a snapshot's files from `offset`. `None` when it is not known where they are.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_file(
        &self,
        snapshot: &Snapshot,
        path: &str,
        offset: u64,
        len: u32,
    ) -> Result<Option<Bytes>, ReadError> {
        let Some(location) = &snapshot.artifacts else { return Ok(None) };
        let workspace = &snapshot.facts.version.subject.workspace;
        let client = self.collector().client();
        client.read_artifact(workspace, location, path, offset, len).await.map(Some)
    }

    async fn found(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Option<Version>,
        now: Millis,
        max_age: Span,
    ) -> Result<Option<Arc<Snapshot>>, FactsError> {
        let Some(version) = version else { return Ok(None) };
        let subject = Subject { workspace: workspace.clone(), model: model.clone(), version };
        self.get(&subject, now, max_age).await.map(Some)
    }
}

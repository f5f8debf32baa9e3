//! Where a plugin's questions are answered while it is live: from the registry and from our own records, in the
//! subject's workspace.

use std::sync::Arc;

use bytes::Bytes;
use countersign_core::names::{Alias, ModelName, Stage, Version, Workspace};

use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::App;
use super::history::recall;
use super::registry::{Registry, RegistryError};
use crate::facts::Snapshot;
use crate::mlflow::artifacts::Location;
use crate::plugins::{
    AccessError, Answer, HistoryAnswer, HistoryQuery, RegistryAnswer, RegistryQuery, Sources,
};
use crate::store::Store;

/// The registry and the files of one subject.
pub(super) struct LiveSources {
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    workspace: Workspace,
    artifacts: Option<Location>,
    /// Where connections live. Plugins run on threads of their own, which have no sockets and must not own any.
    network: Handle,
}

impl LiveSources {
    /// To be called where requests are served: what is asked is fetched there.
    pub(super) fn new(app: &App, snapshot: &Snapshot) -> Self {
        Self {
            registry: Arc::clone(&app.registry),
            store: Arc::clone(&app.store),
            workspace: snapshot.facts.version.subject.workspace.clone(),
            artifacts: snapshot.artifacts.clone(),
            network: Handle::current(),
        }
    }

    /// Fetches on the network's threads; a plugin that is stopped stops its question.
    fn fetch<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, AccessError>> + Send + 'static,
    ) -> Answer<T> {
        let asked = AbortOnDropHandle::new(self.network.spawn(question));
        Box::pin(async move {
            asked
                .await
                .unwrap_or_else(|ended| Err(AccessError::Unavailable(format!("nobody answered: {ended}"))))
        })
    }
}

impl Sources for LiveSources {
    fn query(&self, query: RegistryQuery) -> Answer<RegistryAnswer> {
        let (registry, workspace) = (Arc::clone(&self.registry), self.workspace.clone());
        self.fetch(async move { answer(&registry, &workspace, query).await })
    }

    fn history(&self, query: HistoryQuery) -> Answer<HistoryAnswer> {
        let answer = recall(&*self.store, &self.workspace, &query);
        Box::pin(async { answer })
    }

    fn read(&self, path: &str, offset: u64, len: u32) -> Answer<Bytes> {
        let registry = Arc::clone(&self.registry);
        let (workspace, artifacts, path) = (self.workspace.clone(), self.artifacts.clone(), path.to_owned());
        self.fetch(async move {
            let location = artifacts.ok_or_else(|| {
                AccessError::Unavailable("MLflow cannot list the files of this version".to_owned())
            })?;
            let read = registry.read(&workspace, &location, (&path, offset, len)).await;
            read.map_err(|error| AccessError::Unavailable(error.reason()))
        })
    }
}

/// Also asked before a kept check run is used again.
pub(super) async fn answer(
    registry: &Registry,
    workspace: &Workspace,
    query: RegistryQuery,
) -> Result<RegistryAnswer, AccessError> {
    let version = |found: Option<Arc<Snapshot>>| {
        RegistryAnswer::Version(found.map(|found| Box::new(found.facts.version.clone())))
    };
    match query {
        RegistryQuery::GetVersion { model, version: number } => {
            let number = Version::parse(&number)
                .ok_or_else(|| AccessError::NotFound(format!("`{number}` is not a version")))?;
            let found = registry.get(workspace, &ModelName::new(model), number).await;
            found.map(|found| version(Some(found))).map_err(|e| access(&e.into()))
        }
        RegistryQuery::VersionByAlias { model, alias } => {
            let found = registry.by_alias(workspace, &ModelName::new(model), &Alias::new(alias)).await;
            found.map(version).map_err(|e| access(&e))
        }
        RegistryQuery::VersionInStage { model, stage } => {
            let stage = Stage::parse(&stage)
                .ok_or_else(|| AccessError::NotFound(format!("`{stage}` is not a stage")))?;
            let found = registry.in_stage(workspace, &ModelName::new(model), stage).await;
            found.map(version).map_err(|e| access(&e))
        }
        RegistryQuery::MetricHistory { run_id, metric } => {
            let history = registry.metric_history(workspace, &run_id, &metric).await;
            history.map(RegistryAnswer::History).map_err(|e| access(&e.into()))
        }
    }
}

fn access(error: &RegistryError) -> AccessError {
    if error.is_not_found() {
        AccessError::NotFound(error.to_string())
    } else {
        AccessError::Unavailable(error.to_string())
    }
}

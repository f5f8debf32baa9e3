//! The registry as the app sees it: facts by version, alias, stage or source, remembered for as long as nothing
//! says that they have changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign_core::action::{Action, ArtifactPlace, Placed, Registration};
use countersign_core::classify::Touch;
use countersign_core::facts::Metric;
use countersign_core::names::{Alias, ModelName, Stage, Version, Workspace};
use countersign_core::time::{Millis, Span};

use crate::clock::Clock;
use crate::config::AtWrite;
use crate::facts::{Changed, FactsCache, FactsError, Snapshot, Subject};
use crate::mlflow::artifacts::Location;
use crate::mlflow::types::RegisteredModel;
use crate::mlflow::{Client, ReadError};

/// Reads through the facts cache.
pub struct Registry {
    pub cache: FactsCache,
    pub client: Client,
    clock: Arc<dyn Clock>,
    max_age: Span,
    at_write: AtWrite,
    /// Models as they were last read: which version an alias names.
    models: Mutex<HashMap<(Workspace, ModelName), Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    read_at: Millis,
    model: Arc<RegisteredModel>,
}

/// More models than this are forgotten all at once rather than one by one: they are cheap to read again.
const MAX_MODELS: usize = 1_024;

impl Registry {
    /// `max_age` is how long facts are believed without asking again.
    #[must_use]
    pub fn new(cache: FactsCache, clock: Arc<dyn Clock>, max_age: Span, at_write: AtWrite) -> Self {
        let client = cache.collector().client().clone();
        Self { cache, client, clock, max_age, at_write, models: Mutex::default() }
    }

    /// Resolves when the store has every digest of a file that is known by now.
    pub async fn kept(&self) {
        self.cache.collector().kept().await;
    }

    pub(super) async fn get(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<Arc<Snapshot>, FactsError> {
        let subject = Subject { workspace: workspace.clone(), model: model.clone(), version };
        self.cache.get(&subject, self.clock.now(), self.max_age).await
    }

    /// Never remembered: what is registered from a run or a file may change until it is.
    pub(super) async fn of_source(
        &self,
        workspace: &Workspace,
        registration: &Registration,
    ) -> Result<Arc<Snapshot>, FactsError> {
        let collector = self.cache.collector();
        Ok(Arc::new(collector.collect_source(workspace, registration, self.clock.now()).await?))
    }

    /// The version that an alias names, with its facts.
    ///
    /// # Errors
    /// When the registry does not say; a model that is not there is one.
    pub async fn by_alias(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        alias: &Alias,
    ) -> Result<Option<Arc<Snapshot>>, RegistryError> {
        let found = self.model(workspace, model).await?;
        let held = found.aliases.iter().find(|held| held.alias == alias.as_str());
        self.facts_of(workspace, model, held.and_then(|held| Version::parse(&held.version))).await
    }

    /// The newest version in a stage, with its facts.
    pub(super) async fn in_stage(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        stage: Stage,
    ) -> Result<Option<Arc<Snapshot>>, RegistryError> {
        let found = self.model(workspace, model).await?;
        let staged = found.latest_versions.iter().filter(|v| Stage::parse(&v.current_stage) == Some(stage));
        self.facts_of(workspace, model, staged.filter_map(|v| Version::parse(&v.version)).max()).await
    }

    async fn facts_of(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Option<Version>,
    ) -> Result<Option<Arc<Snapshot>>, RegistryError> {
        match version {
            Some(version) => Ok(Some(self.get(workspace, model, version).await?)),
            None => Ok(None),
        }
    }

    async fn model(
        &self,
        workspace: &Workspace,
        model: &ModelName,
    ) -> Result<Arc<RegisteredModel>, ReadError> {
        let (key, now) = ((workspace.clone(), model.clone()), self.clock.now());
        let known = self.models().get(&key).cloned();
        if let Some(known) = known.filter(|known| now.since(known.read_at) < self.max_age.as_millis()) {
            return Ok(known.model);
        }
        let model = Arc::new(self.client.model(workspace, model).await?);
        let mut models = self.models();
        if models.len() >= MAX_MODELS {
            models.clear();
        }
        models.insert(key, Remembered { read_at: now, model: Arc::clone(&model) });
        Ok(model)
    }

    fn models(&self) -> MutexGuard<'_, HashMap<(Workspace, ModelName), Remembered>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.cache.metric_history(workspace, run_id, metric).await
    }

    /// At most `len` bytes of one file from an offset.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(
        &self,
        workspace: &Workspace,
        location: &Location,
        (path, offset, len): (&str, u64, u32),
    ) -> Result<Bytes, ReadError> {
        self.client.read_artifact(workspace, location, path, offset, len).await
    }

    /// Takes in a write that was made: an alias that moved is noted, anything else is forgotten.
    pub(super) fn made(&self, placed: &Placed) {
        let Action::SetAlias { model, alias, version } = &placed.action else { return self.touch(placed) };
        self.models().remove(&(placed.workspace.clone(), model.clone()));
        self.cache.alias_moved(&placed.workspace, model, alias, *version);
    }

    /// Forgets what a write may have changed.
    pub(super) fn touch(&self, placed: &Placed) {
        match &placed.action {
            Action::WriteArtifact { place: ArtifactPlace::Root { path }, .. } => {
                self.cache.forget(&Changed::Artifact(path.clone()));
            }
            Action::WriteArtifact { place: ArtifactPlace::Run { run_id, .. }, .. } => {
                self.cache.forget(&Changed::Run(run_id.clone()));
            }
            Action::WriteArtifact { place: ArtifactPlace::LoggedModel { model_id, .. }, .. } => {
                self.cache.forget(&Changed::LoggedModel(model_id.clone()));
            }
            action => match action.model() {
                Some(model) => self.touch_model(&placed.workspace, model),
                None => self.cache.forget(&Changed::Everything),
            },
        }
    }

    /// Whether remembered facts may let a write through.
    pub(super) fn trusts_memory(&self) -> bool {
        self.at_write == AtWrite::Remembered
    }

    /// Forgets what is known of whatever this action would promote: what is read next is as the registry says now.
    pub(super) fn look_again(&self, placed: &Placed) {
        if let Action::RegisterVersion(registration) = &placed.action
            && let Some((model, _)) = registration.copied_from()
        {
            self.touch_model(&placed.workspace, &model);
        }
        match placed.action.model() {
            Some(model) => self.touch_model(&placed.workspace, model),
            None => self.touch(placed),
        }
    }

    pub(super) fn touch_model(&self, workspace: &Workspace, model: &ModelName) {
        self.models().remove(&(workspace.clone(), model.clone()));
        self.cache.forget(&Changed::Model(workspace.clone(), model.clone()));
    }

    /// As [`Self::touch`], of a write whose body nobody read.
    pub fn touched(&self, touch: &Touch) {
        match touch {
            Touch::LoggedModel { model_id } => self.cache.forget(&Changed::LoggedModel(model_id.clone())),
            Touch::Runs | Touch::LoggedModels => self.cache.forget(&Changed::Everything),
        }
    }
}

/// Why the registry gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl RegistryError {
    pub(super) const fn is_not_found(&self) -> bool {
        match self {
            Self::Facts(error) => matches!(error, FactsError::NotFound { .. }),
            Self::Read(error) => error.is_not_found(),
        }
    }
}

//! The sweeper: an intent without an outcome is resolved against the registry, and recorded, never edited.

use countersign_core::action::{Action, Placed};
use countersign_core::entry::{Intent, OutcomeResult};
use countersign_core::names::Stage;

use super::records::OpenIntent;
use super::{App, AppError};
use crate::mlflow::ReadError;
use crate::store::{Scan, codec, keys};

/// How old an orphan must be, in milliseconds, before it is one: MLflow may still be busy with it.
const ORPHAN_AGE: i64 = 30_000;

impl App {
    /// Resolves orphans. `at_start`: nothing of ours is on its way, so age does not matter.
    ///
    /// # Errors
    /// When the registry or the store cannot be read.
    pub async fn sweep(&self, at_start: bool) -> Result<u64, AppError> {
        let (mut swept, mut open) = (0_u64, 0_u64);
        for (key, value) in self.store.scan(&Scan::prefix(keys::open_intents()))? {
            let orphan: OpenIntent = codec::decode(&key, &value)?;
            open += 1;
            if key.last_id().is_some_and(|id| self.concluding.is_under_way(id)) {
                continue;
            }
            if at_start || self.clock.now().since(orphan.at) >= ORPHAN_AGE {
                self.resolve(&orphan).await?;
                crash_point!(OrphanResolved);
                swept += 1;
            }
        }
        self.metrics.open_intents(open - swept);
        Ok(swept)
    }

    async fn resolve(&self, orphan: &OpenIntent) -> Result<(), AppError> {
        let (intent, index) = self.open_intent(orphan)?;
        let intent = &intent;
        if matches!(intent.placed.action, Action::WriteArtifact { .. }) {
            return self.resolve_files(intent, index).await;
        }
        let shows = match self.registry_shows(&intent.placed).await {
            // A model or a version that is not there does not show the change.
            Err(error) if error.is_not_found() => false,
            shows => shows?,
        };
        let result = if shows { OutcomeResult::FoundApplied } else { OutcomeResult::FoundNotApplied };
        let request = self.approved_request(intent)?;
        crash_point!(OrphanFound);
        tracing::warn!(intent.index = index, outcome = ?result, "orphaned intent resolved");
        self.try_conclude(intent, index, request, &result).await
    }

    /// A file does not say who wrote it, so that the version is looked at again in either case.
    async fn resolve_files(&self, intent: &Intent, index: u64) -> Result<(), AppError> {
        let request = self.approved_request(intent)?;
        tracing::warn!(intent.index = index, "nobody knows whether files were written");
        self.try_conclude(intent, index, request, &OutcomeResult::CannotTell).await?;
        self.registry.touch(&intent.placed);
        self.undermine_all(intent.subject.iter().chain(&intent.also)).await
    }

    /// Whether the registry is as the write would have left it.
    pub(super) async fn registry_shows(&self, placed: &Placed) -> Result<bool, ReadError> {
        let (workspace, client) = (&placed.workspace, &self.registry.client);
        match &placed.action {
            Action::SetAlias { model, alias, version } => {
                Ok(client.version_by_alias(workspace, model, alias).await? == Some(*version))
            }
            Action::TransitionStage { model, version, stage, .. } => {
                let found = client.version(workspace, model, *version).await?;
                Ok(Stage::parse(&found.current_stage) == Some(*stage))
            }
            Action::RegisterVersion(registration) => {
                let found = client.model(workspace, &registration.model).await?;
                Ok(found.latest_versions.iter().any(|version| version.source == registration.source))
            }
            action => self.registry_lacks(placed, action).await,
        }
    }

    /// As [`Self::registry_shows`], of what takes something away: it shows by what is not there any more.
    async fn registry_lacks(&self, placed: &Placed, action: &Action) -> Result<bool, ReadError> {
        let (workspace, client) = (&placed.workspace, &self.registry.client);
        match action {
            Action::DeleteAlias { model, alias } => {
                Ok(client.version_by_alias(workspace, model, alias).await?.is_none())
            }
            Action::DeleteVersion { model, version } => {
                gone(client.version(workspace, model, *version).await)
            }
            Action::DeleteModel { model } => gone(client.model(workspace, model).await),
            Action::RenameModel { model, new_name } => {
                client.model(workspace, new_name).await?;
                gone(client.model(workspace, model).await)
            }
            Action::SetVersionTag { model, version, key, value } => {
                let found = client.version(workspace, model, *version).await?;
                Ok(found.tags.iter().any(|tag| tag.key == *key && tag.value == *value))
            }
            Action::DeleteVersionTag { model, version, key } => {
                let found = client.version(workspace, model, *version).await?;
                Ok(found.tags.iter().all(|tag| tag.key != *key))
            }
            Action::UpdateVersion { model, version, description } => {
                let found = client.version(workspace, model, *version).await?;
                Ok(description.as_ref().is_none_or(|text| found.description == *text))
            }
            action => self.model_says(placed, action).await,
        }
    }

    /// As [`Self::registry_shows`], of what is said about a model.
    async fn model_says(&self, placed: &Placed, action: &Action) -> Result<bool, ReadError> {
        let Some(model) = action.model() else { return Ok(false) };
        let found = self.registry.client.model(&placed.workspace, model).await?;
        Ok(match action {
            Action::SetModelTag { key, value, .. } => {
                found.tags.iter().any(|tag| tag.key == *key && tag.value == *value)
            }
            Action::DeleteModelTag { key, .. } => found.tags.iter().all(|tag| tag.key != *key),
            Action::UpdateModel { description, .. } => {
                description.as_ref().is_none_or(|text| found.description == *text)
            }
            _ => false,
        })
    }
}

fn gone<T>(found: Result<T, ReadError>) -> Result<bool, ReadError> {
    match found {
        Err(error) if error.is_not_found() => Ok(true),
        found => found.map(|_| false),
    }
}

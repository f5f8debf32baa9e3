//! What versions hold now: read only for actions whose governance depends on it.

use std::collections::BTreeMap;

use countersign_core::action::{Action, ArtifactPlace, Placed};
use countersign_core::names::{Alias, ModelName, Stage, Version, Workspace};
use countersign_core::policy::{Held, Holdings, Policy};

use super::App;
use super::registry::RegistryError;
use crate::facts::Snapshot;
use crate::mlflow::ReadError;
use crate::mlflow::types::RegisteredModel;

impl App {
    /// The holdings that the policy must know to judge this action. What cannot be read is `Unknown`, which
    /// never counts as "none".
    pub(super) async fn holdings(&self, policy: &Policy, placed: &Placed) -> Holdings {
        if !policy.needs_holdings(&placed.action) {
            return Holdings::none();
        }
        let found = match &placed.action {
            Action::WriteArtifact { place, .. } => self.held_below_settled(&placed.workspace, place).await,
            action => match action.model() {
                Some(model) => {
                    let held = self.held_by(&placed.workspace, model, action.version()).await;
                    held.map_err(RegistryError::from)
                }
                None => Ok(Vec::new()),
            },
        };
        found.map_or_else(|error| Holdings::Unknown(error.to_string()), Holdings::Known)
    }

    /// Every version of a model that holds something, and of the one that is named what it holds: MLflow lists only the
    /// newest of each stage.
    async fn held_by(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        named: Option<Version>,
    ) -> Result<Vec<Held>, ReadError> {
        let mut held = self.held_by_model(workspace, model).await?;
        let Some(version) = named else { return Ok(held) };
        let stage = match self.registry.client.version(workspace, model, version).await {
            Err(error) if error.is_not_found() => return Ok(held),
            found => Stage::parse(&found?.current_stage).unwrap_or(Stage::None),
        };
        match held.iter_mut().find(|held| held.version == version) {
            Some(known) => known.stage = stage,
            None if stage != Stage::None => {
                held.push(Held { model: model.clone(), version, aliases: Vec::new(), stage });
            }
            None => {}
        }
        Ok(held)
    }

    /// Every version of a model that holds something. A model that is not there holds nothing.
    async fn held_by_model(&self, workspace: &Workspace, model: &ModelName) -> Result<Vec<Held>, ReadError> {
        match self.registry.client.model(workspace, model).await {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            found => Ok(held(&found?)),
        }
    }

    /// As [`Self::held_below`]. A version that was renamed or deleted while it was looked at is looked for again: under
    /// another name it holds what it held.
    async fn held_below_settled(
        &self,
        workspace: &Workspace,
        place: &ArtifactPlace,
    ) -> Result<Vec<Held>, RegistryError> {
        const TRIES: usize = 3;
        for _ in 1..TRIES {
            match self.held_below(workspace, place).await {
                Err(error) if error.is_not_found() => {}
                held => return held,
            }
        }
        self.held_below(workspace, place).await
    }

    /// Every version, of any model, whose files lie at or below a place. MLflow cannot be asked by location, so
    /// every version that holds something is looked at; there are few of those.
    async fn held_below(
        &self,
        workspace: &Workspace,
        place: &ArtifactPlace,
    ) -> Result<Vec<Held>, RegistryError> {
        let (mut page, mut below) = (None, Vec::new());
        loop {
            let models = self.registry.client.search_models(workspace, page.as_deref()).await?;
            for held in models.items.iter().flat_map(held) {
                let at = self.registry.get(workspace, &held.model, held.version).await?;
                if lies_at(&at, place) {
                    below.push(held);
                }
            }
            match models.next {
                Some(next) => page = Some(next),
                None => return Ok(below),
            }
        }
    }
}

/// Whether a write there could change the files of this version.
fn lies_at(snapshot: &Snapshot, place: &ArtifactPlace) -> bool {
    let version = &snapshot.facts.version;
    match place {
        ArtifactPlace::Root { path } => {
            let root = snapshot.artifacts.as_ref().and_then(|location| location.proxied_path(""));
            root.is_none_or(|root| below(path, &root) || below(&root, path))
        }
        ArtifactPlace::Run { run_id, .. } => version.run.as_ref().is_some_and(|run| run.id == *run_id),
        ArtifactPlace::LoggedModel { model_id, .. } => {
            version.logged_model.as_ref().is_some_and(|model| model.id == *model_id)
        }
    }
}

fn below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_matches('/');
    let rest = path.trim_matches('/').strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Groups aliases and stages by version.
fn held(model: &RegisteredModel) -> Vec<Held> {
    let mut held: BTreeMap<Version, Held> = BTreeMap::new();
    let name = ModelName::new(&model.name);
    let empty = |version| Held { model: name.clone(), version, aliases: Vec::new(), stage: Stage::None };
    for alias in &model.aliases {
        let Some(version) = Version::parse(&alias.version) else { continue };
        held.entry(version).or_insert_with(|| empty(version)).aliases.push(Alias::new(&alias.alias));
    }
    for staged in &model.latest_versions {
        let stage = Stage::parse(&staged.current_stage).filter(|stage| *stage != Stage::None);
        let (Some(version), Some(stage)) = (Version::parse(&staged.version), stage) else { continue };
        held.entry(version).or_insert_with(|| empty(version)).stage = stage;
    }
    held.into_values().collect()
}

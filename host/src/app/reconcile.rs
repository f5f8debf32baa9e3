//! Reconciliation: the registry as it is against what we permitted. Webhooks are lossy and post-commit, so this
//! comparison, on an interval and at start, is what proves that nothing went round us unseen.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::names::{ModelName, Stage, Version, Workspace};

use super::bypass::{Name, alias_name, stage_name, version_name, watched};
use super::history::put_holding;
use super::records::Holding;
use super::{App, AppError};
use crate::mlflow::types::RegisteredModel;
use crate::store::{Batch, Scan, codec, keys};

impl App {
    /// Compares every governed name of every model. Gives the number of bypasses found.
    ///
    /// # Errors
    /// When the registry or the store cannot be read.
    pub async fn reconcile(&self) -> Result<usize, AppError> {
        let generation = self.generation.load_full();
        if generation.policy.gates().iter().all(|gate| gate.mode == countersign_core::policy::Mode::Off) {
            return Ok(0);
        }
        let began = self.clock.now();
        let baseline = self.store.get(&keys::baseline())?.is_none();
        let mut found = 0;
        for workspace in &self.workspaces {
            found += self.reconcile_workspace(workspace, baseline).await?;
        }
        if baseline {
            crash_point!(BaselineNoted);
            self.store.commit(Batch::new().put(keys::baseline(), codec::encode(&began)?)).await?;
        }
        for workspace in &self.workspaces {
            self.watch_tiers(workspace).await?;
        }
        Ok(found)
    }

    async fn reconcile_workspace(&self, workspace: &Workspace, baseline: bool) -> Result<usize, AppError> {
        let (mut page, mut found, mut seen) = (None, 0, BTreeSet::new());
        loop {
            let models = self.registry.client.search_models(workspace, page.as_deref()).await?;
            for model in &models.items {
                let name = ModelName::new(&model.name);
                found += self.reconcile_model(workspace, &name, Some(model), baseline).await?;
                seen.insert(name);
            }
            match models.next {
                Some(next) => page = Some(next),
                None => break,
            }
        }
        found += self.reconcile_gone(workspace, &seen).await?;
        self.put_back_owed(workspace).await?;
        Ok(found)
    }

    /// Compares one model, after a hint.
    ///
    /// # Errors
    /// As [`App::reconcile`].
    pub async fn reconcile_one(&self, workspace: &Workspace, model: &ModelName) -> Result<usize, AppError> {
        if self.store.get(&keys::baseline())?.is_none() {
            return Ok(0);
        }
        let found = match self.registry.client.model(workspace, model).await {
            Ok(found) => Some(found),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        let bypasses = self.reconcile_model(workspace, model, found.as_ref(), false).await?;
        self.watch_tiers_of(workspace, model).await?;
        Ok(bypasses)
    }

    async fn reconcile_model(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        found: Option<&RegisteredModel>,
        baseline: bool,
    ) -> Result<usize, AppError> {
        let generation = self.generation.load_full();
        let actual = found.map(held_names).unwrap_or_default();
        let known = self.known_holdings(workspace, model)?;
        let (mut bypasses, mut noted) = (0, Vec::new());
        let names: Vec<&Name> =
            actual.keys().chain(known.keys().filter(|n| !actual.contains_key(*n))).collect();
        for name in names {
            let (is, was) = (actual.get(name).copied(), known.get(name));
            if was.and_then(|holding| holding.version) == is {
                continue;
            }
            let Some(on_bypass) = watched(&generation.policy, model, name) else {
                // A policy that comes later may watch it: what it holds until then is no bypass.
                if is.is_some() || name.starts_with("alias:") {
                    noted.push((name, is));
                }
                continue;
            };
            let Some(is) = self.moved(workspace, model, name, was).await? else { continue };
            if is.is_none() && !self.is_gone(workspace, model, name).await? {
                continue;
            }
            if baseline && was.is_none() {
                noted.push((name, is));
            } else {
                self.bypassed((workspace, model), name, was, is, on_bypass).await?;
                bypasses += 1;
            }
        }
        if !noted.is_empty() {
            self.note_baseline(workspace, model, &noted).await?;
        }
        Ok(bypasses)
    }

    /// The registry lists only the newest version of a stage: one that is not listed must be asked for. Archived
    /// by a permitted transition is not gone round us, and an older version says nothing.
    async fn is_gone(&self, workspace: &Workspace, model: &ModelName, name: &str) -> Result<bool, AppError> {
        let mut parts = name.split(':');
        let (kind, stage, version) = (parts.next(), parts.next(), parts.next().and_then(Version::parse));
        let (Some("stage"), Some(stage), Some(version)) = (kind, stage.and_then(Stage::parse), version)
        else {
            return Ok(kind == Some("alias"));
        };
        match self.registry.client.version(workspace, model, version).await {
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error.into()),
            Ok(found) => {
                let now = Stage::parse(&found.current_stage);
                Ok(now != Some(stage) && now != Some(Stage::Archived))
            }
        }
    }

    /// Models that hold something in our memory and are not in the registry any more.
    async fn reconcile_gone(
        &self,
        workspace: &Workspace,
        seen: &BTreeSet<ModelName>,
    ) -> Result<usize, AppError> {
        let mut bypasses = 0;
        for model in self.models_with_holdings(workspace)? {
            if !seen.contains(&model) {
                bypasses += self.reconcile_model(workspace, &model, None, false).await?;
            }
        }
        Ok(bypasses)
    }

    /// What was there before we were: believed once, and recorded as not ours by its missing permit.
    async fn note_baseline(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        names: &[(&Name, Option<Version>)],
    ) -> Result<(), AppError> {
        let mut batch = Batch::new();
        for (name, is) in names {
            let holding = Holding::unexplained(*is, self.clock.now(), false);
            batch = put_holding(batch, (workspace, model), name, &holding)?;
        }
        Ok(self.store.commit(batch).await?)
    }

    pub(super) fn known_holdings(
        &self,
        workspace: &Workspace,
        model: &ModelName,
    ) -> Result<BTreeMap<Name, Holding>, AppError> {
        let prefix = keys::holdings(workspace.as_str(), model.as_str());
        let rows = self.store.scan(&Scan::prefix(prefix.clone()))?;
        rows.iter()
            .filter_map(|(key, value)| Some((key.text_after(&prefix)?, key, value)))
            .map(|(name, key, value)| Ok((name, codec::decode(key, value)?)))
            .collect()
    }

    pub(super) fn models_with_holdings(&self, workspace: &Workspace) -> Result<Vec<ModelName>, AppError> {
        let prefix = keys::holdings_of(workspace.as_str());
        let rows = self.store.scan(&Scan::prefix(prefix.clone()))?;
        let mut models: Vec<ModelName> =
            rows.iter().filter_map(|(key, _)| key.text_after(&prefix)).map(ModelName::new).collect();
        models.dedup();
        Ok(models)
    }

    /// What a name holds now, where that differs from all that we know of: the list may have been read before a
    /// write of ours, and what we know after it.
    async fn moved(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        name: &Name,
        was: Option<&Holding>,
    ) -> Result<Option<Option<Version>>, AppError> {
        let is = match self.registry.client.model(workspace, model).await {
            Err(error) if error.is_not_found() => None,
            found => held_names(&found?).get(name).copied(),
        };
        let unchanged = self.known_holdings(workspace, model)?.get(name) == was;
        let differs = was.and_then(|holding| holding.version) != is;
        Ok((unchanged && differs && !self.in_flight(model)?).then_some(is))
    }

    /// Whether one of our own writes to this model may be between its intent and its outcome. The sweeper closes
    /// those that a crash has left open, by the same registry.
    pub(super) fn in_flight(&self, model: &ModelName) -> Result<bool, AppError> {
        let rows = self.store.scan(&Scan::prefix(keys::open_intents()))?;
        for (key, value) in rows {
            let open: super::records::OpenIntent = codec::decode(&key, &value)?;
            if self.open_intent(&open)?.0.placed.action.model() == Some(model) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn held_names(model: &RegisteredModel) -> BTreeMap<Name, Version> {
    let aliases =
        model.aliases.iter().filter_map(|a| Some((alias_name(&a.alias), Version::parse(&a.version)?)));
    let staged = model.latest_versions.iter().filter_map(|v| {
        let stage = Stage::parse(&v.current_stage).filter(|stage| *stage != Stage::None)?;
        let version = Version::parse(&v.version)?;
        Some((stage_name(stage, version), version))
    });
    let versions =
        model.latest_versions.iter().filter_map(|v| Version::parse(&v.version)).map(|v| (version_name(v), v));
    aliases.chain(staged).chain(versions).collect()
}

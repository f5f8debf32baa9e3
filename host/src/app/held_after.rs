//! What names hold what after a write of ours was made: what the reconciler compares the registry with.

use std::collections::BTreeMap;

use countersign_core::action::{Action, Placed};
use countersign_core::names::{ModelName, Stage, Version};
use countersign_core::time::Millis;

use super::bypass::{Name, alias_name, stage_name};
use super::history::put_holding;
use super::records::Holding;
use super::{App, AppError};
use crate::store::Batch;

/// A name of a model, and what it holds now.
type Held = (ModelName, Name, Option<Version>);

impl App {
    /// Notes what holds what after a write was made, and by which intent of ours.
    pub(super) fn note_moved(
        &self,
        batch: Batch,
        placed: &Placed,
        (now, intent): (Millis, Option<u64>),
    ) -> Result<Batch, AppError> {
        self.held_after(placed)?.into_iter().try_fold(batch, |batch, (model, name, version)| {
            let holding = Holding { intent, ..Holding::unexplained(version, now, false) };
            put_holding(batch, (&placed.workspace, &model), &name, &holding)
        })
    }

    /// Every name that a write has changed.
    fn held_after(&self, placed: &Placed) -> Result<Vec<Held>, AppError> {
        let at = |model: &ModelName, name: Name, version| (model.clone(), name, version);
        let Some(model) = placed.action.model() else { return Ok(Vec::new()) };
        let known = || -> Result<BTreeMap<Name, Option<Version>>, AppError> {
            let known = self.known_holdings(&placed.workspace, model)?;
            Ok(known.into_iter().map(|(name, holding)| (name, holding.version)).collect())
        };
        Ok(match &placed.action {
            Action::SetAlias { alias, version, .. } => {
                vec![at(model, alias_name(alias.as_str()), Some(*version))]
            }
            Action::DeleteAlias { alias, .. } => vec![at(model, alias_name(alias.as_str()), None)],
            Action::TransitionStage { version, stage, .. } => {
                let left = [Stage::Staging, Stage::Production, Stage::Archived].into_iter();
                let left = left.filter(|other| other != stage).map(|other| stage_name(other, *version));
                let known = known()?;
                let left = left.filter(|name| known.contains_key(name)).map(|name| at(model, name, None));
                left.chain([at(model, stage_name(*stage, *version), Some(*version))]).collect()
            }
            Action::DeleteVersion { version, .. } => {
                let held = known()?.into_iter().filter(|(_, held)| *held == Some(*version));
                held.map(|(name, _)| at(model, name, None)).collect()
            }
            Action::DeleteModel { .. } => known()?.into_keys().map(|name| at(model, name, None)).collect(),
            Action::RenameModel { new_name, .. } => {
                let moved =
                    |(name, held): (Name, _)| [at(new_name, name.clone(), held), at(model, name, None)];
                known()?.into_iter().flat_map(moved).collect()
            }
            _ => Vec::new(),
        })
    }
}

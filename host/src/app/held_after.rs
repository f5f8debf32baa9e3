//! What names hold what after a write of ours was made: what the reconciler compares the registry with.

use std::collections::BTreeMap;

use countersign_core::action::{Action, Placed};
use countersign_core::names::{ModelName, Stage, Version};

use super::bypass::{Name, alias_name, stage_name};
use super::{App, AppError};
use crate::store::{Key, keys};

impl App {
    /// Every name that a write has changed, and what it holds now.
    pub(super) fn holdings_after(&self, placed: &Placed) -> Result<Vec<(Key, Option<Version>)>, AppError> {
        let at =
            |model: &ModelName, name: &str| keys::holding(placed.workspace.as_str(), model.as_str(), name);
        let Some(model) = placed.action.model() else { return Ok(Vec::new()) };
        let known = || -> Result<BTreeMap<Name, Option<Version>>, AppError> {
            let known = self.known_holdings(&placed.workspace, model)?;
            Ok(known.into_iter().map(|(name, holding)| (name, holding.version)).collect())
        };
        Ok(match &placed.action {
            Action::SetAlias { alias, version, .. } => {
                vec![(at(model, &alias_name(alias.as_str())), Some(*version))]
            }
            Action::DeleteAlias { alias, .. } => vec![(at(model, &alias_name(alias.as_str())), None)],
            Action::TransitionStage { version, stage, .. } => {
                let left = [Stage::Staging, Stage::Production, Stage::Archived].into_iter();
                let left = left.filter(|other| other != stage).map(|other| stage_name(other, *version));
                let known = known()?;
                let left = left.filter(|name| known.contains_key(name)).map(|name| (at(model, &name), None));
                left.chain([(at(model, &stage_name(*stage, *version)), Some(*version))]).collect()
            }
            Action::DeleteVersion { version, .. } => {
                let held = known()?.into_iter().filter(|(_, held)| *held == Some(*version));
                held.map(|(name, _)| (at(model, &name), None)).collect()
            }
            Action::DeleteModel { .. } => known()?.keys().map(|name| (at(model, name), None)).collect(),
            Action::RenameModel { new_name, .. } => {
                let moved = |(name, held): (Name, _)| [(at(new_name, &name), held), (at(model, &name), None)];
                known()?.into_iter().flat_map(moved).collect()
            }
            _ => Vec::new(),
        })
    }
}

//! Checks before anybody asks: when a version appears, the checks of every gate that could guard it are run, so
//! that the verdict is waiting.

use countersign_core::action::{Action, Placed};
use countersign_core::names::{Alias, ModelName, Version, Workspace};
use countersign_core::policy::{Governance, Guard, Holdings};

use super::judge::Asked;
use super::{App, AppError};
use crate::store::Batch;

impl App {
    /// As [`App::precheck`]; what goes wrong is for the log, because nobody waits for it.
    pub(super) async fn precheck_quietly(&self, workspace: &Workspace, model: &ModelName, version: Version) {
        match self.precheck(workspace, model, version).await {
            Ok(ran) => tracing::info!(
                model.name = %model, model.version = %version, checks = ran, "checks ran before anybody asked"
            ),
            Err(error) => tracing::warn!(%error, model.name = %model, "checks not run beforehand"),
        }
    }

    /// Runs and keeps the checks for every literal alias and stage that a gate guards on this model.
    ///
    /// # Errors
    /// When facts cannot be read or evidence cannot be kept.
    pub async fn precheck(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<usize, AppError> {
        let _turn = self.prechecking.take(workspace, model, version).await;
        self.tell_running(workspace, model, version);
        let generation = self.generation.load_full();
        let gates = generation.policy.gates().iter().filter(|gate| gate.covers(model));
        let actions: Vec<Action> =
            gates.flat_map(|gate| &gate.guards).filter_map(|guard| foreseen(guard, model, version)).collect();
        let mut ran = 0;
        for action in actions {
            let placed = Placed { workspace: workspace.clone(), action };
            let governance = generation.policy.governs(&placed.action, &Holdings::none());
            let Governance::Gates(gates) = governance else { continue };
            let asked = Asked::default();
            let judged = Box::pin(self.judge(&generation, &gates, &placed, asked)).await?;
            let (entries, batch) = judged.fresh.put(self, Batch::new())?;
            ran += entries.len();
            self.record(&entries, batch).await?;
        }
        Ok(ran)
    }
}

/// The promotion that a guard foresees; a pattern with a star names none.
fn foreseen(guard: &Guard, model: &ModelName, version: Version) -> Option<Action> {
    let model = model.clone();
    match guard {
        Guard::Alias(pattern) if !pattern.as_str().contains('*') => {
            Some(Action::SetAlias { model, alias: Alias::new(pattern.as_str()), version })
        }
        Guard::Stage(stage) => {
            Some(Action::TransitionStage { model, version, stage: *stage, archive_existing: false })
        }
        _ => None,
    }
}

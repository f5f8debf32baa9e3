//! One at a time per version: two hints about one version, such as MLflow's webhook and its own answer, would
//! otherwise run the same checks side by side. Whoever comes second finds what the first one kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::names::{ModelName, Version, Workspace};
use tokio::sync::OwnedMutexGuard;

type Of = (Workspace, ModelName, Version);

/// Who is at it, by version.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<Of, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until nobody else is at this version, for as long as the guard lives.
    pub(super) async fn take(&self, workspace: &Workspace, model: &ModelName, version: Version) -> Turn {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody waits for or holds are done.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry((workspace.clone(), model.clone(), version)).or_default())
        };
        turn.lock_owned().await
    }

    /// Whether somebody is at this version, or waits to be.
    pub(super) fn is_taken(&self, workspace: &Workspace, model: &ModelName, version: Version) -> bool {
        let turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.get(&(workspace.clone(), model.clone(), version));
        turn.is_some_and(|turn| Arc::strong_count(turn) > 1)
    }
}

/// A turn that lasts until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(version: u32, waits: bool) {
        let turns = Turns::default();
        let (workspace, model) = (Workspace::new("default"), ModelName::new("credit"));
        let _first = turns.take(&workspace, &model, Version::new(7)).await;
        assert_eq!(turns.is_taken(&workspace, &model, Version::new(version)), waits);
        let mut second = Box::pin(turns.take(&workspace, &model, Version::new(version)));
        assert_eq!(futures_util::poll!(&mut second).is_pending(), waits);
    }

    #[tokio::test]
    async fn the_same_version_waits_and_another_does_not() {
        check(7, true).await;
        check(8, false).await;
    }

    #[tokio::test]
    async fn nothing_stays_of_a_turn_that_is_over() {
        let turns = Turns::default();
        let (workspace, model) = (Workspace::new("default"), ModelName::new("credit"));
        for version in 1..100 {
            drop(turns.take(&workspace, &model, Version::new(version)).await);
        }
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}

//! The history of a run's metric: asked for by plugins, part of no snapshot.

use countersign_core::facts::{Metric, MetricOrigin};
use countersign_core::names::Workspace;

use super::cache::FactsCache;
use super::translate;
use crate::mlflow::ReadError;

impl FactsCache {
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
}

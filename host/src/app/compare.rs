//! What would change if one version took the place of another.

use std::sync::Arc;

use countersign_core::compared::{Compared, compared};
use countersign_core::facts::{ModelFacts, VersionFacts};
use countersign_core::names::{ModelName, Version, Workspace};

use super::{App, AppError, RequestFilter};

impl App {
    /// # Errors
    /// When either version is not in the registry, or the registry does not say.
    pub async fn compare(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        (was, is): (Version, Version),
    ) -> Result<Compared, AppError> {
        let was = self.facts_of(workspace, model, was).await?;
        let is = self.facts_of(workspace, model, is).await?;
        Ok(compared(&was, &is))
    }

    /// What was judged last; for a version that nobody asked for, what the registry says.
    async fn facts_of(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<Arc<VersionFacts>, AppError> {
        let filter = RequestFilter { model: Some(model.clone()), limit: 200, ..RequestFilter::default() };
        let requests = self.requests(&filter)?;
        let judged = requests
            .iter()
            .find(|request| request.subject.version == version && &request.subject.workspace == workspace);
        if let Some(kept) = judged.and_then(|request| self.evidence(request.facts).ok()) {
            let (facts, _): (VersionFacts, ModelFacts) = serde_json::from_slice(&kept)?;
            return Ok(Arc::new(facts));
        }
        let snapshot = self.registry.get(workspace, model, version).await?;
        Ok(Arc::new(snapshot.facts.version.clone()))
    }
}

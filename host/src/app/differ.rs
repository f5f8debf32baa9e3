//! What has changed since somebody approved a request.

use countersign_core::difference::{self, Change, Lines};
use countersign_core::facts::{ModelFacts, VersionFacts};
use countersign_core::request::{PromotionRequest, Stood};

use super::{App, AppError};

impl App {
    /// What is not as it was when somebody last approved. `None` where nobody has, or where what they saw was not
    /// kept yet.
    ///
    /// # Errors
    /// When evidence that is kept cannot be read.
    pub fn difference(&self, request: &PromotionRequest) -> Result<Option<Vec<Change>>, AppError> {
        let Some(signed) = &request.signed else { return Ok(None) };
        match (self.lines(signed)?, self.lines(&request.stands())?) {
            (Some(was), Some(is)) => Ok(Some(difference::between(&was, &is))),
            _ => Ok(None),
        }
    }

    /// What a write would change of what is said about a version or its model, by the facts that it was judged by.
    /// Nothing where those were not kept.
    #[must_use]
    pub fn would_change(&self, request: &PromotionRequest) -> Vec<Change> {
        if !request.placed.action.describes() {
            return Vec::new();
        }
        let facts = self.evidence(request.facts).ok();
        let facts = facts.and_then(|facts| serde_json::from_slice::<(VersionFacts, ModelFacts)>(&facts).ok());
        facts.map_or_else(Vec::new, |(version, model)| {
            difference::of_write(&request.placed.action, &version, &model)
        })
    }

    fn lines(&self, stood: &Stood) -> Result<Option<Lines>, AppError> {
        let facts = match self.evidence(stood.facts) {
            Err(AppError::NotFound(_)) => return Ok(None),
            facts => facts?,
        };
        let (version, model): (VersionFacts, ModelFacts) = serde_json::from_slice(&facts)?;
        Ok(Some(Lines::of(&version, &model).judged_by(stood.policy, &stood.tiers)))
    }
}

//! What an approval rests on changes after its write was made: it is judged again as it stands, and what is not as it
//! was approved is marked and shown. Nothing moves: that is for people to say.

use std::sync::Arc;

use countersign_core::entry::Entry;
use countersign_core::facts::Subject;
use countersign_core::policy::Governance;
use countersign_core::request::{PromotionRequest, State, Stood};

use super::judge::Asked;
use super::records::put_request;
use super::{App, AppError};
use crate::facts::{FactsError, Snapshot};
use crate::store::{Batch, keys};

/// How many requests of a model are looked at, the newest first.
const LOOKED_AT: usize = 256;

impl App {
    /// As [`Self::undermine_all`], for whoever waits for nothing.
    pub(super) async fn undermine_quietly(&self, versions: &[Subject]) {
        if let Err(error) = self.undermine_all(versions.iter()).await {
            tracing::warn!(%error, "what rests on changed files is looked at again later");
        }
    }

    /// Looks at every approval in force that is about one of these versions.
    pub(super) async fn undermine_all(
        &self,
        versions: impl Iterator<Item = &Subject>,
    ) -> Result<(), AppError> {
        for version in versions {
            let prefix = keys::requests_of_model(version.workspace.as_str(), version.model.as_str());
            for id in self.request_ids(prefix, None, LOOKED_AT)? {
                let request = self.request(id)?;
                let about =
                    request.subject.version == version.version && request.subject.model == version.model;
                let counts =
                    matches!(request.state, State::Applied { .. }) && request.placed.action.is_promotion();
                if about && counts && self.rests_on(&request).await? {
                    self.undermine(request).await?;
                }
            }
        }
        Ok(())
    }

    async fn undermine(&self, request: PromotionRequest) -> Result<(), AppError> {
        const TRIES: usize = 4;
        for _ in 0..TRIES {
            match Box::pin(self.try_undermine(&request)).await {
                Err(AppError::Conflict(_)) => {}
                done => return done,
            }
        }
        Err(AppError::Conflict(format!("request {} is changed by too many at once", request.id)))
    }

    async fn try_undermine(&self, request: &PromotionRequest) -> Result<(), AppError> {
        let (generation, placed) = (self.generation.load_full(), &request.placed);
        let holdings = self.holdings(&generation.policy, placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&placed.action, &holdings) else {
            return Ok(());
        };
        self.registry.look_again(placed);
        let (requester, prior) = (request.authors.requester.clone(), Some(request.prior));
        let asked =
            Asked { requester, reviews: &request.reviews, prior, going_back: true, ..Asked::default() };
        let mut judged = self.judge(&generation, &gates, placed, asked).await?;
        let stands = Stood::of(judged.facts_digest, judged.policy, judged.decision.gates());
        let seen = self.load_request(request.id)?;
        let known = seen.value.undermined.as_ref() == Some(&stands);
        let as_approved = judged.facts.version.subject == request.subject;
        if known || as_approved || !matches!(seen.value.state, State::Applied { .. }) {
            return Ok(());
        }
        judged.keep_facts()?;
        let (was, is, facts) = (request.binding, judged.binding, judged.facts_digest);
        tracing::warn!(
            request.id = %request.id, model.name = %request.subject.model, decision = judged.decision.as_str(),
            "what was approved has changed since"
        );
        let (mut entries, batch) = judged.fresh.put(self, Batch::new())?;
        entries.push(Entry::Undermined { request: request.id, was, is, facts });
        let seen = seen.try_map(|request| Ok(request.undermined(stands)))?;
        self.record(&entries, put_request(batch, &seen)?).await?;
        Ok(())
    }
}

/// A version that is not there any more has nothing to look at.
pub(super) fn there(found: Result<Arc<Snapshot>, FactsError>) -> Result<Option<Arc<Snapshot>>, AppError> {
    match found {
        Err(FactsError::NotFound { .. }) => Ok(None),
        found => Ok(Some(found?)),
    }
}

//! Approvals that run out: who relies on one is warned of it, after its checks have run again.

use countersign_core::action::Placed;
use countersign_core::entry::{CheckSays, Entry};
use countersign_core::policy::Governance;
use countersign_core::request::{PromotionRequest, State};

use super::judge::Asked;
use super::records::{Seen, put_request};
use super::{App, AppError};
use crate::store::{Batch, Key};

impl App {
    /// Warns that an approval runs out in so many days. One that nothing rests on any more ends in silence.
    pub(super) async fn warn(
        &self,
        seen: Seen<PromotionRequest>,
        days: u16,
        due: Key,
    ) -> Result<bool, AppError> {
        let (request, until) = (seen.value.id, seen.value.valid_until);
        let rests = self.rests_on(&seen.value).await?;
        let (mut entries, mut batch) = (Vec::new(), Batch::new());
        if let (true, Some(until)) = (rests, until) {
            let (checks, fresh, with) = self.checks_now(&seen.value).await?;
            (entries, batch) = (fresh, with);
            let failing = checks.iter().filter(|check| check.conclusion != "pass").count();
            tracing::warn!(
                request.id = %request, model.name = %seen.value.subject.model, days, %until, checks.failing = failing,
                "an approval runs out"
            );
            crash_point!(WarningChecked);
            entries.push(Entry::Expiring { request, days, until, checks });
        }
        let seen = seen.try_map(|request| Ok(request.warned(days)))?;
        let batch = put_request(batch.delete(due), &seen)?;
        if entries.is_empty() {
            self.store.commit(batch).await?;
            return Ok(false);
        }
        self.record(&entries, batch).await?;
        crash_point!(WarningGiven);
        self.metrics.approval_ending("expiring");
        Ok(true)
    }

    /// What the checks of an approved write say now. They run again where anything that they read has changed.
    async fn checks_now(
        &self,
        request: &PromotionRequest,
    ) -> Result<(Vec<CheckSays>, Vec<Entry>, Batch), AppError> {
        let (generation, placed) = (self.generation.load_full(), &request.placed);
        let holdings = self.holdings(&generation.policy, placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&placed.action, &holdings) else {
            return Ok((Vec::new(), Vec::new(), Batch::new()));
        };
        self.registry.look_again(placed);
        let requester = request.authors.requester.clone();
        let asked = Asked { requester, ..Asked::default() };
        let judged = self.judge(&generation, &gates, placed, asked).await?;
        let says = judged.runs.iter().map(|run| CheckSays {
            plugin: run.plugin.clone(),
            conclusion: run.outcome.conclusion().to_string(),
            outcome: run.outcome_digest,
        });
        let says = says.collect();
        let (entries, batch) = judged.fresh.put(self, Batch::new())?;
        Ok((says, entries, batch))
    }

    /// Whether the name still holds what this request gave it, and by no later approval.
    pub(super) async fn rests_on(&self, request: &PromotionRequest) -> Result<bool, AppError> {
        Ok(!self.made_again(request)? && self.shows(&request.placed).await?)
    }

    /// Whether the same write was made again under a later request.
    fn made_again(&self, request: &PromotionRequest) -> Result<bool, AppError> {
        let mut later = self.current_request(&request.placed)?.map(|seen| seen.value);
        while let Some(found) = later.filter(|found| found.id != request.id) {
            if matches!(found.state, State::Applied { .. }) {
                return Ok(true);
            }
            later = found.previous.map(|id| self.request(id)).transpose()?;
        }
        Ok(false)
    }

    /// Whether the registry is as a write would have left it. What is not there does not show it.
    pub(super) async fn shows(&self, placed: &Placed) -> Result<bool, AppError> {
        match self.registry_shows(placed).await {
            Err(error) if error.is_not_found() => Ok(false),
            shows => Ok(shows?),
        }
    }
}

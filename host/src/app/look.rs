//! Opening evidence: what somebody has seen before they vote is a fact like any other, and recorded.

use countersign_core::check::CheckRun;
use countersign_core::entry::Entry;
use countersign_core::evidence::Opened;
use countersign_core::names::PluginName;
use countersign_core::request::{PromotionRequest, RequestId};

use super::records::{Seen, put_request};
use super::review::signed_in;
use super::{App, AppError};
use crate::auth::Caller;
use crate::store::Batch;

impl App {
    /// Gives what a check found, once for each configuration that it ran with, and records that this person has seen
    /// it and when. Seen twice is seen once.
    ///
    /// # Errors
    /// When there is no such check on the request.
    pub async fn open_evidence(
        &self,
        caller: &Caller,
        id: RequestId,
        plugin: &PluginName,
    ) -> Result<Vec<CheckRun>, AppError> {
        let identity = signed_in(caller, "what is opened is recorded under a name")?;
        let seen = self.load_request(id)?;
        let runs = seen.value.check_runs.iter().filter(|run| &run.plugin == plugin);
        let runs: Vec<CheckRun> = runs.cloned().collect();
        if runs.is_empty() {
            return Err(AppError::NotFound(format!(
                "no check `{plugin}` ran for this request: see its list of checks"
            )));
        }
        let known = |run: &&CheckRun| {
            let same = |o: &Opened| o.by == identity.person && o.outcome == run.outcome_digest;
            !seen.value.opened.iter().any(same)
        };
        let at = self.clock.now();
        let new = runs.iter().filter(known).map(|run| Opened {
            by: identity.person.clone(),
            plugin: run.plugin.clone(),
            outcome: run.outcome_digest,
            at,
        });
        let new: Vec<Opened> = new.collect();
        if seen.value.state.is_live() && !new.is_empty() {
            self.keep_opened(seen, new).await?;
        }
        Ok(runs)
    }

    async fn keep_opened(&self, seen: Seen<PromotionRequest>, new: Vec<Opened>) -> Result<(), AppError> {
        let request = seen.value.id;
        let entries: Vec<Entry> =
            new.iter().map(|opened| Entry::EvidenceOpened { request, opened: opened.clone() }).collect();
        let seen = new
            .into_iter()
            .try_fold(seen, |seen, opened| seen.try_map(|request| Ok(request.opened(opened)?)))?;
        let batch = put_request(Batch::new(), &seen)?;
        self.record(&entries, batch).await.map(|_| ())
    }
}

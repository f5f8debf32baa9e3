//! Opening evidence: what somebody has seen before they vote is a fact like any other, and recorded.

use countersign_core::check::CheckRun;
use countersign_core::entry::Entry;
use countersign_core::evidence::Opened;
use countersign_core::names::PluginName;
use countersign_core::request::RequestId;

use super::records::put_request;
use super::review::signed_in;
use super::{App, AppError};
use crate::auth::Caller;
use crate::store::Batch;

impl App {
    /// Gives what a check found, and records that this person has seen it and when. Seen twice is seen once.
    ///
    /// # Errors
    /// When there is no such check on the request.
    pub async fn open_evidence(
        &self,
        caller: &Caller,
        id: RequestId,
        plugin: &PluginName,
    ) -> Result<CheckRun, AppError> {
        let identity = signed_in(caller, "what is opened is recorded under a name")?;
        let seen = self.load_request(id)?;
        let run = seen.value.check_runs.iter().find(|run| &run.plugin == plugin).cloned();
        let run = run.ok_or_else(|| {
            AppError::NotFound(format!("no check `{plugin}` ran for this request: see its list of checks"))
        })?;
        let opened = Opened {
            by: identity.person.clone(),
            plugin: run.plugin.clone(),
            outcome: run.outcome_digest,
            at: self.clock.now(),
        };
        let same = |o: &Opened| o.by == opened.by && o.outcome == opened.outcome;
        if !seen.value.state.is_live() || seen.value.opened.iter().any(same) {
            return Ok(run);
        }
        let seen = seen.try_map(|request| Ok(request.opened(opened.clone())?))?;
        let batch = put_request(Batch::new(), &seen)?;
        self.record(&[Entry::EvidenceOpened { request: id, opened }], batch).await?;
        Ok(run)
    }
}

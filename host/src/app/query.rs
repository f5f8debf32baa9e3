//! Questions about what is kept: requests, the status of a version, who holds what. Nothing here writes, but for
//! the entry that says that evidence was read.

use countersign_core::check::CheckRun;
use countersign_core::entry::Entry;
use countersign_core::names::{ModelName, PersonId, Seat, Version, Workspace};
use countersign_core::policy::Policy;
use countersign_core::request::{PromotionRequest, RequestId, State};
use countersign_core::review::may_fill;
use countersign_core::time::Millis;
use serde::Serialize;

use super::bypass::watched;
use super::records::Holding;
use super::{App, AppError};
use crate::auth::Identity;
use crate::ledger::Record;
use crate::store::{Scan, codec, keys};

/// Which requests to list.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    pub state: Option<String>,
    /// Only requests that this person opened.
    pub requester: Option<PersonId>,
    /// Only requests that wait for a seat that this person may fill.
    pub waits_for: Option<Identity>,
    pub model: Option<ModelName>,
    /// The last id of the page before.
    pub after: Option<RequestId>,
    pub limit: usize,
}

/// How many requests one page may look at: a filter that finds little must not read everything.
const LOOKED_AT: usize = 2_000;

const ENTRIES_AT_ONCE: usize = 200;

/// Where one version stands.
#[derive(Debug, Clone, Serialize)]
pub struct VersionStatus {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    /// Governed names that it holds, as we last knew.
    pub holds: Vec<HeldName>,
    /// The latest of each plugin and configuration.
    pub check_runs: Vec<CheckRun>,
    /// Newest first.
    pub requests: Vec<PromotionRequest>,
}

#[derive(Debug, Clone, Serialize)]
pub struct HeldName {
    pub name: String,
    pub version: Option<Version>,
    pub since: Millis,
    pub bypassed: bool,
}

impl App {
    /// Requests, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn requests(&self, filter: &RequestFilter) -> Result<Vec<PromotionRequest>, AppError> {
        let prefix = match &filter.model {
            Some(model) => keys::requests_of_model("default", model.as_str()),
            None => keys::requests(),
        };
        let after = filter.after.map(|id| match &filter.model {
            Some(model) => keys::request_of_model("default", model.as_str(), id.0),
            None => keys::request(id.0),
        });
        let policy = &self.generation.load().policy;
        let mut found = Vec::new();
        for id in self.request_ids(prefix, after, LOOKED_AT)? {
            let request = self.load_request(id)?.value;
            if self.wanted(&request, filter, policy) {
                found.push(request);
            }
            if found.len() >= filter.limit {
                break;
            }
        }
        Ok(found)
    }

    fn wanted(&self, request: &PromotionRequest, filter: &RequestFilter, policy: &Policy) -> bool {
        let state = filter.state.as_deref().is_none_or(|state| request.state.as_str() == state);
        let by = filter.requester.as_ref().is_none_or(|by| request.authors.requester.as_ref() == Some(by));
        let waits = filter.waits_for.as_ref().is_none_or(|who| self.waits_for(request, who, policy));
        state && by && waits
    }

    /// Whether a request still needs a seat that this person may fill and has not filled.
    #[must_use]
    pub fn waits_for(&self, request: &PromotionRequest, who: &Identity, policy: &Policy) -> bool {
        // Where a check is in the way, a signature moves nothing.
        if !matches!(request.state, State::InReview)
            || request.authors.requester.as_ref() == Some(&who.person)
        {
            return false;
        }
        let now = self.clock.now();
        let roster = self.people.roster(policy, now);
        let may = |seat: &Seat| may_fill(&who.person, seat, &roster, &request.authors).is_ok();
        request.gates.iter().flat_map(|gate| &gate.seats).any(|(seat, count)| {
            let open = u32::try_from(count.signed.len()).unwrap_or(u32::MAX) < count.needed;
            open && may(seat) && !count.signed.contains(&who.person)
        })
    }

    /// # Errors
    /// When there is no such request.
    pub fn request(&self, id: RequestId) -> Result<PromotionRequest, AppError> {
        Ok(self.load_request(id)?.value)
    }

    /// Where a version stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn version_status(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<VersionStatus, AppError> {
        let filter = RequestFilter { model: Some(model.clone()), limit: 50, ..RequestFilter::default() };
        let requests = self.requests(&filter)?.into_iter();
        let holds =
            self.held_names(workspace, model)?.into_iter().filter(|held| held.version == Some(version));
        Ok(VersionStatus {
            workspace: workspace.clone(),
            model: model.clone(),
            version,
            holds: holds.collect(),
            check_runs: self.check_runs_of(workspace, model, version)?,
            requests: requests.filter(|request| request.subject.version == version).collect(),
        })
    }

    pub(super) fn check_runs_of(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        version: Version,
    ) -> Result<Vec<CheckRun>, AppError> {
        let prefix = keys::check_runs_of(workspace.as_str(), model.as_str(), version.get().into());
        let rows = self.store.scan(&Scan::prefix(prefix))?;
        rows.iter().map(|(key, value)| Ok(codec::decode(key, value)?)).collect()
    }

    /// Every governed name of a model and what holds it, as we last knew.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn held_names(&self, workspace: &Workspace, model: &ModelName) -> Result<Vec<HeldName>, AppError> {
        let prefix = keys::holdings(workspace.as_str(), model.as_str());
        let policy = &self.generation.load().policy;
        let mut names = Vec::new();
        for (key, value) in self.store.scan(&Scan::prefix(prefix.clone()))? {
            let Some(name) = key.text_after(&prefix) else { continue };
            if watched(policy, model, &name).is_none() {
                continue;
            }
            let Holding { version, since, bypassed } = codec::decode(&key, &value)?;
            names.push(HeldName { name, version, since, bypassed });
        }
        Ok(names)
    }

    /// Ledger entries before an index, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entries(&self, before: Option<u64>, limit: usize) -> Result<Vec<Record>, AppError> {
        Ok(self.ledger.newest(before, limit)?)
    }

    /// What the newest of the ledger's entries say about a request, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entries_about(&self, request: &PromotionRequest) -> Result<Vec<(u64, Millis, Entry)>, AppError> {
        let (mut before, mut found, id) = (None, Vec::new(), request.id.to_string());
        for _ in 0..LOOKED_AT / ENTRIES_AT_ONCE {
            let records = self.ledger.newest(before, ENTRIES_AT_ONCE)?;
            let Some(oldest) = records.last() else { break };
            before = Some(oldest.index);
            let done = oldest.parse().is_ok_and(|entry| entry.at < request.opened_at);
            for record in records.iter().filter(|record| record.json.contains(&id)) {
                if let (Ok(entry), Ok(parsed)) = (Self::entry_of(record), record.parse()) {
                    found.push((record.index, parsed.at, entry));
                }
            }
            if done {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }

    /// What an entry says.
    ///
    /// # Errors
    /// When this version does not know it.
    pub fn entry_of(record: &Record) -> Result<Entry, AppError> {
        Ok(serde_json::from_str(&record.json)?)
    }
}

//! Questions about what is kept: requests, the status of a version, who holds what. Nothing here writes, but for
//! the entry that says that evidence was read.

use countersign_core::check::CheckRun;
use countersign_core::entry::Entry;
use countersign_core::names::{ModelName, PersonId, Version, Workspace};
use countersign_core::request::{PromotionRequest, RequestId, TierDrift};
use countersign_core::search::{Card, Key as SearchKey, Search};
use countersign_core::time::Millis;
use serde::Serialize;

use super::bypass::watched;
use super::records::Holding;
use super::{App, AppError};
use crate::auth::Identity;
use crate::ledger::Record;
use crate::store::{Key, Scan, codec, keys};

/// Which requests to list.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    pub state: Option<String>,
    /// Only requests that this person opened.
    pub requester: Option<PersonId>,
    /// Only requests that wait for a seat that this person may fill.
    pub waits_for: Option<Identity>,
    /// Without one, `default`; counts with `model` only.
    pub workspace: Option<Workspace>,
    pub model: Option<ModelName>,
    /// What somebody has typed. Of people it knows the names.
    pub search: Search,
    /// The last id of the page before.
    pub after: Option<RequestId>,
    pub limit: usize,
}

/// How many requests one page may look at, a few words of each: a filter that finds little must not read everything.
const LOOKED_AT: usize = 5_000;
/// How many are read at a time.
const AT_ONCE: usize = 64;
/// How many entries the page of one request shows.
const ENTRIES: usize = 2_000;

const ENTRIES_AT_ONCE: usize = 200;

/// Some requests, newest first.
#[derive(Debug, Clone)]
pub struct RequestPage {
    pub requests: Vec<PromotionRequest>,
    /// Where the next page goes on: give it as `after`. `None` at the end. A page may hold fewer than were asked
    /// for, even none, and there may be more.
    pub next: Option<RequestId>,
}

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
    /// Its tier is no longer the one that it was approved for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<TierDrift>,
}

impl App {
    /// The first page of requests, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn requests(&self, filter: &RequestFilter) -> Result<Vec<PromotionRequest>, AppError> {
        Ok(self.request_page(filter)?.requests)
    }

    /// A page of requests, newest first. It looks through the shortest list that has all that are wanted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn request_page(&self, filter: &RequestFilter) -> Result<RequestPage, AppError> {
        let search = filter.search.clone().by_id(|name| self.asked_by(name));
        let filter = &RequestFilter { search, ..filter.clone() };
        let (mut requests, mut looked_at, mut after) = (Vec::new(), 0, filter.after);
        loop {
            let ids = self.listed_after(filter, after)?;
            for &id in &ids {
                if !filter.looks() || filter.wants(&self.card(id)?) {
                    requests.push(self.load_request(id)?.value);
                }
                (after, looked_at) = (Some(id), looked_at + 1);
                if requests.len() >= filter.limit || looked_at >= LOOKED_AT {
                    return Ok(RequestPage { requests, next: after });
                }
            }
            if ids.len() < AT_ONCE {
                return Ok(RequestPage { requests, next: None });
            }
        }
    }

    fn listed_after(
        &self,
        filter: &RequestFilter,
        after: Option<RequestId>,
    ) -> Result<Vec<RequestId>, AppError> {
        match &filter.waits_for {
            Some(who) => self.waiting_for(who, after, AT_ONCE),
            None => self.merged(&filter.lists(), after, AT_ONCE),
        }
    }

    /// Somebody by the name that they have; whoever is gone goes by their id.
    fn asked_by(&self, name: &str) -> PersonId {
        self.people.person_of(name).unwrap_or_else(|| PersonId::new(name))
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
        let (model_of, workspace_of) = (Some(model.clone()), Some(workspace.clone()));
        let filter =
            RequestFilter { workspace: workspace_of, model: model_of, limit: 50, ..RequestFilter::default() };
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
        rows.iter().map(|(key, value)| self.latest_run(codec::decode(key, value)?)).collect()
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
            let Holding { version, since, bypassed, drift, .. } = codec::decode(&key, &value)?;
            names.push(HeldName { name, version, since, bypassed, drift });
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

    /// What the ledger's entries say about a request, oldest first; of very many the newest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn entries_about(&self, request: &PromotionRequest) -> Result<Vec<(u64, Millis, Entry)>, AppError> {
        let listed = Scan::prefix(keys::entries_of_request(request.id.0)).newest_first().limit(ENTRIES);
        let mut found = Vec::new();
        for (key, _) in self.store.scan(&listed)?.into_iter().rev() {
            let record = key.last_number().map(|index| self.ledger.get(index)).transpose()?.flatten();
            found.extend(record.as_ref().and_then(told));
        }
        let whole = matches!(found.first(), Some((_, _, Entry::RequestOpened { .. })));
        if whole || found.len() >= ENTRIES { Ok(found) } else { self.entries_found(request) }
    }

    /// The same for a request that was opened before its entries were listed.
    fn entries_found(&self, request: &PromotionRequest) -> Result<Vec<(u64, Millis, Entry)>, AppError> {
        let (mut before, mut found, id) = (None, Vec::new(), request.id.to_string());
        for _ in 0..ENTRIES / ENTRIES_AT_ONCE {
            let records = self.ledger.newest(before, ENTRIES_AT_ONCE)?;
            let Some(oldest) = records.last() else { break };
            before = Some(oldest.index);
            let done = oldest.parse().is_ok_and(|entry| entry.at < request.opened_at);
            found.extend(records.iter().filter(|record| record.json.contains(&id)).filter_map(told));
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

fn told(record: &Record) -> Option<(u64, Millis, Entry)> {
    Some((record.index, record.parse().ok()?.at, App::entry_of(record).ok()?))
}

impl RequestFilter {
    /// The shortest lists that have every request that is wanted.
    fn lists(&self) -> Vec<Key> {
        let mut asked_by = self.search.of(SearchKey::By).map(keys::requests_of_person).peekable();
        match self {
            Self { model: Some(model), workspace, .. } => {
                let workspace = workspace.as_ref().map_or("default", Workspace::as_str);
                vec![keys::requests_of_model(workspace, model.as_str())]
            }
            Self { requester: Some(person), .. } => vec![keys::requests_of_person(person.as_str())],
            _ if asked_by.peek().is_some() => asked_by.collect(),
            Self { state: Some(state), .. } => vec![keys::requests_in_state(state)],
            _ => match self.search.states() {
                Some(states) => states.into_iter().map(keys::requests_in_state).collect(),
                None => vec![keys::request_cards()],
            },
        }
    }

    /// Whether anything of a request must be looked at to tell whether it is wanted.
    const fn looks(&self) -> bool {
        self.state.is_some() || self.requester.is_some() || self.model.is_some() || !self.search.is_empty()
    }

    fn wants(&self, card: &Card) -> bool {
        let state = self.state.as_ref().is_none_or(|state| card.state == *state);
        let by = self.requester.as_ref().is_none_or(|by| card.by.as_ref() == Some(by));
        let model = self.model.as_ref().is_none_or(|model| card.model == *model);
        state && by && model && self.search.wants(card)
    }
}

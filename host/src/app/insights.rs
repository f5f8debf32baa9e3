//! The projection behind the insights: kept in memory, and brought up to date by what the ledger has got since.
//!
//! No page scans the ledger. At start it is read once, in the background; after that a reader takes in what is new
//! under a lock, which is little. What the numbers mean is the core's business.

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::entry::Entry;
use countersign_core::insights::{self, Asked, Held, Paces, Projection, Reader, Scope, Since, Spell, Table};
use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::time::Millis;
use serde::Deserialize;

use super::bypass::watched;
use super::records::Holding;
use super::{App, AppError};
use crate::auth::Identity;
use crate::ledger::Record;
use crate::store::{Scan, codec, keys};

/// Entries that are taken in at once, without letting a reader in between.
const AT_ONCE: usize = 512;
/// How far behind a reader catches up by itself.
const LITTLE: u64 = 1_000;
/// Whoever fills this seat may read about single reviewers.
pub(super) const AUDITOR: &str = "auditor";

/// For so long nothing but time has changed the numbers at `/metrics`: the ages of requests are in days.
const FRESH: i64 = 300_000;

/// The projection, as far as the ledger was read.
#[derive(Debug, Default)]
pub struct KeptInsights {
    projection: Mutex<Projection>,
    /// Up to which entry the numbers at `/metrics` were counted last, and when.
    measured: Mutex<Option<(u64, Millis)>>,
}

impl KeptInsights {
    fn lock(&self) -> MutexGuard<'_, Projection> {
        // A fold that panicked has left its entry out, and nothing half done that a number would not survive.
        self.projection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measured(&self) -> MutexGuard<'_, Option<(u64, Millis)>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of an entry tells whether its body must be read.
#[derive(Deserialize)]
struct Stamp {
    at: Millis,
    kind: String,
}

impl App {
    /// Takes in everything that is new. Gives the number of entries. Blocks: not for a thread that serves others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count_entries(&self) -> Result<u64, AppError> {
        let mut taken = 0;
        loop {
            match self.take_in(&mut self.insights.lock())? {
                0 => return Ok(taken),
                more => taken += more,
            }
        }
    }

    fn take_in(&self, projection: &mut Projection) -> Result<u64, AppError> {
        let records = self.ledger.range(projection.position(), AT_ONCE)?;
        for record in &records {
            take_in(projection, record);
        }
        Ok(records.len() as u64)
    }

    /// The projection at the end of the ledger.
    fn counted(&self) -> Result<MutexGuard<'_, Projection>, AppError> {
        let mut projection = self.insights.lock();
        let (read, all) = (projection.position(), self.ledger.len()?);
        if all.saturating_sub(read) > LITTLE {
            return Err(AppError::NotYet(format!(
                "the numbers are being counted since the start of the server: {read} of {all} entries are read; ask \
                 again in a few seconds"
            )));
        }
        while self.take_in(&mut projection)? > 0 {}
        Ok(projection)
    }

    /// Tables by their names, all of the same moment.
    ///
    /// # Errors
    /// `NotYet` while the ledger is being read after a start; when the store cannot be read.
    pub fn insights(&self, names: &[&str], scope: &Scope, reader: &Reader) -> Result<Vec<Table>, AppError> {
        let held = self.held_aliases()?;
        let projection = self.counted()?;
        let asked = Asked { projection: &projection, scope, held: &held, reader };
        Ok(names.iter().filter_map(|name| insights::table(name, asked)).collect())
    }

    /// Models that anybody has asked to promote, by name.
    ///
    /// # Errors
    /// As [`App::insights`].
    pub fn insight_models(&self, limit: usize) -> Result<Vec<String>, AppError> {
        Ok(self.counted()?.models().take(limit).map(ToString::to_string).collect())
    }

    /// How long decisions of each tier took; nothing while the ledger is being read after a start.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn paces(&self) -> Result<Paces, AppError> {
        match self.counted() {
            Ok(projection) => Ok(projection.paces(self.clock.now())),
            Err(AppError::NotYet(_)) => Ok(Paces::default()),
            Err(error) => Err(error),
        }
    }

    /// Who held each alias of a model when.
    ///
    /// # Errors
    /// As [`App::insights`].
    pub fn spells(&self, workspace: &Workspace, model: &ModelName) -> Result<Vec<Spell>, AppError> {
        Ok(self.counted()?.spells(workspace, model))
    }

    /// About whom somebody may read: themselves, or everybody from the auditor's seat.
    #[must_use]
    pub fn insights_reader(&self, identity: Option<&Identity>) -> Reader {
        let Some(identity) = identity else { return Reader::Nobody };
        let policy = &self.generation.load().policy;
        let seats = self.people.seats_of(policy, identity, self.clock.now());
        let audits = seats.iter().any(|seat| seat.as_str() == AUDITOR);
        if audits { Reader::Auditor } else { Reader::Person(identity.person.clone()) }
    }

    /// Every governed alias that holds a version, as we last knew.
    fn held_aliases(&self) -> Result<Vec<Held>, AppError> {
        let policy = &self.generation.load().policy;
        let mut found = Vec::new();
        for workspace in &self.workspaces {
            let prefix = keys::holdings_of(workspace.as_str());
            for (key, value) in self.store.scan(&Scan::prefix(prefix.clone()))? {
                let Some(model) = key.text_after(&prefix).map(ModelName::new) else { continue };
                let name = key.text_after(&keys::holdings(workspace.as_str(), model.as_str()));
                let Some(name) = name.filter(|name| watched(policy, &model, name).is_some()) else {
                    continue;
                };
                let Some(alias) = name.strip_prefix("alias:") else { continue };
                let holding: Holding = codec::decode(&key, &value)?;
                found.extend(holding.version.map(|version| held(workspace, &model, alias, version)));
            }
        }
        Ok(found)
    }

    /// Shows the main numbers of the last ninety days at `/metrics`; as they were, while they are not known. They are
    /// counted again when the ledger has got longer, or some time has passed. Says whether they were.
    pub fn measure_insights(&self) -> bool {
        let mut measured = self.insights.measured();
        let (now, size) = (self.clock.now(), self.ledger.len().unwrap_or(u64::MAX));
        if measured.is_some_and(|(at, when)| at == size && (0..FRESH).contains(&now.since(when))) {
            return false;
        }
        let scope = Scope { model: None, tier: None, since: Since::default(), now };
        match self.insights(&insights::NAMES, &scope, &Reader::Nobody) {
            Ok(tables) => {
                self.metrics.insights(&tables);
                *measured = Some((size, now));
            }
            Err(error) => tracing::debug!(%error, "insights not measured"),
        }
        true
    }
}

fn held(workspace: &Workspace, model: &ModelName, alias: &str, version: Version) -> Held {
    Held { workspace: workspace.clone(), model: model.clone(), alias: alias.to_owned(), version }
}

/// An entry of a kind that says nothing here, or that this version cannot read, is passed.
fn take_in(projection: &mut Projection, record: &Record) {
    let stamp = serde_json::from_str::<Stamp>(&record.json).ok();
    let wanted = stamp.filter(|stamp| Projection::reads(&stamp.kind));
    let entry = wanted.and_then(|stamp| Some((stamp.at, serde_json::from_str::<Entry>(&record.json).ok()?)));
    match entry {
        Some((at, entry)) => projection.fold(record.index, at, &entry),
        None => projection.pass(record.index),
    }
}

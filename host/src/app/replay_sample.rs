//! Replays in the background: of the runs that the ledger records a share is executed again, one at a time, on an
//! engine of its own. A plugin that does not give the same bytes is a finding against the plugin.
//!
//! Which runs are drawn follows from the hash of their entries: nobody can tell beforehand, and anybody afterwards.

use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry, Unstable};
use countersign_core::names::PluginName;
use countersign_core::policy::Rate;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

use super::evidence::blob;
use super::replay::{ReplayReport, ReplaySubject, replay};
use super::{App, AppError};
use crate::ledger::Record;
use crate::plugins::{Engine, Transcript};
use crate::store::{Batch, Scan, Store, Write, codec, keys};

/// Entries that are looked at in one round.
const AT_ONCE: usize = 512;

/// What a replay came to, as the metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    Same,
    Differs,
    /// Something is missing, or it ended by the speed of a machine: it says nothing about the plugin.
    Cannot,
}

impl Replayed {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Cannot => "cannot",
        }
    }
}

/// What is held against a plugin: the first time that it was found, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundUnstable {
    pub at: Millis,
    /// The entry that says so.
    pub entry: u64,
    pub found: Unstable,
}

impl App {
    /// Looks at the entries since the last round, replays those runs among them that are drawn, and notes how far it
    /// came. Gives how many entries it looked at.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn replay_sample(&self, engine: &Engine, rate: Rate) -> Result<usize, AppError> {
        let from: u64 = self.read(&keys::replayed_up_to())?.unwrap_or(0);
        let page = self.ledger.range(from, AT_ONCE)?;
        for record in &page {
            if rate.draws(&Digest::from_bytes(record.leaf_hash()))
                && let Some((plugin, transcript)) = run_in(record)
            {
                let came_to = self.replay_drawn(engine, record.index, transcript).await?;
                self.metrics.replay(came_to.as_str());
                tracing::debug!(entry = record.index, %plugin, result = came_to.as_str(), "replayed");
            }
        }
        if let Some(last) = page.last() {
            let next = codec::encode(&last.index.saturating_add(1))?;
            self.store.commit(Batch::new().put(keys::replayed_up_to(), next)).await?;
        }
        Ok(page.len())
    }

    async fn replay_drawn(
        &self,
        engine: &Engine,
        index: u64,
        transcript: Digest,
    ) -> Result<Replayed, AppError> {
        if !is_whole(&*self.store, transcript) {
            return Ok(Replayed::Cannot);
        }
        let Some(first) = self.replay_once(engine, index).await else { return Ok(Replayed::Cannot) };
        let (Some(replayed), Some(difference)) = (first.replayed, told(&first)) else {
            return Ok(if first.same { Replayed::Same } else { Replayed::Cannot });
        };
        let again = self.replay_once(engine, index).await.and_then(|second| second.replayed);
        let found = Unstable {
            plugin: first.plugin,
            plugin_digest: first.plugin_digest,
            run: index,
            recorded: first.recorded,
            replayed,
            again: again.unwrap_or(replayed),
            difference,
            software: format!("countersign {}", env!("CARGO_PKG_VERSION")),
        };
        self.hold_against(found).await?;
        Ok(Replayed::Differs)
    }

    /// `None` where there was nothing to run.
    async fn replay_once(&self, engine: &Engine, index: u64) -> Option<ReplayReport> {
        match replay(&*self.store, &self.ledger, engine, ReplaySubject::Entry(index)).await {
            Ok(mut reports) => reports.pop(),
            Err(error) => {
                tracing::info!(entry = index, %error, "a run that was drawn cannot be replayed");
                None
            }
        }
    }

    /// Says it once for each digest of a plugin: more of the same would tell nobody anything.
    async fn hold_against(&self, found: Unstable) -> Result<(), AppError> {
        let key = keys::unstable_plugin(found.plugin.as_str(), &found.plugin_digest);
        if self.store.get(&key)?.is_some() {
            return Ok(());
        }
        tracing::error!(plugin = %found.plugin, run = found.run, difference = found.difference, "not the same bytes");
        let (at, entry) = (self.clock.now(), Entry::PluginUnstable(found.clone()));
        let batch = Batch::new().expect_absent(key.clone());
        let link = move |index| {
            let known = FoundUnstable { at, entry: index, found: found.clone() };
            codec::encode(&known).map(|known| Write::Put(key.clone(), known)).into_iter().collect()
        };
        self.record_linked(&entry, batch, link).await.map(drop)
    }

    /// What is held against a plugin as it is in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn found_unstable(
        &self,
        plugin: &PluginName,
        digest: Digest,
    ) -> Result<Option<FoundUnstable>, AppError> {
        self.read(&keys::unstable_plugin(plugin.as_str(), &digest))
    }
}

/// Every plugin of a store that was found to be unstable, whether it is in force or not.
///
/// # Errors
/// When the store cannot be read.
pub fn all_unstable(store: &dyn Store) -> Result<Vec<FoundUnstable>, AppError> {
    let rows = store.scan(&Scan::prefix(keys::unstable_plugins()))?;
    rows.iter().map(|(key, value)| Ok(codec::decode(key, value)?)).collect()
}

fn told(report: &ReplayReport) -> Option<String> {
    report.difference.clone().filter(|_| !report.same)
}

/// The plugin and the transcript of the run that an entry records.
fn run_in(record: &Record) -> Option<(PluginName, Digest)> {
    // Most entries are something else, and are not worth parsing.
    if !["\"kind\":\"check-run\"", "\"kind\":\"rule-run\""].iter().any(|kind| record.json.contains(kind)) {
        return None;
    }
    match serde_json::from_str(&record.json).ok()? {
        Entry::CheckRun(CheckRunRecord { plugin, transcript_digest, .. }) => {
            Some((plugin, transcript_digest))
        }
        Entry::RuleRun { run, .. } => Some((run.plugin, run.transcript_digest)),
        _ => None,
    }
}

/// Whether every answer of a transcript was kept: of large files they are not, and a guest that misses one is not at
/// fault for what it then says.
fn is_whole(store: &dyn Store, transcript: Digest) -> bool {
    let read = || serde_json::from_slice::<Transcript>(&blob(store, transcript).ok()?).ok();
    let kept = |digest: &Digest| matches!(store.get(&keys::evidence(digest)), Ok(Some(_)));
    read().is_some_and(|read| read.calls.iter().filter_map(|call| call.answer().as_ref().ok()).all(kept))
}

#[cfg(test)]
mod tests;

//! Evidence is kept for as long as the policy says of a version's tier, and then taken out: blobs only, never an
//! entry. Each step is one commit, of an entry that says what goes and of the deletions, so that a crash leaves
//! nothing half done.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::digest::Digest;
use countersign_core::entry::{Collected, Entry};
use countersign_core::names::Tier;
use countersign_core::retention::Rule;
use countersign_core::time::Span;
use serde::Serialize;

use self::plan::Step;
use super::{App, AppError};
use crate::store::{Batch, Store, Write, codec, keys};

/// How often a step is tried again when something on its way names what it would take out.
const ATTEMPTS: usize = 5;

/// How long the policy keeps evidence of one tier; `None`: for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionRule {
    pub tier: Tier,
    pub keep: Option<Span>,
}

/// Evidence whose time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    #[serde(flatten)]
    pub rule: Rule,
    pub versions: u64,
    pub blobs: u64,
    pub bytes: u64,
    /// The entry that says that it was taken out; `None` where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

impl App {
    /// How long evidence is kept, by tier.
    #[must_use]
    pub fn retention_rules(&self) -> Vec<RetentionRule> {
        let generation = self.generation.load();
        let tiers = generation.policy.tiers().iter();
        tiers.map(|rule| RetentionRule { tier: rule.name.clone(), keep: rule.keep_evidence }).collect()
    }

    /// What would be taken out now.
    ///
    /// # Errors
    /// When the ledger has an entry that cannot be read, or the store cannot.
    pub async fn evidence_due(self: &Arc<Self>) -> Result<Vec<Due>, AppError> {
        Ok(self.planned().await?.iter().map(|step| step.due(None)).collect())
    }

    /// Takes out the evidence whose time is over. Gives what went.
    ///
    /// # Errors
    /// As [`App::evidence_due`]; what was taken out before that is recorded.
    pub async fn collect_evidence(self: &Arc<Self>) -> Result<Vec<Due>, AppError> {
        // Mostly there is nothing, and then nobody need write anything twice.
        if self.planned().await?.is_empty() {
            return Ok(Vec::new());
        }
        let _collecting = self.known_evidence.collecting().await;
        let mut gone = Vec::new();
        for step in self.planned().await? {
            gone.extend(self.take_out(step).await?);
            crash_point!(EvidenceTakenOut);
        }
        Ok(gone)
    }

    /// Reads the whole ledger: not on a thread where others wait.
    async fn planned(self: &Arc<Self>) -> Result<Vec<Step>, AppError> {
        let app = Arc::clone(self);
        let planned = tokio::task::spawn_blocking(move || app.plan()).await;
        planned.map_err(|_| AppError::Conflict("the server is stopping: nothing was collected".to_owned()))?
    }

    /// One step. What somebody has named since it was planned stays.
    async fn take_out(&self, mut step: Step) -> Result<Option<Due>, AppError> {
        for attempt in 1..=ATTEMPTS {
            let now = self.clock.now();
            step.blobs.retain(|digest, _| !self.known_evidence.is_any_pinned([digest], now));
            if step.blobs.is_empty() {
                return Ok(None);
            }
            match self.commit_step(&step).await {
                Err(_) if attempt < ATTEMPTS && self.known_evidence.is_any_pinned(step.blobs.keys(), now) => {
                }
                Err(error) => return Err(error),
                Ok(entry) => {
                    tracing::info!(tier = %step.rule.tier, blobs = step.blobs.len(), entry, "evidence taken out");
                    return Ok(Some(step.due(Some(entry))));
                }
            }
        }
        Ok(None)
    }

    async fn commit_step(&self, step: &Step) -> Result<u64, AppError> {
        let Due { rule: Rule { tier, keep }, versions, blobs, bytes, .. } = step.due(None);
        let policy = self.generation.load().policy.digest().0;
        let list = list(&step.blobs);
        let entry = Entry::EvidenceCollected(Collected { tier, keep, policy, versions, blobs, bytes, list });
        let digests: Arc<[Digest]> = step.blobs.keys().copied().collect();
        let deletes = |batch: Batch, digest: &Digest| batch.delete(keys::evidence(digest));
        let (known, named, now) = (self.known_evidence.clone(), Arc::clone(&digests), self.clock.now());
        // Looked at again when the step's turn comes: whatever names one of these then has been written before, or
        // will be written whole.
        let batch = digests.iter().fold(Batch::new(), deletes).derive(move |_| {
            if known.is_any_pinned(named.iter(), now) {
                return Err("evidence that was to go is named again".into());
            }
            Ok(Vec::new())
        });
        let link = move |index: u64| {
            let tombstone = codec::encode(&index).unwrap_or_default();
            let put = |digest| Write::Put(keys::collected(digest), tombstone.clone());
            digests.iter().map(put).collect()
        };
        self.record_linked(&entry, batch, link).await
    }
}

impl Step {
    fn due(&self, entry: Option<u64>) -> Due {
        let bytes = self.blobs.values().sum();
        let blobs = u64::try_from(self.blobs.len()).unwrap_or(u64::MAX);
        Due { rule: self.rule.clone(), versions: self.versions, blobs, bytes, entry }
    }
}

/// The digest of a list of digests: see [`Collected::list`].
fn list(blobs: &BTreeMap<Digest, u64>) -> Digest {
    let lines: String = blobs.keys().map(|digest| format!("{digest}\n")).collect();
    Digest::of(lines.as_bytes())
}

/// Why a blob is not there, where its time was over: a sentence.
pub(super) fn tombstone(store: &dyn Store, digest: Digest) -> Result<Option<String>, AppError> {
    let key = keys::collected(&digest);
    let Some(value) = store.get(&key)? else { return Ok(None) };
    let index: u64 = codec::decode(&key, &value)?;
    let key = keys::ledger_entry(index);
    let told = store.get(&key)?.and_then(|value| {
        let record = crate::ledger::Record {
            index,
            json: String::from_utf8(codec::decode_raw(&key, &value).ok()?.to_vec()).ok()?,
        };
        let Entry::EvidenceCollected(Collected { tier, keep, .. }) = App::entry_of(&record).ok()? else {
            return None;
        };
        let on = record.parse().ok()?.at;
        Some(format!(
            "the evidence {digest} was collected on {on}, by the rule that evidence of tier `{tier}` is kept for {keep} \
             (ledger entry {index}): the entries that name it stand and are proved as before, and it cannot be read \
             or replayed any more"
        ))
    });
    let bare = || format!("the evidence {digest} was collected (ledger entry {index})");
    Ok(Some(told.unwrap_or_else(bare)))
}

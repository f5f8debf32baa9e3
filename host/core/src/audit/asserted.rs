//! What clients of MLflow wrote about a version: as it was when the version was last judged, and not checked by
//! anybody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Blobs;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::facts::{ModelFacts, VersionFacts};
use crate::held::Account;
use crate::names::Version;

/// Facts as they were kept for a request.
pub(super) struct Snapshot {
    digest: Digest,
    entry: u64,
    pub(super) version: VersionFacts,
    model: ModelFacts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asserted {
    pub version: Version,
    /// The entry that keeps the snapshot, and its digest: that it was written is proved, not that it is so.
    pub entry: u64,
    pub facts: Digest,
    /// Whom the run names.
    pub run: Option<String>,
    pub run_by: Option<String>,
    pub description: Option<String>,
    pub model_description: Option<String>,
    pub tags: Vec<Claim>,
    pub model_tags: Vec<Claim>,
    pub params: Vec<Claim>,
    pub metrics: Vec<MetricClaim>,
    pub datasets: Vec<DatasetClaim>,
    /// What could not be read.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricClaim {
    pub name: String,
    /// As it was logged.
    pub value: String,
    pub dataset: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetClaim {
    pub name: String,
    /// What MLflow's client computed.
    pub digest: String,
    pub context: Option<String>,
}

/// The newest snapshot of each version that is at hand, by version.
pub(super) fn snapshots(account: &Account, blobs: Blobs<'_>) -> Vec<Snapshot> {
    let mut newest: BTreeMap<Version, (u64, Digest)> = BTreeMap::new();
    for told in account.entries() {
        if let Entry::RequestOpened { subject, facts, .. } = &told.entry
            && subject.model == account.model
        {
            newest.insert(subject.version, (told.index, *facts));
        }
    }
    let read = |(entry, digest): (u64, Digest)| {
        let (version, model) = serde_json::from_slice(&blobs(digest)?).ok()?;
        Some(Snapshot { digest, entry, version, model })
    };
    newest.into_values().filter_map(read).collect()
}

impl Asserted {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let Snapshot { digest, entry, version, model } = snapshot;
        let run = version.run.as_ref();
        Self {
            version: version.subject.version,
            entry,
            facts: digest,
            run: run.map(|run| run.id.clone()),
            run_by: run.and_then(|run| run.user.clone()),
            description: version.description.clone().filter(|text| !text.is_empty()),
            model_description: model.description.filter(|text| !text.is_empty()),
            tags: claims(&version.tags),
            model_tags: claims(&model.tags),
            params: run.map(|run| claims(&run.params)).unwrap_or_default(),
            metrics: metrics(&version),
            datasets: datasets(&version),
            missing: version.missing.iter().map(|gap| format!("{}: {}", gap.fact, gap.reason)).collect(),
        }
    }
}

fn claims(of: &BTreeMap<String, String>) -> Vec<Claim> {
    of.iter().map(|(name, value)| Claim { name: name.clone(), value: value.clone() }).collect()
}

/// The last value of each metric on each dataset.
fn metrics(version: &VersionFacts) -> Vec<MetricClaim> {
    let mut last: BTreeMap<(String, Option<String>), (i64, String)> = BTreeMap::new();
    for metric in &version.metrics {
        let key = (metric.name.clone(), metric.dataset_name.clone());
        let newer = last.get(&key).is_none_or(|(step, _)| *step <= metric.step);
        if newer {
            last.insert(key, (metric.step, metric.value.clone()));
        }
    }
    last.into_iter().map(|((name, dataset), (_, value))| MetricClaim { name, value, dataset }).collect()
}

fn datasets(version: &VersionFacts) -> Vec<DatasetClaim> {
    let of_run = version.run.iter().flat_map(|run| &run.datasets);
    let claim = |dataset: &crate::facts::Dataset| DatasetClaim {
        name: dataset.name.clone(),
        digest: dataset.digest.clone(),
        context: dataset.context.clone(),
    };
    of_run.map(claim).collect()
}

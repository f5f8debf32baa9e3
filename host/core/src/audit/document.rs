//! The document as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Answered, Asserted, Blobs, Decision, Exceptions, Pack, asserted, decisions, exceptions, gaps};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::held::{Account, Answer, Holding};
use crate::names::{ModelName, PersonId, Version, Workspace};
use crate::separation::Breach;
use crate::time::{Millis, rfc3339};

/// Everything about one model, for somebody who trusts nobody here. Its schema is `host/schemas/audit.v1.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub format: u32,
    pub workspace: Workspace,
    pub model: ModelName,
    pub made: Made,
    pub ledger: LedgerSeen,
    pub verified: Verified,
    /// What clients of MLflow wrote, by version. Nothing of it was checked.
    pub asserted: Vec<Asserted>,
    /// What this document cannot show, or shows to be wanting.
    pub gaps: Vec<String>,
    pub packs: Vec<Answered>,
    /// What people are called now, of those who still have a profile.
    pub names: BTreeMap<PersonId, String>,
}

/// When the document was made, and of what time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub software: String,
    #[serde(flatten)]
    pub range: Range,
}

/// `None`: without an end on that side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    #[serde(with = "rfc3339::option")]
    pub from: Option<Millis>,
    #[serde(with = "rfc3339::option")]
    pub to: Option<Millis>,
}

impl Range {
    /// Whether a time is within.
    #[must_use]
    pub fn has(&self, at: Millis) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }

    /// Whether something that ran from one time to another was there at any moment within.
    #[must_use]
    pub fn meets(&self, began: Millis, ended: Option<Millis>) -> bool {
        self.to.is_none_or(|to| began < to)
            && self.from.is_none_or(|from| ended.is_none_or(|ended| from < ended))
    }
}

/// The ledger that the document was read from, so that it can be checked against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerSeen {
    pub origin: String,
    pub vkey: String,
    pub entries: u64,
    pub root: Digest,
    /// The signed note over that root.
    pub checkpoint: String,
}

/// What the ledger proves, and what Countersign itself computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub versions: Vec<VersionSeen>,
    pub held: Vec<Holding>,
    pub decisions: Vec<Decision>,
    pub exceptions: Exceptions,
    pub policies: Vec<PolicySeen>,
    /// Writes that their signatures do not cover.
    pub breaches: Vec<Breach>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSeen {
    pub version: Version,
    /// The entry that says who registered it.
    pub registered: Option<u64>,
    pub registered_by: Option<PersonId>,
    #[serde(with = "rfc3339::option")]
    pub created: Option<Millis>,
    pub source: Option<String>,
    /// Over its files, as they were when it was last judged.
    pub manifest: Option<Digest>,
    pub files: Option<u64>,
    pub bytes: Option<u64>,
}

/// A policy, and how long it was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySeen {
    pub digest: Digest,
    pub entry: u64,
    #[serde(with = "rfc3339")]
    pub from: Millis,
    #[serde(with = "rfc3339::option")]
    pub until: Option<Millis>,
}

impl Audit {
    /// From what the ledger says about a model and the evidence that is at hand.
    #[must_use]
    pub fn new(account: &Account, ledger: LedgerSeen, made: Made, blobs: Blobs<'_>) -> Self {
        let range = made.range;
        let mut held = Answer::new(account, None, None).held;
        held.retain(|held| range.meets(held.from, held.until));
        let mut decisions = decisions::all(account, blobs);
        decisions
            .retain(|decision| range.meets(decision.at, Some(decision.last_at)) || range.has(decision.at));
        let snapshots = asserted::snapshots(account, blobs);
        let verified = Verified {
            versions: versions(account, &snapshots),
            held,
            decisions,
            exceptions: exceptions::all(account, range),
            policies: policies(account, range),
            breaches: account.breaches(),
        };
        let asserted = snapshots.into_iter().map(Asserted::new).collect();
        let mut audit = Self {
            format: 1,
            workspace: account.workspace.clone(),
            model: account.model.clone(),
            made,
            ledger,
            verified,
            asserted,
            gaps: Vec::new(),
            packs: Vec::new(),
            names: BTreeMap::new(),
        };
        audit.gaps = gaps::of(&audit, account);
        audit
    }

    /// The same with what a text asks for held against it.
    #[must_use]
    pub fn against(mut self, packs: &[Pack]) -> Self {
        self.packs = packs.iter().map(|pack| pack.answered(&self)).collect();
        self
    }

    /// What somebody is called, or their id.
    #[must_use]
    pub fn call(&self, person: &PersonId) -> String {
        self.names.get(person).cloned().unwrap_or_else(|| person.to_string())
    }

    /// Everybody who is named in it.
    #[must_use]
    pub fn people(&self) -> Vec<PersonId> {
        let verified = &self.verified;
        let held = verified.held.iter().flat_map(|held| held.behind.people());
        let decided = verified.decisions.iter().flat_map(Decision::people);
        let registered = verified.versions.iter().filter_map(|version| version.registered_by.as_ref());
        let mut people: Vec<PersonId> =
            held.chain(decided).chain(registered).chain(verified.exceptions.people()).cloned().collect();
        people.sort();
        people.dedup();
        people
    }
}

/// Versions that anything is known of, oldest first.
fn versions(account: &Account, snapshots: &[asserted::Snapshot]) -> Vec<VersionSeen> {
    let mut found: BTreeMap<Version, VersionSeen> = BTreeMap::new();
    for told in account.entries() {
        match &told.entry {
            Entry::VersionCreated { version, by, .. } => {
                let seen = found.entry(*version).or_insert_with(|| VersionSeen::unknown(*version));
                (seen.registered, seen.registered_by) = (Some(told.index), by.clone());
            }
            Entry::RequestOpened { subject, .. } if subject.model == account.model => {
                let seen =
                    found.entry(subject.version).or_insert_with(|| VersionSeen::unknown(subject.version));
                (seen.created, seen.source) = (Some(subject.created), Some(subject.source.clone()));
                seen.manifest = subject.manifest.or(seen.manifest);
            }
            Entry::CheckRun(run) => {
                found.entry(run.version).or_insert_with(|| VersionSeen::unknown(run.version));
            }
            _ => {}
        }
    }
    for snapshot in snapshots {
        let Some(seen) = found.get_mut(&snapshot.version.subject.version) else { continue };
        seen.files = Some(snapshot.version.files.len() as u64);
        seen.bytes = Some(snapshot.version.files.iter().map(|file| file.size).sum());
    }
    found.remove(&Version::new(0));
    found.into_values().collect()
}

impl VersionSeen {
    const fn unknown(version: Version) -> Self {
        Self {
            version,
            registered: None,
            registered_by: None,
            created: None,
            source: None,
            manifest: None,
            files: None,
            bytes: None,
        }
    }
}

fn policies(account: &Account, range: Range) -> Vec<PolicySeen> {
    let found = account.policies();
    let ends = found.iter().skip(1).map(|(_, at, _)| Some(*at)).chain([None]);
    let seen = found.iter().zip(ends).map(|((entry, from, digest), until)| PolicySeen {
        digest: *digest,
        entry: *entry,
        from: *from,
        until,
    });
    seen.filter(|policy| range.meets(policy.from, policy.until)).collect()
}

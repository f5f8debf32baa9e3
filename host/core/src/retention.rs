//! How long evidence is kept, and what may go: only what nothing that must stay leads to.
//!
//! The unit is a version of a model. Its time begins with the last ledger entry about it, and lasts as long as the
//! strictest of the tiers that it was ever judged by says; where one of them says nothing, for ever. This module must
//! not know where entries and evidence are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use crate::action::Placed;
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::entry::{Entry, Live};
use crate::facts::Subject;
use crate::names::{ModelName, Tier, Version, Workspace};
use crate::policy::TierRule;
use crate::request::RequestId;
use crate::time::{Millis, Span};

/// A version of a model, wherever it is spoken of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VersionKey {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
}

/// The line of the policy by which evidence goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    pub tier: Tier,
    pub keep: Span,
}

/// What the ledger says of each version: when last, and which tiers it had.
#[derive(Debug, Clone, Default)]
pub struct Census {
    versions: BTreeMap<VersionKey, Known>,
    requests: HashMap<RequestId, VersionKey>,
}

#[derive(Debug, Clone)]
struct Known {
    last: Millis,
    tiers: BTreeSet<Tier>,
}

// === impl VersionKey ===

impl VersionKey {
    #[must_use]
    pub fn new(workspace: &Workspace, model: &ModelName, version: Version) -> Self {
        Self { workspace: workspace.clone(), model: model.clone(), version }
    }
}

impl From<&Subject> for VersionKey {
    fn from(subject: &Subject) -> Self {
        Self::new(&subject.workspace, &subject.model, subject.version)
    }
}

impl From<&Live> for VersionKey {
    fn from(live: &Live) -> Self {
        Self::new(&live.workspace, &live.model, live.version)
    }
}

// === impl Census ===

impl Census {
    /// Takes in one entry after another, oldest first.
    pub fn take_in(&mut self, at: Millis, entry: &Entry) {
        if let Entry::RequestOpened { request, subject, .. } = entry {
            self.requests.insert(*request, subject.into());
        }
        for version in self.versions_of(entry) {
            let known =
                self.versions.entry(version).or_insert_with(|| Known { last: at, tiers: BTreeSet::new() });
            known.last = known.last.max(at);
            known.tiers.extend(gates(entry).iter().flat_map(tiers_of).cloned());
        }
    }

    /// Takes in how a request about a version was judged, which not every entry says.
    pub fn judged(&mut self, version: &VersionKey, gates: &[GateVerdict]) {
        if let Some(known) = self.versions.get_mut(version) {
            known.tiers.extend(gates.iter().flat_map(tiers_of).cloned());
        }
    }

    /// The versions that an entry is about; none where it is about something else, or nobody can tell.
    #[must_use]
    pub fn versions_of(&self, entry: &Entry) -> Vec<VersionKey> {
        match entry {
            Entry::Intent(intent) => {
                intent.subject.iter().chain(&intent.also).map(VersionKey::from).collect()
            }
            Entry::CheckRun(run) => vec![VersionKey::new(&run.workspace, &run.model, run.version)],
            Entry::VersionCreated { workspace, model, version, .. }
            | Entry::RuleRun { workspace, model, version, .. }
            | Entry::Commented { workspace, model, version, .. } => {
                vec![VersionKey::new(workspace, model, *version)]
            }
            Entry::TierDrift { live, .. } | Entry::TierRestored { live, .. } => vec![live.into()],
            Entry::WindowClosed { request, changed } => {
                let of = self.requests.get(request).cloned();
                of.into_iter().chain(changed.iter().map(VersionKey::from)).collect()
            }
            // It is about what is kept: it makes nothing younger.
            Entry::Held(_) => Vec::new(),
            Entry::Refused { request: None, placed, .. } | Entry::WouldRefuse { placed, .. } => {
                placed_version(placed).into_iter().collect()
            }
            other => other.request().and_then(|id| self.requests.get(&id)).cloned().into_iter().collect(),
        }
    }

    /// Every workspace that something was said about.
    #[must_use]
    pub fn workspaces(&self) -> BTreeSet<&Workspace> {
        self.versions.keys().map(|version| &version.workspace).collect()
    }

    /// Every version of a model that something was said about.
    #[must_use]
    pub fn of_model(&self, workspace: &Workspace, model: &ModelName) -> Vec<VersionKey> {
        let of = |version: &&VersionKey| version.workspace == *workspace && version.model == *model;
        self.versions.keys().filter(of).cloned().collect()
    }

    #[must_use]
    pub fn of_request(&self, request: &RequestId) -> Option<&VersionKey> {
        self.requests.get(request)
    }

    /// The versions whose evidence has had its time, each with the rule that says so. `stays` are those that must
    /// be kept whatever the rules say.
    #[must_use]
    pub fn over(
        &self,
        tiers: &[TierRule],
        now: Millis,
        stays: impl Fn(&VersionKey) -> bool,
    ) -> BTreeMap<VersionKey, Rule> {
        let of = |(version, known): (&VersionKey, &Known)| {
            let rule = rule(tiers, &known.tiers)?;
            let is_over = known.last.plus(rule.keep) <= now;
            (is_over && !stays(version)).then(|| (version.clone(), rule))
        };
        self.versions.iter().filter_map(of).collect()
    }
}

/// The longest of the rules of these tiers; `None` where one of them has none, or where there is no tier.
fn rule(tiers: &[TierRule], had: &BTreeSet<Tier>) -> Option<Rule> {
    let of = |tier: &Tier| {
        let keep = tiers.iter().find(|rule| rule.name == *tier)?.keep_evidence?;
        Some(Rule { tier: tier.clone(), keep })
    };
    let rules: Option<Vec<Rule>> = had.iter().map(of).collect();
    rules?.into_iter().max_by_key(|rule| rule.keep)
}

fn gates(entry: &Entry) -> &[GateVerdict] {
    match entry {
        Entry::Intent(intent) => &intent.gates,
        Entry::Refused { gates, .. } | Entry::WouldRefuse { gates, .. } => gates,
        _ => &[],
    }
}

fn tiers_of(gate: &GateVerdict) -> impl Iterator<Item = &Tier> {
    gate.tier.known().into_iter().chain(&gate.lowered_from)
}

fn placed_version(placed: &Placed) -> Option<VersionKey> {
    Some(VersionKey::new(&placed.workspace, placed.action.model()?, placed.action.version()?))
}

// === what leads to what ===

/// Every digest that is written in a text, wherever it stands: whatever a later version writes is found as well.
#[must_use]
pub fn digests_in(text: &[u8]) -> Vec<Digest> {
    const PREFIX: &[u8] = b"sha256:";
    const DIGITS: usize = 64;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(PREFIX.len()).position(|window| window == PREFIX) {
        let (whole, next) = (rest.get(at..), rest.get(at + PREFIX.len()..).unwrap_or_default());
        let written = whole.and_then(|whole| whole.get(..PREFIX.len() + DIGITS));
        let digest: Option<Digest> = written.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        found.extend(digest);
        rest = next;
    }
    found
}

/// What can be reached from some roots.
#[derive(Debug, Clone, Default)]
pub struct Reached(HashSet<Digest>);

impl Reached {
    /// Goes on from further roots. `leads_to` gives what a blob names, `None` where there is no such blob. Gives what
    /// was not reached before.
    ///
    /// # Errors
    /// Those of `leads_to`.
    pub fn go_on<E>(
        &mut self,
        roots: impl IntoIterator<Item = Digest>,
        mut leads_to: impl FnMut(&Digest) -> Result<Option<Vec<Digest>>, E>,
    ) -> Result<Vec<Digest>, E> {
        let (mut to_do, mut new): (Vec<Digest>, Vec<Digest>) = (roots.into_iter().collect(), Vec::new());
        while let Some(digest) = to_do.pop() {
            if self.0.contains(&digest) {
                continue;
            }
            if let Some(named) = leads_to(&digest)? {
                self.0.insert(digest);
                new.push(digest);
                to_do.extend(named);
            }
        }
        Ok(new)
    }

    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.0.contains(digest)
    }
}

#[cfg(test)]
mod tests;

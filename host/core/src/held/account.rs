//! What the ledger says about one model, kept entry by entry.

use std::collections::BTreeSet;

use serde::Deserialize;
use uuid::Uuid;

use super::{Spell, Timeline};
use crate::action::{Action, Placed};
use crate::digest::Digest;
use crate::entry::{Entry, PolicyLoad};
use crate::facts::Subject;
use crate::names::{ModelName, Workspace};
use crate::separation::{Breach, KINDS, Prover};
use crate::time::Millis;

/// An entry at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub index: u64,
    pub at: Millis,
    pub entry: Entry,
}

/// What the body of an entry points to, where that is enough to see whether it matters.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Ids {
    #[serde(default)]
    pub request: Option<Uuid>,
    #[serde(default)]
    pub intent: Option<Uuid>,
    /// Of an emergency.
    #[serde(default)]
    pub used: Option<Uuid>,
    #[serde(default)]
    pub waiver: Option<Uuid>,
}

/// Everything that entries say about one model, and the policies that were in force meanwhile.
#[derive(Debug)]
pub struct Account {
    pub workspace: Workspace,
    pub model: ModelName,
    entries: Vec<Told>,
    timeline: Timeline,
    prover: Prover,
    /// Requests, intents, emergencies and waivers about it.
    ids: BTreeSet<Uuid>,
    size: u64,
}

impl Account {
    #[must_use]
    pub fn new(workspace: Workspace, model: ModelName) -> Self {
        Self {
            workspace,
            model,
            entries: Vec::new(),
            timeline: Timeline::default(),
            prover: Prover::default(),
            ids: BTreeSet::new(),
            size: 0,
        }
    }

    /// Whether an entry that does not name the model may be about it all the same.
    #[must_use]
    pub fn knows(&self, ids: &Ids) -> bool {
        let mut given = [ids.request, ids.intent, ids.used, ids.waiver].into_iter().flatten();
        given.any(|id| self.ids.contains(&id))
    }

    /// Notes that the ledger goes on up to an entry that is not about the model.
    pub fn pass(&mut self, index: u64) {
        self.size = self.size.max(index.saturating_add(1));
    }

    /// Takes in an entry; what is about another model only counts.
    pub fn take(&mut self, index: u64, at: Millis, entry: Entry) {
        self.pass(index);
        if !self.is_about(&entry) {
            return;
        }
        self.ids.extend(entry.begins());
        // Nothing is told of it but whether it was made.
        let _ = self.timeline.take(index, at, &entry);
        if KINDS.contains(&entry.kind()) {
            self.prover.read(index, at, &entry);
        }
        self.entries.push(Told { index, at, entry });
    }

    #[must_use]
    pub fn entries(&self) -> &[Told] {
        &self.entries
    }

    /// How many entries the ledger had.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What its names held, each oldest first.
    #[must_use]
    pub fn spells(&self) -> Vec<Spell> {
        self.timeline.spells(&self.workspace, &self.model)
    }

    /// Writes that their signatures do not cover, by the entry that announced each.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.prover.breaches().to_vec()
    }

    /// The policies that took effect, each once as long as it stayed.
    #[must_use]
    pub fn policies(&self) -> Vec<(u64, Millis, Digest)> {
        let mut found: Vec<(u64, Millis, Digest)> = Vec::new();
        for told in &self.entries {
            let (Entry::Started { policy, .. } | Entry::PolicyLoaded(PolicyLoad { policy, .. })) =
                &told.entry
            else {
                continue;
            };
            if found.last().is_none_or(|(.., last)| last != policy) {
                found.push((told.index, told.at, *policy));
            }
        }
        found
    }

    fn is_about(&self, entry: &Entry) -> bool {
        let named =
            |workspace: &Workspace, model: &ModelName| *workspace == self.workspace && *model == self.model;
        let knows = |id: &Uuid| self.ids.contains(id);
        match entry {
            Entry::Started { .. } | Entry::PolicyLoaded(_) => true,
            Entry::VersionCreated { workspace, model, .. }
            | Entry::RuleRun { workspace, model, .. }
            | Entry::Commented { workspace, model, .. } => named(workspace, model),
            Entry::CheckRun(run) => named(&run.workspace, &run.model),
            Entry::Bypassed(bypass) => named(&bypass.workspace, &bypass.model),
            Entry::TierDrift { live, .. } | Entry::TierRestored { live, .. } => {
                named(&live.workspace, &live.model)
            }
            Entry::RequestOpened { placed, subject, .. } => self.concerns(placed) || self.is_subject(subject),
            Entry::Intent(intent) => {
                let mut subjects = intent.subject.iter().chain(&intent.also);
                self.concerns(&intent.placed)
                    || subjects.any(|subject| self.is_subject(subject))
                    || intent.request.is_some_and(|request| knows(&request.0))
            }
            Entry::Outcome { intent, .. } => knows(intent),
            Entry::Refused { placed, .. } | Entry::WouldRefuse { placed, .. } => self.concerns(placed),
            Entry::WaiverAsked { waiver } => named(&waiver.scope.workspace, &waiver.scope.model),
            Entry::WaiverApproved { waiver, .. } | Entry::WaiverRevoked { waiver, .. } => knows(waiver),
            Entry::BreakGlassReviewed { used, .. } | Entry::SkipAcknowledged { used, .. } => knows(used),
            other => other.request().is_some_and(|request| knows(&request.0)),
        }
    }

    fn concerns(&self, placed: &Placed) -> bool {
        let renamed =
            matches!(&placed.action, Action::RenameModel { new_name, .. } if *new_name == self.model);
        placed.workspace == self.workspace && (renamed || placed.action.model() == Some(&self.model))
    }

    fn is_subject(&self, subject: &Subject) -> bool {
        subject.workspace == self.workspace && subject.model == self.model
    }
}

//! Separation of duties and quorum, proved again from ledger entries alone.
//!
//! Nothing that a decision said of itself is believed where another entry can say it: who opened the request, who
//! registered the version, who voted what on which digest, who approved a waiver. An entry that says otherwise
//! is a violation, named by its number. This module must not know: the policy, the roster, the store, other faults
//! of a ledger.

mod proof;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::break_glass::BreakGlass;
use crate::digest::Digest;
use crate::entry::{Entry, Intent, OutcomeResult, Waivers};
use crate::names::{ModelName, PersonId, Version, Workspace};
use crate::request::RequestId;
use crate::review::{Authors, Review};
use crate::time::Millis;

/// A write that was made and should not have been, or a review of it that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Breach {
    /// The entry that announced the write, or that has the review.
    pub entry: u64,
    pub reason: String,
}

/// Reads entries in their order and says which of the writes that they tell of were not covered.
#[derive(Debug, Default)]
pub struct Prover {
    creators: BTreeMap<(Workspace, ModelName, Version), Option<PersonId>>,
    requests: BTreeMap<RequestId, Authors>,
    reviews: BTreeMap<Digest, Vec<Review>>,
    waivers: Waivers,
    broken: BTreeMap<Uuid, BreakGlass>,
    bypasses: Vec<Digest>,
    windows: BTreeMap<RequestId, proof::Window>,
    announced: BTreeMap<Uuid, Announced>,
    breaches: Vec<Breach>,
}

/// What was found about a write when it was announced; it counts if the write was made.
#[derive(Debug)]
struct Announced {
    entry: u64,
    faults: Vec<String>,
}

/// The kinds of entry that a proof needs; no other must be handed over.
pub const KINDS: [&str; 14] = [
    "version-created",
    "request-opened",
    "reviewed",
    "intent",
    "outcome",
    "bypassed",
    "waiver-asked",
    "waiver-approved",
    "waiver-revoked",
    "broke-glass",
    "break-glass-reviewed",
    "sample-reviewed",
    "window-opened",
    "window-closed",
];

impl Prover {
    /// Takes the next entry.
    pub fn read(&mut self, index: u64, at: Millis, entry: &Entry) {
        match entry {
            Entry::VersionCreated { workspace, model, version, by } => {
                let key = (workspace.clone(), model.clone(), *version);
                self.creators.insert(key, by.clone());
            }
            Entry::RequestOpened { request, authors, .. } => {
                self.requests.insert(*request, authors.clone());
            }
            Entry::Reviewed { review, .. } => {
                self.reviews.entry(review.binding).or_default().push(review.clone());
            }
            Entry::Bypassed(bypass) => self.bypasses.extend(Digest::of_json(bypass)),
            Entry::Intent(intent) => self.announce(index, at, intent),
            Entry::Outcome { intent, result } => self.conclude(*intent, result),
            Entry::SampleReviewed { request, word, .. } => self.sample(index, *request, &word.by),
            _ => self.exception(index, entry),
        }
    }

    fn exception(&mut self, index: u64, entry: &Entry) {
        match entry {
            Entry::BrokeGlass { used } => {
                self.broken.insert(used.id, used.clone());
            }
            Entry::BreakGlassReviewed { used, word } => {
                if let Some(used) = self.broken.get_mut(used) {
                    used.reviewed = Some(word.clone());
                }
            }
            Entry::WindowOpened { request, placed, by, until } => {
                self.windows.insert(*request, proof::Window::new(placed, by, *until));
            }
            Entry::WindowClosed { request, .. } => drop(self.windows.remove(request)),
            other => self.waivers.read(index, other),
        }
    }

    /// Nobody reviews their own work, after the fact either.
    fn sample(&mut self, entry: u64, request: RequestId, by: &PersonId) {
        if let Some(why) = self.requests.get(&request).and_then(|authors| authors.admits(by).err()) {
            let reason = format!("{by} reviewed their own work as a sample: {why}");
            self.breaches.push(Breach { entry, reason });
        }
    }

    fn announce(&mut self, entry: u64, at: Millis, intent: &Intent) {
        let faults = self.faults(at, intent);
        if let Some(window) = intent.request.and_then(|request| self.windows.get_mut(&request)) {
            window.begin(intent);
        }
        if !faults.is_empty() {
            self.announced.insert(intent.id, Announced { entry, faults });
        }
    }

    fn conclude(&mut self, intent: Uuid, result: &OutcomeResult) {
        let Some(announced) = self.announced.remove(&intent) else { return };
        if result.may_have_acted() {
            let Announced { entry, faults } = announced;
            self.breaches.extend(faults.into_iter().map(|reason| Breach { entry, reason }));
        }
    }

    /// The breaches that were found up to here, as they were found.
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Every breach, in the order of the ledger.
    #[must_use]
    pub fn finish(self) -> Vec<Breach> {
        let mut breaches = self.breaches;
        breaches.sort_by_key(|breach| breach.entry);
        breaches
    }
}

#[cfg(test)]
mod tests;

//! Evidence first: a vote waits until the checks are final and whoever votes has opened what they found.
//!
//! This module must not know: how findings are shown, who may vote.

use serde::{Deserialize, Serialize};

use crate::decide::{Need, Verdict};
use crate::digest::Digest;
use crate::names::{PersonId, PluginName};
use crate::request::PromotionRequest;
use crate::time::Millis;

/// Somebody opened the findings of one execution of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub by: PersonId,
    pub plugin: PluginName,
    /// Digest of exactly the outcome that was shown.
    pub outcome: Digest,
    pub at: Millis,
}

/// Why a vote must wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    #[error("check {0} is not final: vote when it has run")]
    NotFinal(PluginName),
    #[error("you have not opened the findings of {}: open them, then vote", words(.0))]
    Unread(Vec<PluginName>),
}

fn words(plugins: &[PluginName]) -> String {
    let names: Vec<&str> = plugins.iter().map(PluginName::as_str).collect();
    names.join(", ")
}

impl PromotionRequest {
    /// Whether a vote on this waits for evidence at all.
    #[must_use]
    pub fn is_evidence_first(&self) -> bool {
        self.gates.iter().any(|gate| gate.enforced && gate.evidence_first)
    }

    /// The checks whose findings somebody has still to open.
    #[must_use]
    pub fn unread_by(&self, person: &PersonId) -> Vec<PluginName> {
        if !self.is_evidence_first() {
            return Vec::new();
        }
        let required = self.check_runs.iter().filter(|run| run.required);
        let unread = required.filter(|run| self.first_opened(person, run.outcome_digest).is_none());
        unread.map(|run| run.plugin.clone()).collect()
    }

    /// Lets a vote through; gives how long its author has looked, in milliseconds, where they had to.
    ///
    /// # Errors
    /// What they must wait for or open first.
    pub fn may_vote(&self, person: &PersonId, now: Millis) -> Result<Option<i64>, NotYet> {
        if !self.is_evidence_first() {
            return Ok(None);
        }
        if let Some(plugin) = self.not_final() {
            return Err(NotYet::NotFinal(plugin.clone()));
        }
        let unread = self.unread_by(person);
        if !unread.is_empty() {
            return Err(NotYet::Unread(unread));
        }
        let required = self.check_runs.iter().filter(|run| run.required);
        let first = required.filter_map(|run| self.first_opened(person, run.outcome_digest)).min();
        Ok(first.map(|at| now.since(at)))
    }

    fn first_opened(&self, person: &PersonId, outcome: Digest) -> Option<Millis> {
        let theirs = self.opened.iter().filter(|opened| &opened.by == person && opened.outcome == outcome);
        theirs.map(|opened| opened.at).min()
    }

    fn not_final(&self) -> Option<&PluginName> {
        let needs = self.gates.iter().filter(|gate| gate.enforced).flat_map(|gate| match &gate.verdict {
            Verdict::Held(needs) => needs.as_slice(),
            _ => &[],
        });
        needs.into_iter().find_map(|need| match need {
            Need::CheckRun { plugin } | Need::CheckAgain { plugin, .. } => Some(plugin),
            _ => None,
        })
    }
}

//! What of a request is looked at.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Key;
use crate::action::Action;
use crate::check::Conclusion;
use crate::names::{ModelName, Pattern, PersonId, PluginName, Seat, Tier};
use crate::request::{Flags, PromotionRequest, State};

/// A request in a few words, as lists keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub model: ModelName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tiers: BTreeSet<Tier>,
    /// As [`State::as_str`] says it.
    pub state: String,
    pub flags: Flags,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub seats: BTreeSet<Seat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// Those that failed, or could not judge.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub checks: BTreeSet<PluginName>,
}

impl Card {
    #[must_use]
    pub fn of(request: &PromotionRequest) -> Self {
        let (alias, stage) = aimed_at(&request.placed.action);
        let enforced = || request.gates.iter().filter(|gate| gate.enforced);
        let failed = |conclusion| matches!(conclusion, Conclusion::Fail | Conclusion::Error);
        let failed = request.check_runs.iter().filter(|run| failed(run.outcome.conclusion()));
        Self {
            model: request.subject.model.clone(),
            alias,
            stage,
            tiers: enforced().filter_map(|gate| gate.tier.known()).cloned().collect(),
            state: request.state.as_str().to_owned(),
            flags: request.flags.clone(),
            seats: lacking(request),
            by: request.authors.requester.clone(),
            checks: failed.map(|run| run.plugin.clone()).collect(),
        }
    }

    pub(super) fn is(&self, key: Key, value: &Pattern) -> bool {
        match key {
            Key::Model => value.matches(self.model.as_str()),
            Key::Alias => self.alias.as_ref().is_some_and(|alias| value.matches(alias)),
            Key::Stage => self.stage.as_ref().is_some_and(|stage| value.matches(stage)),
            Key::Tier => self.tiers.iter().any(|tier| value.matches(tier.as_str())),
            Key::State => self.stands(value.as_str()),
            Key::Seat => self.seats.iter().any(|seat| value.matches(seat.as_str())),
            Key::By => self.by.as_ref().is_some_and(|by| by.as_str() == value.as_str()),
            Key::Check => self.checks.iter().any(|check| value.matches(check.as_str())),
        }
    }

    fn stands(&self, word: &str) -> bool {
        match word {
            "stale" => self.flags.stale,
            "bypassed" => self.flags.bypassed,
            "waived" => self.flags.waived,
            "break-glass" => self.flags.break_glass,
            "ended" => !LIVE.contains(&self.state.as_str()),
            _ => states(word).is_some_and(|states| states.contains(&self.state.as_str())),
        }
    }
}

/// States that can still lead to a write.
const LIVE: [&str; 4] = ["open", "in-review", "approved", "applying"];
const ENDED: [&str; 8] =
    ["applied", "rejected", "withdrawn", "superseded", "lapsed", "expired", "suspended", "revoked"];

/// The states that a word stands for, as requests are listed by them; `None` for a flag. On pages a request is open
/// until it has ended, and blocked is what its state calls open.
pub(super) fn states(word: &str) -> Option<Vec<&'static str>> {
    match word {
        "open" => Some(LIVE.to_vec()),
        "ended" => Some(ENDED.to_vec()),
        "blocked" => Some(vec!["open"]),
        _ => LIVE.into_iter().skip(1).chain(ENDED).find(|state| *state == word).map(|state| vec![state]),
    }
}

fn aimed_at(action: &Action) -> (Option<String>, Option<String>) {
    match action {
        Action::SetAlias { alias, .. } | Action::DeleteAlias { alias, .. } => (Some(alias.to_string()), None),
        Action::TransitionStage { stage, .. } => (None, Some(stage.to_string())),
        _ => (None, None),
    }
}

/// Seats that it still needs somebody of, also where a check is in the way as well.
fn lacking(request: &PromotionRequest) -> BTreeSet<Seat> {
    let waits = matches!(request.state, State::Open | State::InReview);
    let gates = request.gates.iter().filter(|gate| waits && gate.enforced);
    let lacks = gates.flat_map(|gate| &gate.seats).filter(|(_, count)| count.is_lacking());
    lacks.map(|(seat, _)| seat).chain(request.sample_waits_for()).cloned().collect()
}

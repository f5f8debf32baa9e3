//! Every move of every governed name, taken in one entry after another.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::spell::{Spell, Step, Turn, cut, spells};
use super::{How, Name, Standing};
use crate::action::{Action, Placed};
use crate::decide::GateVerdict;
use crate::entry::{Bypass, Entry, Intent, OutcomeResult, TakenBack};
use crate::names::{ModelName, Stage, Tier, Version, Workspace};
use crate::request::RequestId;
use crate::time::Millis;

/// What can hold one version at a time: an alias, or one version's place in a stage.
type Slot = (Workspace, ModelName, Name, Option<Version>);

/// A name, and of a stage the version whose place in it is meant; and what it holds from then on.
type Change = ((Name, Option<Version>), Option<Version>);

/// A write that was announced, and whose end is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Announced {
    at: Millis,
    index: u64,
    placed: Placed,
    request: Option<RequestId>,
    tier: Option<Tier>,
    how: How,
}

/// A write that was made with a permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// When it was announced.
    pub at: Millis,
    pub placed: Placed,
    pub request: Option<RequestId>,
    pub tier: Option<Tier>,
    pub how: How,
}

/// All moves up to an entry. Entries must come in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    slots: BTreeMap<Slot, Vec<Step>>,
    announced: BTreeMap<Uuid, Announced>,
    fallbacks: Vec<Uuid>,
    turns: BTreeMap<RequestId, Vec<Turn>>,
}

impl Timeline {
    /// Takes in an entry. Gives the write that it says was made.
    pub fn take(&mut self, index: u64, at: Millis, entry: &Entry) -> Option<Made> {
        match entry {
            Entry::FallingBack { intent, .. } => self.fallbacks.push(*intent),
            Entry::Intent(intent) => self.announce(intent, index, at),
            Entry::Outcome { intent, result } => return self.conclude(*intent, result, index, at),
            Entry::Bypassed(bypass) => self.bypass(bypass, index, at),
            Entry::Expired { request } => {
                self.turn(*request, index, at, |was| (was.or(Some(Standing::Expired)), true))
            }
            Entry::Suspended(TakenBack { request, .. }) | Entry::Revoked(TakenBack { request, .. }) => {
                self.turn(*request, index, at, |was| (was.or(Some(Standing::TakenBack)), false));
            }
            Entry::Resumed(TakenBack { request, .. }) => self.turn(*request, index, at, |_| (None, false)),
            _ => {}
        }
        None
    }

    /// What the names of a model held, by name, each oldest first.
    #[must_use]
    pub fn spells(&self, workspace: &Workspace, model: &ModelName) -> Vec<Spell> {
        let of_model = self.of_model(workspace, model);
        let spells = of_model.flat_map(|((_, _, name, _), steps)| spells(name, steps));
        spells.flat_map(|spell| cut(self.turns_of(spell.request), spell)).collect()
    }

    /// By what right a name holds a version now.
    #[must_use]
    pub fn standing(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        name: &Name,
        version: Version,
    ) -> Standing {
        let place = (!name.is_alias()).then_some(version);
        let key = (workspace.clone(), model.clone(), name.clone(), place);
        let last = self.slots.get(&key).and_then(|steps| steps.last());
        last.filter(|step| step.version == Some(version)).map_or(Standing::Before, |step| {
            let turned = self.turns_of(step.request).last();
            turned
                .filter(|turn| turn.at >= step.at)
                .and_then(|turn| turn.lost)
                .unwrap_or_else(|| step.how.into())
        })
    }

    fn of_model(
        &self,
        workspace: &Workspace,
        model: &ModelName,
    ) -> impl Iterator<Item = (&Slot, &Vec<Step>)> {
        let first = (workspace.clone(), model.clone(), Name::Alias(String::new()), None);
        self.slots.range(first..).take_while(move |((w, m, ..), _)| w == workspace && m == model)
    }

    fn turns_of(&self, request: Option<RequestId>) -> &[Turn] {
        request.and_then(|request| self.turns.get(&request)).map(Vec::as_slice).unwrap_or_default()
    }

    fn turn(
        &mut self,
        request: RequestId,
        index: u64,
        at: Millis,
        becomes: impl Fn(Option<Standing>) -> (Option<Standing>, bool),
    ) {
        let turns = self.turns.entry(request).or_default();
        let last = turns.last().copied();
        let (lost, ends) = becomes(last.and_then(|turn| turn.lost));
        let expired = ends || last.is_some_and(|turn| turn.expired);
        // What ran out while it was suspended does not stand again when that ends.
        let lost = lost.or(expired.then_some(Standing::Expired));
        turns.push(Turn { at, index, lost, expired });
    }

    fn announce(&mut self, intent: &Intent, index: u64, at: Millis) {
        let (placed, request) = (intent.placed.clone(), intent.request);
        let (tier, how) = (tier_of(&intent.gates), self.how(intent));
        self.announced.insert(intent.id, Announced { at, index, placed, request, tier, how });
    }

    fn how(&self, intent: &Intent) -> How {
        let asked = intent.gates.iter().filter(|gate| gate.enforced).flat_map(|gate| gate.seats.values());
        if intent.break_glass.is_some() {
            How::BreakGlass
        } else if self.fallbacks.contains(&intent.id) {
            How::Fallback
        } else if intent.gates.is_empty() && intent.subject.is_none() {
            How::PutBack
        } else if asked.map(|seat| seat.needed).sum::<u32>() > 0 {
            How::Signed
        } else {
            How::Unasked
        }
    }

    fn conclude(&mut self, id: Uuid, result: &OutcomeResult, index: u64, at: Millis) -> Option<Made> {
        if matches!(result, OutcomeResult::Unknown { .. }) {
            return None;
        }
        let done = self.announced.remove(&id)?;
        self.fallbacks.retain(|fallback| *fallback != id);
        if !matches!(result, OutcomeResult::Applied | OutcomeResult::FoundApplied) {
            return None;
        }
        self.moved(&done, index, at);
        let Announced { at, placed, request, tier, how, .. } = done;
        Some(Made { at, placed, request, tier, how })
    }

    fn moved(&mut self, done: &Announced, settled: u64, at: Millis) {
        for ((name, place), version) in self.changes(&done.placed) {
            let Some(model) = done.placed.action.model() else { return };
            let slot = (done.placed.workspace.clone(), model.clone(), name, place);
            let kept = if done.how == How::PutBack { self.came_by(&slot, version) } else { None };
            let (how, index, request) = (done.how, done.index, done.request.or(kept));
            self.push(slot, Step { at, index, settled, version, how, request });
        }
        if let Action::RenameModel { model, new_name } = &done.placed.action {
            self.rename((&done.placed.workspace, model, new_name), done.index, settled, at);
        }
    }

    /// The request that a name last came by to a version: what is put back stands by that. It goes through all that
    /// the name ever held, which may be much, so nothing but a write that puts back may ask.
    fn came_by(&self, slot: &Slot, version: Option<Version>) -> Option<RequestId> {
        let steps = self.slots.get(slot).map(Vec::as_slice).unwrap_or_default();
        steps.iter().rev().filter(|step| step.version == version).find_map(|step| step.request)
    }

    /// What a write changes of the names of its model.
    fn changes(&self, placed: &Placed) -> Vec<Change> {
        let Some(model) = placed.action.model() else { return Vec::new() };
        let held = self
            .of_model(&placed.workspace, model)
            .filter_map(|((.., name, place), steps)| Some((name.clone(), *place, steps.last()?.version?)));
        let leaves = |(name, place, _): (Name, Option<Version>, Version)| ((name, place), None);
        match &placed.action {
            Action::SetAlias { alias, version, .. } => {
                vec![((alias_name(alias.as_str()), None), Some(*version))]
            }
            Action::DeleteAlias { alias, .. } => vec![((alias_name(alias.as_str()), None), None)],
            Action::TransitionStage { version, stage, archive_existing, .. } => {
                let held: Vec<_> = held.filter(|(name, ..)| !name.is_alias()).collect();
                into_stage(&held, *version, *stage, *archive_existing)
            }
            Action::DeleteVersion { version, .. } => {
                held.filter(|(.., held)| held == version).map(leaves).collect()
            }
            Action::DeleteModel { .. } => held.map(leaves).collect(),
            _ => Vec::new(),
        }
    }

    /// What a model held, it holds under its new name, by the same right.
    fn rename(
        &mut self,
        (workspace, old, new): (&Workspace, &ModelName, &ModelName),
        index: u64,
        settled: u64,
        at: Millis,
    ) {
        let held: Vec<(Name, Option<Version>, Step)> = self
            .of_model(workspace, old)
            .filter_map(|((.., name, place), steps)| Some((name.clone(), *place, steps.last()?.clone())))
            .filter(|(.., last)| last.version.is_some())
            .collect();
        for (name, place, last) in held {
            let moved = Step { at, index, settled, ..last };
            let gone = Step { version: None, ..moved.clone() };
            self.push((workspace.clone(), old.clone(), name.clone(), place), gone);
            self.push((workspace.clone(), new.clone(), name, place), moved);
        }
    }

    fn bypass(&mut self, bypass: &Bypass, index: u64, at: Millis) {
        let Some((name, place)) = Name::of_entry(&bypass.what) else { return };
        let place = if name.is_alias() { None } else { place.or(bypass.is).or(bypass.was) };
        let slot = (bypass.workspace.clone(), bypass.model.clone(), name, place);
        let step = Step { at, index, settled: index, version: bypass.is, how: How::Bypassed, request: None };
        self.push(slot, step);
    }

    /// A clock that was set back does not change what came first.
    fn push(&mut self, slot: Slot, step: Step) {
        let steps = self.slots.entry(slot).or_default();
        let at = steps.last().map_or(step.at, |last| step.at.max(last.at));
        steps.push(Step { at, ..step });
    }
}

fn alias_name(alias: &str) -> Name {
    Name::Alias(alias.to_owned())
}

/// A version is in one stage; whatever else was in it goes to the archive where MLflow is told so.
fn into_stage(
    held: &[(Name, Option<Version>, Version)],
    version: Version,
    stage: Stage,
    archive: bool,
) -> Vec<Change> {
    let target = Name::Stage(stage.to_string());
    let mut changes = Vec::new();
    for (name, place, holds) in held {
        let leaves = *holds == version && *name != target;
        let archived = archive && *holds != version && *name == target;
        if leaves || archived {
            changes.push(((name.clone(), *place), None));
        }
        if archived {
            changes.push(((Name::Stage(Stage::Archived.to_string()), *place), Some(*holds)));
        }
    }
    if stage != Stage::None {
        changes.push(((target, Some(version)), Some(version)));
    }
    changes
}

/// The tier of the first gate that enforces and knows it.
#[must_use]
pub fn tier_of(gates: &[GateVerdict]) -> Option<Tier> {
    let enforced = gates.iter().filter(|gate| gate.enforced);
    enforced.filter_map(|gate| gate.tier.known()).next().cloned()
}

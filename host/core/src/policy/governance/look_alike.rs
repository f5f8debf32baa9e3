//! Names that a reader cannot tell from governed ones.
//!
//! A look-alike would carry an ungoverned version to whoever reads the name by eye, so it is refused where a name
//! is made or promoted. Deleting one stays possible: that is how it is cleaned up.

use super::Governance;
use crate::action::Action;
use crate::names::{Alias, ModelName, Pattern};
use crate::policy::Policy;
use crate::policy::gate::{Gate, Guard};

pub(super) fn of<'p>(policy: &Policy, gate: &'p Gate, action: &Action) -> Option<Governance<'p>> {
    let (name, pattern) = match action {
        Action::SetAlias { model, alias, .. } => of_alias(gate, model, alias)?,
        Action::TransitionStage { model, stage, .. } => {
            gate.guard_of_stage(*stage)?;
            (model.as_str(), of_model(gate, model)?)
        }
        Action::RegisterVersion(registration) => of_new_model(gate, &registration.model)?,
        Action::CreateModel { model, .. } => of_new_model(gate, model)?,
        Action::RenameModel { new_name, .. } => of_new_model(gate, new_name)?,
        _ => return None,
    };
    let resembles = pattern.clone();
    (!named_outright(policy, name)).then(|| Governance::LookAlike { gate, name: name.to_owned(), resembles })
}

fn of_alias<'p, 'a>(
    gate: &'p Gate,
    model: &'a ModelName,
    alias: &'a Alias,
) -> Option<(&'a str, &'p Pattern)> {
    let resembled = resembled_alias(gate, alias);
    if gate.covers(model) {
        return resembled.map(|pattern| (alias.as_str(), pattern));
    }
    let guarded = gate.guard_of_alias(alias.as_str()).is_some() || resembled.is_some();
    of_model(gate, model).filter(|_| guarded).map(|pattern| (model.as_str(), pattern))
}

fn of_new_model<'p, 'a>(gate: &'p Gate, name: &'a ModelName) -> Option<(&'a str, &'p Pattern)> {
    of_model(gate, name)
        .or_else(|| resembled_registration(gate, name))
        .map(|pattern| (name.as_str(), pattern))
}

fn of_model<'p>(gate: &'p Gate, model: &ModelName) -> Option<&'p Pattern> {
    let resembled = || gate.models.iter().find(|pattern| pattern.resembles(model.as_str()));
    if gate.covers(model) { None } else { resembled() }
}

fn resembled_alias<'p>(gate: &'p Gate, alias: &Alias) -> Option<&'p Pattern> {
    if gate.guard_of_alias(alias.as_str()).is_some() {
        return None;
    }
    gate.guards.iter().find_map(|guard| match guard {
        Guard::Alias(pattern) if pattern.resembles(alias.as_str()) => Some(pattern),
        _ => None,
    })
}

fn resembled_registration<'p>(gate: &'p Gate, model: &ModelName) -> Option<&'p Pattern> {
    if gate.guard_of_registration(model).is_some() {
        return None;
    }
    gate.guards.iter().find_map(|guard| match guard {
        Guard::RegisterInto(pattern) if pattern.resembles(model.as_str()) => Some(pattern),
        _ => None,
    })
}

/// Whether some gate names exactly this: an operator who governs both `model1` and `modell` means both.
fn named_outright(policy: &Policy, name: &str) -> bool {
    let literal = |pattern: &Pattern| !pattern.as_str().contains('*') && pattern.matches(name);
    policy.live_gates().iter().any(|gate| {
        gate.models.iter().any(literal)
            || gate.guards.iter().any(|guard| match guard {
                Guard::Alias(pattern) | Guard::RegisterInto(pattern) => literal(pattern),
                Guard::Stage(_) => false,
            })
    })
}

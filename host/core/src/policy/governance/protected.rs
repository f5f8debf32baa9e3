//! Changes that would undo a promotion, or hollow out what was promoted, without a review.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GateMatch, Governance, Held, Holdings};
use crate::action::{Action, FileWrite};
use crate::names::{Alias, ModelName, Stage, Version, fold, skeleton};
use crate::policy::changes::OnChange;
use crate::policy::gate::{Gate, Guard};

/// MLflow hides models and versions with this tag from its registry, and renames their events.
const HIDING_TAG: &str = "mlflow.prompt.is_prompt";

/// Tags with this prefix mirror our own state.
const RESERVED_PREFIX: &str = "countersign.";

/// Why a change that is no promotion is refused. Displays as a sentence that ends with what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum ProtectedReason {
    DeletesAlias {
        alias: Alias,
    },
    /// The version would lose a guarded stage.
    LeavesStage {
        version: Version,
        stage: Stage,
    },
    /// The version, or one version of the model, holds something guarded. `held` names it for people.
    HoldsGoverned {
        model: ModelName,
        version: Version,
        held: String,
    },
    /// A URL would let its holder change the version past us, at any time until it runs out.
    HandsOut {
        model: ModelName,
        version: Version,
        held: String,
    },
    /// Versions come into this model only through a gate, and so do they stay.
    GovernedModel {
        model: ModelName,
    },
    /// A rename would bring versions in past the gate.
    RenamesInto {
        model: ModelName,
    },
    ReservedTag {
        key: String,
    },
    HidesModel {
        key: String,
    },
    /// What the versions hold could not be read.
    HoldingsUnknown {
        reason: String,
    },
}

impl fmt::Display for ProtectedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeletesAlias { alias } => write!(
                f,
                "alias `{alias}` is guarded and deleting it would withdraw a promoted version without a review: \
                 promote another version to `{alias}` instead"
            ),
            Self::LeavesStage { version, stage } => write!(
                f,
                "version {version} is in the guarded stage `{stage}` and may not leave it without a review: \
                 promote another version with `archive_existing_versions` instead"
            ),
            Self::HoldsGoverned { model, version, held } => write!(
                f,
                "version {version} of `{model}` holds {held}, and what was reviewed must stay as it was: \
                 promote another version first, then try again"
            ),
            Self::HandsOut { model, version, held } => write!(
                f,
                "version {version} of `{model}` holds {held}, and a presigned URL would let its holder change its files \
                 where nobody sees it: upload them through Countersign instead"
            ),
            Self::GovernedModel { model } => write!(
                f,
                "the versions of `{model}` were registered through this gate and must stay as they were: \
                 register a new version instead"
            ),
            Self::RenamesInto { model } => write!(
                f,
                "renaming to `{model}` would bring versions in past the gate: register them as new versions of \
                 `{model}` instead, for instance with MLflow's `copy_model_version`"
            ),
            Self::ReservedTag { key } => write!(
                f,
                "tag `{key}` belongs to Countersign, which alone writes `{RESERVED_PREFIX}*`: use another name"
            ),
            Self::HidesModel { key } => {
                write!(f, "tag `{key}` would hide a governed model from the registry: leave it as it is")
            }
            Self::HoldingsUnknown { reason } => write!(
                f,
                "it is not known whether this touches a promoted version, because {reason}: try again when the \
                 registry can be read"
            ),
        }
    }
}

/// Writing our own tags is refused while any gate lives, whatever its mode.
pub(super) fn reserved_tag<'p>(live: &[&'p Gate], action: &Action) -> Option<Governance<'p>> {
    let gate = live.first()?;
    let key = tag_keys(action).find(|key| is_reserved(key))?.to_owned();
    Some(Governance::Protected { gate, why: ProtectedReason::ReservedTag { key } })
}

/// Look-alikes count: these tags are there to be read by people.
fn is_reserved(key: &str) -> bool {
    fold(key).starts_with(RESERVED_PREFIX) || skeleton(key).starts_with(&skeleton(RESERVED_PREFIX))
}

fn tag_keys(action: &Action) -> Box<dyn Iterator<Item = &str> + '_> {
    match action {
        Action::RegisterVersion(registration) => Box::new(registration.tags.keys().map(String::as_str)),
        Action::CreateModel { tags, .. } => Box::new(tags.keys().map(String::as_str)),
        Action::SetModelTag { key, .. }
        | Action::DeleteModelTag { key, .. }
        | Action::SetVersionTag { key, .. }
        | Action::DeleteVersionTag { key, .. } => Box::new(std::iter::once(key.as_str())),
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether [`reason`] may depend on the holdings.
pub(super) fn needs_holdings(gate: &Gate, action: &Action) -> bool {
    match action {
        Action::DeleteAlias { model, alias } => {
            gate.covers(model) && gate.guard_of_alias(alias.as_str()).is_some()
        }
        Action::TransitionStage { model, stage, .. } => {
            gate.covers(model) && gate.guard_of_stage(*stage).is_none() && guards_a_stage(gate)
        }
        Action::DeleteModel { model } | Action::DeleteVersion { model, .. } => gate.covers(model),
        Action::RenameModel { model, new_name } => gate.covers(model) || gate.covers(new_name),
        Action::WriteArtifact { .. } => true,
        action => {
            let said = gate.changes.of_description(action);
            said.is_some_and(|said| said != OnChange::Allow)
                && action.model().is_some_and(|model| gate.covers(model))
        }
    }
}

fn guards_a_stage(gate: &Gate) -> bool {
    gate.guards.iter().any(|guard| matches!(guard, Guard::Stage(_)))
}

pub(super) fn reason(gate: &Gate, action: &Action, holdings: &Holdings) -> Option<ProtectedReason> {
    if let Some(why) = without_holdings(gate, action) {
        return Some(why);
    }
    if !needs_holdings(gate, action) {
        return None;
    }
    match holdings {
        Holdings::Known(held) => with_holdings(gate, action, held),
        Holdings::Unknown(reason) => Some(ProtectedReason::HoldingsUnknown { reason: reason.clone() }),
    }
}

/// The match of a change that people may allow: what is judged are the versions that it would take something from.
pub(super) fn held_change<'p>(
    gate: &'p Gate,
    action: &Action,
    holdings: &Holdings,
    why: &ProtectedReason,
) -> Option<GateMatch<'p>> {
    let Holdings::Known(held) = holdings else { return None };
    if gate.approvals.is_empty() || !gate.changes.holds(action, why) {
        return None;
    }
    let losing = |held: &&Held| match (why, action) {
        (ProtectedReason::DeletesAlias { alias }, Action::DeleteAlias { model, .. }) => {
            &held.model == model
                && held.aliases.iter().any(|holds| fold(holds.as_str()) == fold(alias.as_str()))
        }
        (ProtectedReason::LeavesStage { version, .. }, Action::TransitionStage { model, .. }) => {
            is(held, model, *version)
        }
        (ProtectedReason::HoldsGoverned { .. }, action) => loses(action, held) && holds(gate, held).is_some(),
        _ => false,
    };
    let losing: Vec<&Held> = held.iter().filter(losing).collect();
    let guard = losing.iter().find_map(|held| guard_of(gate, held))?;
    let changes = losing.into_iter().map(|held| (held.model.clone(), held.version)).collect();
    Some(GateMatch { gate, guard, changes })
}

/// Whether an action touches this version: the one that it names, every one of the model, or every one of which files
/// lie at the place.
fn loses(action: &Action, held: &Held) -> bool {
    let model = action.model().is_none_or(|model| model == &held.model);
    model && action.version().is_none_or(|version| version == held.version)
}

/// The guard through which this version holds something.
fn guard_of<'p>(gate: &'p Gate, held: &Held) -> Option<&'p Guard> {
    let alias = held.aliases.iter().find_map(|alias| gate.guard_of_alias(alias.as_str()));
    alias.or_else(|| gate.guard_of_stage(held.stage))
}

fn without_holdings(gate: &Gate, action: &Action) -> Option<ProtectedReason> {
    match action {
        Action::DeleteAlias { model, alias } => {
            let guarded = gate.covers(model) && gate.guard_of_alias(alias.as_str()).is_some();
            guarded.then(|| ProtectedReason::DeletesAlias { alias: alias.clone() })
        }
        Action::DeleteModel { model } | Action::DeleteVersion { model, .. } => governed_model(gate, model),
        Action::RenameModel { model, new_name } => {
            governed_model(gate, model).or_else(|| renames_into(gate, new_name))
        }
        Action::CreateModel { model, tags } if tags.contains_key(HIDING_TAG) => {
            governed_model(gate, model).map(|_| hides(HIDING_TAG))
        }
        Action::SetModelTag { model, key, .. }
        | Action::DeleteModelTag { model, key }
        | Action::SetVersionTag { model, key, .. }
        | Action::DeleteVersionTag { model, key, .. } => {
            (fold(key) == HIDING_TAG && gate.covers(model)).then(|| hides(key))
        }
        _ => None,
    }
}

fn hides(key: &str) -> ProtectedReason {
    ProtectedReason::HidesModel { key: key.to_owned() }
}

fn governed_model(gate: &Gate, model: &ModelName) -> Option<ProtectedReason> {
    let governed = gate.covers(model) && gate.guard_of_registration(model).is_some();
    governed.then(|| ProtectedReason::GovernedModel { model: model.clone() })
}

fn renames_into(gate: &Gate, new_name: &ModelName) -> Option<ProtectedReason> {
    governed_model(gate, new_name).map(|_| ProtectedReason::RenamesInto { model: new_name.clone() })
}

fn with_holdings(gate: &Gate, action: &Action, held: &[Held]) -> Option<ProtectedReason> {
    match action {
        Action::TransitionStage { model, version, stage, .. } => {
            let leaves = |held: &&Held| is(held, model, *version) && held.stage != *stage;
            let leaving =
                held.iter().filter(leaves).find(|held| gate.guard_of_stage(held.stage).is_some())?;
            Some(ProtectedReason::LeavesStage { version: *version, stage: leaving.stage })
        }
        Action::DeleteVersion { model, version }
        | Action::SetVersionTag { model, version, .. }
        | Action::DeleteVersionTag { model, version, .. }
        | Action::UpdateVersion { model, version, .. } => {
            held.iter().filter(|held| is(held, model, *version)).find_map(|held| holds(gate, held))
        }
        Action::DeleteModel { model }
        | Action::SetModelTag { model, .. }
        | Action::DeleteModelTag { model, .. }
        | Action::UpdateModel { model, .. } => of_model(gate, model, held),
        Action::RenameModel { model, new_name } => {
            of_model(gate, model, held).or_else(|| arrives(gate, new_name, held))
        }
        Action::WriteArtifact { how, .. } => {
            // What is governed only because it was registered through this gate, nobody can allow.
            let registered = |held: &&Held| holds(gate, held).is_none();
            let registered =
                held.iter().filter(registered).find_map(|held| governed_model(gate, &held.model));
            let held = held.iter().find_map(|held| holds(gate, held));
            registered
                .or_else(|| held.map(|why| if *how == FileWrite::Presign { handed_out(why) } else { why }))
        }
        _ => None,
    }
}

fn is(held: &Held, model: &ModelName, version: Version) -> bool {
    &held.model == model && held.version == version
}

fn of_model(gate: &Gate, model: &ModelName, held: &[Held]) -> Option<ProtectedReason> {
    held.iter().filter(|held| &held.model == model).find_map(|held| holds(gate, held))
}

fn handed_out(why: ProtectedReason) -> ProtectedReason {
    match why {
        ProtectedReason::HoldsGoverned { model, version, held } => {
            ProtectedReason::HandsOut { model, version, held }
        }
        why => why,
    }
}

/// What the version would hold under its model's new name.
fn arrives(gate: &Gate, new_name: &ModelName, held: &[Held]) -> Option<ProtectedReason> {
    let renamed = |held: &Held| Held { model: new_name.clone(), ..held.clone() };
    let arriving = held.iter().map(renamed).find_map(|held| holds(gate, &held));
    arriving.map(|_| ProtectedReason::RenamesInto { model: new_name.clone() })
}

/// The guarded alias or stage that this version holds.
fn holds(gate: &Gate, held: &Held) -> Option<ProtectedReason> {
    if !gate.covers(&held.model) {
        return None;
    }
    let alias = held.aliases.iter().find(|alias| gate.guard_of_alias(alias.as_str()).is_some());
    let stage = gate.guard_of_stage(held.stage).map(|_| format!("the guarded stage `{}`", held.stage));
    let what = alias.map(|alias| format!("the guarded alias `{alias}`")).or(stage)?;
    Some(ProtectedReason::HoldsGoverned { model: held.model.clone(), version: held.version, held: what })
}

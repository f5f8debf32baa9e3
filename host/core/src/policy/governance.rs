//! What a policy says about an action: nothing, a promotion to be judged, or a change that is refused.
//!
//! This is a pure reading of the policy. Whether a promotion may happen is for `decide` to say.

mod look_alike;
mod protected;

use std::fmt;

use super::Policy;
use super::gate::{Gate, Guard, Mode};
use crate::action::Action;
use crate::facts::Facts;
use crate::names::{Alias, ModelName, Pattern, Stage, Version};

pub use self::protected::ProtectedReason;

/// The versions that a change could take out of governance, as the registry has them now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holdings {
    /// For an action on a model: every version of it that holds an alias or a stage other than `None`.
    /// For [`Action::WriteArtifact`]: every version, of any model, whose files lie at or below the place.
    Known(Vec<Held>),
    /// They could not be read; why. Never counts as "none".
    Unknown(String),
}

/// One version and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub model: ModelName,
    pub version: Version,
    pub aliases: Vec<Alias>,
    pub stage: Stage,
}

/// What a policy says about an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Governance<'p> {
    Ungoverned,
    /// A promotion, or a change of something promoted that people may allow. Every gate listed must allow it. Never empty; the enforced ones come first, then as written.
    Gates(Vec<GateMatch<'p>>),
    /// A change that would undo or hollow out what a gate protects, and that nobody can allow.
    Protected {
        gate: &'p Gate,
        why: ProtectedReason,
    },
    /// The name that is to be made or promoted cannot be told by eye from one that a gate names.
    LookAlike {
        gate: &'p Gate,
        name: String,
        resembles: Pattern,
    },
}

/// A gate that guards an action, and by what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct GateMatch<'p> {
    pub gate: &'p Gate,
    pub guard: &'p Guard,
    /// The promoted versions that this would change. Empty: it is a promotion.
    pub changes: Vec<(ModelName, Version)>,
}

impl Holdings {
    /// Nothing is held.
    #[must_use]
    pub const fn none() -> Self {
        Self::Known(Vec::new())
    }

    /// What a version itself holds: a change of it may take that away.
    #[must_use]
    pub fn of_version(facts: &Facts) -> Self {
        Self::Known(vec![held(facts)])
    }

    /// What several versions hold, as whoever asks for their models is told it: of those in a stage the newest. What one
    /// alone holds it is asked for itself.
    #[must_use]
    pub fn of_versions<'f>(all: impl IntoIterator<Item = &'f Facts>) -> Self {
        let all: Vec<&Facts> = all.into_iter().collect();
        if let [alone] = all.as_slice() {
            return Self::of_version(alone);
        }
        let as_told = |facts: &Facts| {
            let (number, stage) = (facts.version.subject.version, facts.version.stage);
            let newest = facts.model.stages.get(stage.as_str());
            let stage = if newest.is_none_or(|newest| *newest == number) { stage } else { Stage::None };
            Held { stage, ..held(facts) }
        };
        Self::Known(all.into_iter().map(as_told).collect())
    }
}

fn held(facts: &Facts) -> Held {
    let (version, subject) = (&facts.version, &facts.version.subject);
    let aliases = version.aliases.iter().map(Alias::new).collect();
    Held { model: subject.model.clone(), version: subject.version, aliases, stage: version.stage }
}

impl Governance<'_> {
    /// Whether the change is refused outright. A promotion is not: its gates decide.
    #[must_use]
    pub fn refuses(&self) -> bool {
        match self {
            Self::Ungoverned | Self::Gates(_) => false,
            // A mirror that clients can write is worth nothing, in whatever mode the gates are.
            Self::Protected { why: ProtectedReason::ReservedTag { .. }, .. } => true,
            Self::Protected { gate, .. } | Self::LookAlike { gate, .. } => gate.mode == Mode::Enforce,
        }
    }
}

impl fmt::Display for Governance<'_> {
    /// One sentence without a final period; for a refusal it ends with what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ungoverned => f.write_str("no gate guards this"),
            Self::Gates(matches) => {
                for (i, GateMatch { gate, guard, .. }) in matches.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}gate `{}` ({}) guards {guard}", gate.name, gate.mode.as_str())?;
                }
                Ok(())
            }
            Self::Protected { gate, why } => write!(f, "gate `{}` protects this: {why}", gate.name),
            Self::LookAlike { gate, name, resembles } => write!(
                f,
                "`{name}` looks like `{resembles}`, which gate `{}` governs, but is spelled with other \
                 characters ({}): use the governed name, or choose one that cannot be mistaken for it",
                gate.name,
                Unusual(name),
            ),
        }
    }
}

/// The characters outside ASCII: with them most look-alikes are made.
struct Unusual<'a>(&'a str);

impl fmt::Display for Unusual<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for c in self.0.chars().filter(|c| !c.is_ascii()) {
            let comma = if first { "" } else { ", " };
            write!(f, "{comma}`{c}` U+{:04X}", u32::from(c))?;
            first = false;
        }
        if first { f.write_str("their combination") } else { Ok(()) }
    }
}

impl Policy {
    /// What this policy says about an action. Gates that are `off` say nothing; the holdings are only looked at
    /// where [`Policy::needs_holdings`] says so.
    #[must_use]
    pub fn governs(&self, action: &Action, holdings: &Holdings) -> Governance<'_> {
        let live = self.live_gates();
        if let Some(refusal) = protected::reserved_tag(&live, action) {
            return refusal;
        }
        let refusals: Vec<Governance<'_>> =
            live.iter().filter_map(|gate| self.refusal(gate, action, holdings)).collect();
        let matches: Vec<GateMatch<'_>> =
            live.iter().filter_map(|gate| matched(gate, action, holdings)).collect();
        let enforced = refusals.iter().position(Governance::refuses);
        let mut refusals = refusals.into_iter();
        match enforced.and_then(|at| refusals.nth(at)) {
            Some(refusal) => refusal,
            None if !matches.is_empty() => Governance::Gates(matches),
            None => refusals.next().unwrap_or(Governance::Ungoverned),
        }
    }

    /// The gates through which this action would be promoted, enforced ones first.
    #[must_use]
    pub fn gates_for(&self, action: &Action) -> Vec<&Gate> {
        self.live_gates().into_iter().filter(|gate| promotion(gate, action).is_some()).collect()
    }

    /// Whether the answer of [`Policy::governs`] depends on what versions hold now.
    #[must_use]
    pub fn needs_holdings(&self, action: &Action) -> bool {
        self.live_gates().iter().any(|gate| protected::needs_holdings(gate, action))
    }

    /// Gates that are not `off`, the enforced ones first.
    fn live_gates(&self) -> Vec<&Gate> {
        let mut live: Vec<&Gate> = self.gates.iter().filter(|gate| gate.mode != Mode::Off).collect();
        live.sort_by_key(|gate| gate.mode);
        live
    }

    fn refusal<'p>(&'p self, gate: &'p Gate, action: &Action, holdings: &Holdings) -> Option<Governance<'p>> {
        let held = |why: &ProtectedReason| protected::held_change(gate, action, holdings, why).is_some();
        let protected = || protected::reason(gate, action, holdings).filter(|why| !held(why));
        look_alike::of(self, gate, action)
            .or_else(|| protected().map(|why| Governance::Protected { gate, why }))
    }
}

fn matched<'p>(gate: &'p Gate, action: &Action, holdings: &Holdings) -> Option<GateMatch<'p>> {
    if let Some(guard) = promotion(gate, action) {
        return Some(GateMatch { gate, guard, changes: Vec::new() });
    }
    let why = protected::reason(gate, action, holdings)?;
    protected::held_change(gate, action, holdings, &why)
}

/// The guard of this gate through which the action is a promotion.
fn promotion<'p>(gate: &'p Gate, action: &Action) -> Option<&'p Guard> {
    let model = action.model().filter(|model| gate.covers(model))?;
    match action {
        Action::SetAlias { alias, .. } => gate.guard_of_alias(alias.as_str()),
        Action::TransitionStage { stage, .. } => gate.guard_of_stage(*stage),
        Action::RegisterVersion(_) => gate.guard_of_registration(model),
        _ => None,
    }
}

// Not formatted: `expect-test` cannot update expectations that are broken over lines.
#[cfg(test)]
#[rustfmt::skip]
mod tests;

//! Gates: which actions on which models are guarded, and what they need.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::expiry::OnExpiry;
use super::plugin::FailurePolicy;
use super::sample::Sample;
use crate::names::{GateName, ModelName, Pattern, PluginName, Seat, Stage, Tier};
use crate::time::Span;

/// One `[[gate]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    pub name: GateName,
    pub mode: Mode,
    pub models: Vec<Pattern>,
    pub guards: Vec<Guard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// A tier without an entry needs nobody.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub approvals: BTreeMap<Tier, Approvals>,
    pub on_approval: OnApproval,
    pub on_bypass: OnBypass,
    #[serde(skip_serializing_if = "OnExpiry::is_flag")]
    pub on_expiry: OnExpiry,
    #[serde(skip_serializing_if = "Changes::is_usual")]
    pub changes: Changes,
    /// How long files may be written once people have agreed to it; `None`: see [`Gate::USUAL_WINDOW`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_window: Option<Span>,
    pub unknown_author: UnknownAuthor,
    /// The same for a version whose run names an author whom nobody here knows.
    #[serde(skip_serializing_if = "UnknownAuthor::accepts")]
    pub unknown_run_author: UnknownAuthor,
    /// How long a promotion request may stay open; `None`: until somebody ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// What the gate does not allow does not happen.
    Enforce,
    /// What would have happened is recorded, and the request goes on.
    Monitor,
    Off,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Monitor, Self::Off];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Monitor => "monitor",
            Self::Off => "off",
        }
    }
}

/// What a gate guards. Serialises as it is written: `{"alias": "champion"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Setting an alias.
    Alias(Pattern),
    /// Moving into `Staging` or `Production`.
    Stage(Stage),
    /// Registering a version of a model with such a name, whatever the source.
    RegisterInto(Pattern),
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(pattern) => write!(f, "alias `{pattern}`"),
            Self::Stage(stage) => write!(f, "stage `{stage}`"),
            Self::RegisterInto(pattern) => write!(f, "registration into `{pattern}`"),
        }
    }
}

/// One `[[gate.check]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub plugin: PluginName,
    /// Whether the gate stays shut unless this check is satisfied.
    pub required: bool,
    /// An object without fractional numbers.
    pub config: serde_json::Value,
    #[serde(skip_serializing_if = "FailurePolicy::is_empty")]
    pub on_failure: FailurePolicy,
}

/// One `[[gate.rule]]`: an approval rule plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub plugin: PluginName,
    /// An object without fractional numbers.
    pub config: serde_json::Value,
}

/// One `[gate.approvals.TIER]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approvals {
    /// How many different people must fill each seat; at least one each. Empty only where there is a sample.
    pub seats: BTreeMap<Seat, u32>,
    /// Which of the writes that nobody signs are looked at afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// How long the approval holds, after which the version must be validated again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Span>,
    /// Whether a vote is refused until the checks are final and were opened.
    pub evidence_first: bool,
    /// How people prove, at the moment of signing, that they are who they are.
    #[serde(skip_serializing_if = "SignatureKind::is_default")]
    pub signature: SignatureKind,
    /// Whether a thread that nobody settled holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unresolved_blocks: bool,
}

/// What a signature takes besides being signed in. The default is not written, so that it changes no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureKind {
    /// Nothing.
    #[default]
    Session,
    /// The password again, or the provider's word that it was given again.
    Reauthenticate,
}

impl SignatureKind {
    pub const ALL: [Self; 2] = [Self::Session, Self::Reauthenticate];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Reauthenticate => "reauthenticate",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
    const fn is_default(&self) -> bool {
        matches!(*self, Self::Session)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnApproval {
    /// Countersign carries the action out itself.
    Apply,
    /// The same call succeeds when it is made again.
    #[default]
    Permit,
}

impl OnApproval {
    pub const ALL: [Self; 2] = [Self::Apply, Self::Permit];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Permit => "permit",
        }
    }
}

/// What becomes of a version whose creator nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownAuthor {
    /// It goes on, and every page says that nobody can prove who registered it.
    #[default]
    Accept,
    /// It is held until it was registered through us.
    Hold,
}

impl UnknownAuthor {
    pub const ALL: [Self; 2] = [Self::Accept, Self::Hold];

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    const fn accepts(&self) -> bool {
        matches!(self, Self::Accept)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Hold => "hold",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBypass {
    #[default]
    Record,
    /// Also sets the registry back to what was last permitted.
    Revert,
}

impl OnBypass {
    pub const ALL: [Self; 2] = [Self::Record, Self::Revert];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Revert => "revert",
        }
    }
}

impl Gate {
    /// A quarter of an hour: enough for a folder of files, and over before it is forgotten.
    pub const USUAL_WINDOW: Span = Span::from_millis(15 * 60_000);

    /// How long whoever asked may write files under what the gate guards, once people have agreed.
    #[must_use]
    pub fn window(&self) -> Span {
        self.artifact_window.unwrap_or(Self::USUAL_WINDOW)
    }

    /// Whether the gate looks at this model at all.
    #[must_use]
    pub fn covers(&self, model: &ModelName) -> bool {
        self.models.iter().any(|pattern| pattern.matches(model.as_str()))
    }

    /// Whom a change of something promoted is asked of: the seats of the version's tier. A tier that asks for nobody
    /// has nobody to ask, so that the most that any tier asks for counts.
    #[must_use]
    pub fn seats_for_change(&self, tier: Option<&Tier>) -> BTreeMap<Seat, u32> {
        let asks = |approvals: &&Approvals| !approvals.seats.is_empty();
        if let Some(approvals) = tier.and_then(|tier| self.approvals.get(tier)).filter(asks) {
            return approvals.seats.clone();
        }
        let mut most = BTreeMap::new();
        for (seat, &count) in self.approvals.values().flat_map(|approvals| &approvals.seats) {
            let before: &mut u32 = most.entry(seat.clone()).or_insert(count);
            *before = (*before).max(count);
        }
        most
    }

    #[must_use]
    pub fn guard_of_alias(&self, alias: &str) -> Option<&Guard> {
        self.guards.iter().find(|guard| matches!(guard, Guard::Alias(pattern) if pattern.matches(alias)))
    }

    #[must_use]
    pub fn guard_of_stage(&self, stage: Stage) -> Option<&Guard> {
        self.guards.iter().find(|guard| matches!(guard, Guard::Stage(guarded) if *guarded == stage))
    }

    #[must_use]
    pub fn guard_of_registration(&self, model: &ModelName) -> Option<&Guard> {
        let guards = |guard: &&Guard| matches!(guard, Guard::RegisterInto(p) if p.matches(model.as_str()));
        self.guards.iter().find(guards)
    }
}

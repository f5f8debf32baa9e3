//! Who held each alias when, and by what right.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Projection;
use super::story::Story;
use crate::names::{ModelName, Version, Workspace};
use crate::request::RequestId;
use crate::time::Millis;

/// How a name got what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// People signed.
    Signed,
    /// The gate asked nobody.
    Unasked,
    BreakGlass,
    /// An approval ran out, and the policy names another version.
    Fallback,
    /// A bypass was undone.
    PutBack,
    Bypassed,
}

/// By what right a name holds it at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Approved,
    Unasked,
    Fallback,
    PutBack,
    BreakGlass,
    Expired,
    /// Suspended or revoked.
    TakenBack,
    Bypassed,
    /// It was there before Countersign was.
    Before,
}

impl Standing {
    pub const ALL: [Self; 9] = [
        Self::Approved,
        Self::Unasked,
        Self::Fallback,
        Self::PutBack,
        Self::BreakGlass,
        Self::Expired,
        Self::TakenBack,
        Self::Bypassed,
        Self::Before,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Unasked => "allowed-without-people",
            Self::Fallback => "fallback",
            Self::PutBack => "put-back",
            Self::BreakGlass => "break-glass",
            Self::Expired => "expired",
            Self::TakenBack => "taken-back",
            Self::Bypassed => "bypassed",
            Self::Before => "before-countersign",
        }
    }

    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Unasked => "Nobody asked",
            Self::Fallback => "Fallback",
            Self::PutBack => "Put back",
            Self::BreakGlass => "Break-glass",
            Self::Expired => "Expired",
            Self::TakenBack => "Taken back",
            Self::Bypassed => "Bypassed",
            Self::Before => "From before",
        }
    }

    /// Whether a decision in force stands behind it. An emergency is an exception to one, not one.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Approved | Self::Unasked | Self::Fallback | Self::PutBack)
    }
}

impl From<How> for Standing {
    fn from(how: How) -> Self {
        match how {
            How::Signed => Self::Approved,
            How::Unasked => Self::Unasked,
            How::BreakGlass => Self::BreakGlass,
            How::Fallback => Self::Fallback,
            How::PutBack => Self::PutBack,
            How::Bypassed => Self::Bypassed,
        }
    }
}

/// One move of an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub at: Millis,
    /// Of the ledger entry that says so.
    pub index: u64,
    /// `None`: it holds nothing.
    pub version: Option<Version>,
    pub how: How,
    pub request: Option<RequestId>,
}

/// A time during which an alias held one version by one right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spell {
    pub alias: String,
    pub version: Version,
    pub from: Millis,
    /// `None`: it still does.
    pub until: Option<Millis>,
    pub standing: Standing,
    pub request: Option<RequestId>,
    pub index: u64,
}

/// Workspace, model, alias.
pub(super) type AliasKey = (Workspace, ModelName, String);

impl Projection {
    /// What the aliases of a model held, each oldest first.
    #[must_use]
    pub fn spells(&self, workspace: &Workspace, model: &ModelName) -> Vec<Spell> {
        let from = (workspace.clone(), model.clone(), String::new());
        let of_model = self.aliases().range(from..).take_while(|((w, m, _), _)| w == workspace && m == model);
        let lost = |id| self.story(id).and_then(Story::lost);
        of_model.flat_map(|((_, _, alias), steps)| cut(spells(alias, steps), lost)).collect()
    }

    /// By what right an alias holds a version now.
    #[must_use]
    pub fn standing(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        alias: &str,
        version: Version,
    ) -> Standing {
        let key = (workspace.clone(), model.clone(), alias.to_owned());
        let last = self.aliases().get(&key).and_then(|steps| steps.last());
        match last.filter(|step| step.version == Some(version)) {
            None => Standing::Before,
            Some(step) => self.lost(step).unwrap_or_else(|| step.how.into()),
        }
    }

    fn lost(&self, step: &Step) -> Option<Standing> {
        let (at, standing) = self.story(step.request?)?.lost()?;
        (at >= step.at).then_some(standing)
    }
}

/// Setting an alias again to what it holds by the same right is no break.
fn spells(alias: &str, steps: &[Step]) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    for step in steps {
        if let Some(spell) = spells.last_mut().filter(|spell| spell.until.is_none()) {
            let same = Some(spell.version) == step.version && spell.standing == step.how.into();
            if same && spell.request == step.request {
                continue;
            }
            spell.until = Some(step.at);
        }
        spells.extend(step.version.map(|version| begun(alias, step, version)));
    }
    spells
}

fn begun(alias: &str, step: &Step, version: Version) -> Spell {
    Spell {
        alias: alias.to_owned(),
        version,
        from: step.at,
        until: None,
        standing: step.how.into(),
        request: step.request,
        index: step.index,
    }
}

/// Cuts spells where the approval behind them had run out, or was taken back.
fn cut(spells: Vec<Spell>, lost: impl Fn(RequestId) -> Option<(Millis, Standing)>) -> Vec<Spell> {
    spells.into_iter().flat_map(|spell| halves(spell, &lost)).collect()
}

fn halves(spell: Spell, lost: &impl Fn(RequestId) -> Option<(Millis, Standing)>) -> Vec<Spell> {
    let at = spell.request.and_then(lost).filter(|(at, _)| *at >= spell.from);
    match at.filter(|(at, _)| spell.until.is_none_or(|until| *at < until)) {
        None => vec![spell],
        Some((at, standing)) => {
            let after = Spell { from: at, standing, ..spell.clone() };
            vec![Spell { until: Some(at), ..spell }, after]
        }
    }
}

pub(super) type Steps = BTreeMap<AliasKey, Vec<Step>>;

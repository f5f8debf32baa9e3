//! What a backtest found, in words and as data.

use countersign_core::decide::{GateVerdict, TierFound};
use countersign_core::digest::Digest;
use countersign_core::explain::{action_phrase, needs_of, violations_of};
use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::recorded::Recorded;
use countersign_core::redecide::Answer;
use countersign_core::request::RequestId;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

use super::Again;

/// See `host/schemas/backtest.v1.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacktestReport {
    pub format: u32,
    /// The policy that history is held against.
    pub policy: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// Recorded decisions that were looked at.
    pub decisions: u64,
    pub unchanged: u64,
    pub changed: Vec<Changed>,
    pub unknown: Vec<Undecided>,
    pub cannot_be_redecided: Vec<CannotBe>,
    /// Versions that hold a governed name now and would not have got it, or of which that is unknown.
    pub live: Vec<LiveVerdict>,
}

/// A decision, and where it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    pub entry: u64,
    pub at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// `set alias champion of credit to version 7`
    pub action: String,
    pub recorded: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub decision: Which,
    pub to: String,
    pub because: Vec<String>,
    /// What is taken for granted: runs that a check might have answered otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    pub decision: Which,
    /// `a run of metric-threshold`
    pub would_need: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannotBe {
    pub decision: Which,
    pub why: String,
}

/// A version that holds a governed name now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveVerdict {
    pub workspace: Workspace,
    pub model: ModelName,
    /// `alias:champion`, `stage:Production` or `version`.
    pub name: String,
    pub version: Version,
    /// The entry by which it got there, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// What the policy would have answered; `unknown` where nobody can tell.
    pub verdict: String,
    pub because: Vec<String>,
}

impl BacktestReport {
    pub(super) fn new(policy: Digest, since: Option<Millis>) -> Self {
        Self {
            format: 1,
            policy,
            since,
            decisions: 0,
            unchanged: 0,
            changed: Vec::new(),
            unknown: Vec::new(),
            cannot_be_redecided: Vec::new(),
            live: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, decision: &Recorded, again: &Again) {
        let which = || Which {
            entry: decision.entry,
            at: decision.at,
            request: decision.request,
            action: action_phrase(&decision.placed.action),
            recorded: decision.decision.clone(),
        };
        self.decisions += 1;
        match again {
            Again::Same => self.unchanged += 1,
            Again::Changes { to, because, assumed } => self.changed.push(Changed {
                decision: which(),
                to: to.as_str().to_owned(),
                because: because.clone(),
                assumed: assumed.clone(),
            }),
            Again::Unknown { needs } => {
                self.unknown.push(Undecided { decision: which(), would_need: needs.clone() });
            }
            Again::Cannot(why) => {
                self.cannot_be_redecided.push(CannotBe { decision: which(), why: why.clone() });
            }
        }
    }
}

/// Why another policy answers otherwise: the tier, the gates, then what each of them says.
pub(super) fn because(was: &Answer, is: &Answer) -> Vec<String> {
    let mut words = Vec::new();
    if let Answer::Refused(why) = is {
        words.push(why.clone());
    }
    let (before, now) = (tier(was.gates()), tier(is.gates()));
    if before != now && !is.gates().is_empty() && !was.gates().is_empty() {
        words.push(format!("its tier is {now}, and was {before}"));
    }
    let guards = |gates: &[GateVerdict], name| gates.iter().any(|gate| gate.gate == name && gate.enforced);
    for gate in was.gates().iter().filter(|gate| gate.enforced && !guards(is.gates(), gate.gate.clone())) {
        words.push(format!("gate `{}` does not stand in its way", gate.gate));
    }
    for gate in is.gates().iter().filter(|gate| gate.enforced) {
        let new = if guards(was.gates(), gate.gate.clone()) { "" } else { ", which did not guard it" };
        let one = std::slice::from_ref(gate);
        let said = [violations_of(one, &[]), needs_of(one, &|_| Vec::new())].concat();
        words.extend(said.into_iter().map(|what| format!("gate `{}`{new}: {what}", gate.gate)));
    }
    if words.is_empty() {
        words.push("what its gates ask is met".to_owned());
    }
    words
}

fn tier(gates: &[GateVerdict]) -> String {
    match gates.first().map(|gate| &gate.tier) {
        Some(TierFound::Known(tier)) => format!("`{tier}`"),
        Some(TierFound::Unknown(_)) => "unknown".to_owned(),
        Some(TierFound::None) | None => "none".to_owned(),
    }
}

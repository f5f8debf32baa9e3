//! What a policy says, put into words: the data behind `policy check` and `policy explain`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::changes::OnChange;
use super::gate::{Approvals, Gate, Guard, OnApproval};
use super::governance::{GateMatch, Governance, Holdings};
use super::tier::{FactRead, TierOutcome, tiering};
use super::{Policy, PolicyDigest};
use crate::action::Action;
use crate::facts::Facts;
use crate::names::Seat;
use crate::time::Span;

/// A policy at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary<'p> {
    pub digest: PolicyDigest,
    pub plugins: usize,
    pub seats: usize,
    pub tiers: usize,
    pub gates: &'p [Gate],
    /// What is allowed and probably not meant, or not done yet; one sentence each.
    pub remarks: Vec<String>,
}

/// What a policy says about one action on one version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation<'p> {
    pub action: &'static str,
    /// The alias, stage or model that the action is aimed at.
    pub target: Option<String>,
    /// One sentence: what the policy says.
    pub verdict: String,
    /// Whether the action is refused outright, with no workflow.
    pub refused: bool,
    /// `None` where no gate asks for it.
    pub tier: Option<TierOutcome>,
    /// What the conditions of the tiers looked at to tell it.
    pub tier_facts: Vec<FactRead>,
    /// What each gate demands. Empty unless the action is a promotion, or a change that people may allow.
    pub gates: Vec<Demand<'p>>,
}

/// What one gate demands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Demand<'p> {
    pub gate: &'p Gate,
    pub guard: String,
    /// Of people, at this tier; `None`: nothing, or the tier is not known.
    pub approvals: Option<&'p Approvals>,
    /// It is a change of what is promoted, and whom it is asked of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<BTreeMap<Seat, u32>>,
    /// How long files may be written after that, where it is about files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

impl Policy {
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            digest: self.digest,
            plugins: self.plugins.len(),
            seats: self.seats.len(),
            tiers: self.tiers.len(),
            gates: &self.gates,
            remarks: self.remarks(),
        }
    }

    /// What whoever relies on this policy should know: what it allows and probably does not mean.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.gates.iter().flat_map(remarks).collect()
    }

    /// What this policy says about an action, given what the registry says about the version.
    #[must_use]
    pub fn explain<'p>(&'p self, action: &Action, facts: &Facts, holdings: &Holdings) -> Explanation<'p> {
        let governance = self.governs(action, holdings);
        let matches: &[GateMatch<'p>] = match &governance {
            Governance::Gates(matches) => matches,
            _ => &[],
        };
        let found = (!matches.is_empty()).then(|| tiering(self, facts, action));
        let (tier, tier_facts) = found.map(|found| (found.outcome, found.read)).unzip();
        let known = tier.as_ref().and_then(TierOutcome::known);
        let demand = |found: &GateMatch<'p>| Demand {
            gate: found.gate,
            guard: found.guard.to_string(),
            approvals: known.and_then(|tier| self.approvals(found.gate, tier)),
            change: (!found.changes.is_empty()).then(|| found.gate.seats_for_change(known)),
            window: matches!(action, Action::WriteArtifact { .. }).then(|| found.gate.window()),
        };
        Explanation {
            action: action.kind(),
            target: action.target().map(str::to_owned),
            verdict: governance.to_string(),
            refused: governance.refuses(),
            gates: matches.iter().map(demand).collect(),
            tier,
            tier_facts: tier_facts.unwrap_or_default(),
        }
    }
}

fn remarks(gate: &Gate) -> impl Iterator<Item = String> {
    let asks_nothing = gate.checks.is_empty() && gate.rules.is_empty() && gate.approvals.is_empty();
    let copies = gate.guards.iter().any(|guard| matches!(guard, Guard::RegisterInto(_)));
    let found = [
        (asks_nothing, "asks for nothing, so that it records and allows every promotion"),
        (
            gate.on_approval == OnApproval::Apply && copies,
            "sets `on_approval = \"apply\"`: Countersign sets aliases and stages itself; into another model \
             the requester repeats the call",
        ),
    ];
    found.into_iter().filter(|(so, _)| *so).map(|(_, what)| format!("gate `{}` {what}", gate.name))
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy   {}", self.digest)?;
        let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let (plugins, seats) = (count(self.plugins, "plugin"), count(self.seats, "seat"));
        writeln!(f, "contains {plugins}, {seats}, {}", count(self.tiers, "tier"))?;
        for gate in self.gates {
            writeln!(f, "gate     {} ({}): {}", gate.name, gate.mode.as_str(), guards(gate))?;
            writeln!(f, "  later  {}", later(gate))?;
        }
        self.remarks.iter().try_for_each(|remark| writeln!(f, "note     {remark}"))
    }
}

/// What becomes of changes of what the gate has let through.
fn later(gate: &Gate) -> String {
    let said = |wanted: OnChange| {
        let all = gate.changes.all().into_iter().filter(|(_, said)| *said == wanted);
        all.map(|(what, _)| what).collect::<Vec<_>>().join(", ")
    };
    // Nobody can be asked where the gate asks nobody.
    let held = if gate.approvals.is_empty() { "refused, because it has no approvals" } else { "held" };
    let parts = [
        (held, said(OnChange::Hold)),
        ("refused", said(OnChange::Refuse)),
        ("let through", said(OnChange::Allow)),
    ];
    let parts = parts.into_iter().filter(|(_, what)| !what.is_empty());
    parts.map(|(how, what)| format!("{how}: {what}")).collect::<Vec<_>>().join("; ")
}

fn guards(gate: &Gate) -> String {
    let guards: Vec<String> = gate.guards.iter().map(ToString::to_string).collect();
    let models: Vec<String> = gate.models.iter().map(|model| format!("`{model}`")).collect();
    format!("{} of models {}", guards.join(", "), models.join(", "))
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.as_ref().map(|target| format!(" `{target}`")).unwrap_or_default();
        writeln!(f, "action   {}{target}", self.action)?;
        writeln!(f, "policy   {}{}", if self.refused { "refused: " } else { "" }, self.verdict)?;
        match &self.tier {
            None => {}
            Some(TierOutcome::Known { tier, because }) => writeln!(f, "tier     {tier}, because {because}")?,
            Some(TierOutcome::Unknown { reason, .. }) => writeln!(f, "tier     unknown, so held: {reason}")?,
        }
        self.tier_facts.iter().try_for_each(|read| writeln!(f, "  reads  {read}"))?;
        self.gates.iter().try_for_each(|demand| demand.fmt(f))
    }
}

impl Demand<'_> {
    /// No check is asked for, and it counts once.
    fn as_change(&self, f: &mut fmt::Formatter<'_>, seats: &BTreeMap<Seat, u32>) -> fmt::Result {
        for rule in &self.gate.rules {
            writeln!(f, "  rule   {} (may ask for more)", rule.plugin)?;
        }
        for (seat, count) in seats {
            writeln!(f, "  seat   {seat}: {count}")?;
        }
        match self.window {
            Some(window) => writeln!(f, "  lasts  {window} from the first write on"),
            None => writeln!(f, "  lasts  for one call"),
        }
    }
}

impl fmt::Display for Demand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gate     {} ({})", self.gate.name, self.gate.mode.as_str())?;
        if let Some(seats) = &self.change {
            return self.as_change(f, seats);
        }
        for check in &self.gate.checks {
            let required = if check.required { "required" } else { "advisory" };
            writeln!(f, "  check  {} ({required})", check.plugin)?;
        }
        for rule in &self.gate.rules {
            writeln!(f, "  rule   {} (may ask for more)", rule.plugin)?;
        }
        let Some(approvals) = self.approvals else { return writeln!(f, "  seats  none") };
        if let Some(sample) = &approvals.sample {
            writeln!(f, "  seats  none; {sample}")?;
        }
        for (seat, count) in &approvals.seats {
            writeln!(f, "  seat   {seat}: {count}")?;
        }
        if approvals.evidence_first {
            writeln!(f, "  votes  wait until the findings of every required check were opened")?;
        }
        if approvals.unresolved_blocks {
            writeln!(f, "  talk   every thread must be resolved")?;
        }
        match approvals.expires {
            Some(span) => writeln!(f, "  lasts  {span}"),
            None => Ok(()),
        }
    }
}

// Not formatted: `expect-test` cannot update expectations that are broken over lines.
#[cfg(test)]
#[rustfmt::skip]
mod tests;

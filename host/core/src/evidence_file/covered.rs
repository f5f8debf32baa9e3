//! Whether an announced write is covered by what the text of the policy asks: its checks by runs that passed, its rules
//! by runs that were heeded, its seats by places that were asked for.
//!
//! Who may sign, and whether enough did, is for [`crate::separation`]. The tier is taken from the entry:
//! whether it is the right one is found by making the decision again, see [`super::again`]. This module
//! must not know: how runs are executed again.

use crate::check::RuleOutcome;
use crate::decide::{GateVerdict, Verdict};
use crate::digest::Digest;
use crate::entry::{CheckRunRecord, Entry, Intent};
use crate::facts::Subject;
use crate::names::Tier;
use crate::policy::{Check, Gate, Mode, Policy, Rule};
use crate::waiver::Requirement;

/// What a run was given to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub subject: Subject,
    pub tier: Option<Tier>,
}

/// What a run was given, as far as its input is kept.
pub type GivenTo<'s> = &'s dyn Fn(&Digest) -> Option<Given>;

/// Why a write was not covered by what its policy asks; nothing where it was, or where its policy asks nothing of it.
#[must_use]
pub fn faults(policy: &Policy, intent: &Intent, before: &[&Entry], given_to: GivenTo<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    // Windows and emergencies open a gate; putting back a bypass has none.
    if intent.subject.is_none() || intent.in_window || intent.break_glass.is_some() {
        return faults;
    }
    for gate in policy.gates_for(&intent.placed.action).into_iter().filter(|gate| gate.mode == Mode::Enforce)
    {
        if !intent.gates.iter().any(|verdict| verdict.enforced && verdict.gate == gate.name) {
            faults.push(format!("its policy has gate {} for it, which was not asked", gate.name));
        }
    }
    for verdict in intent.gates.iter().filter(|verdict| verdict.enforced) {
        match policy.gate(&verdict.gate) {
            None => faults.push(format!("its policy has no gate {}", verdict.gate)),
            Some(gate) => {
                let case = Case { policy, intent, verdict, before, given_to };
                case.seats(gate, &mut faults);
                if intent.placed.action.is_promotion() {
                    gate.checks.iter().for_each(|check| case.check(check, &mut faults));
                }
                gate.rules.iter().for_each(|rule| case.rule(rule, &mut faults));
            }
        }
    }
    faults
}

struct Case<'a> {
    policy: &'a Policy,
    intent: &'a Intent,
    verdict: &'a GateVerdict,
    before: &'a [&'a Entry],
    given_to: GivenTo<'a>,
}

impl Case<'_> {
    fn seats(&self, gate: &Gate, faults: &mut Vec<String>) {
        if self.verdict.verdict != Verdict::Satisfied {
            return;
        }
        let tier = self.verdict.tier.known();
        let seats = match (self.intent.placed.action.is_promotion(), tier) {
            (true, Some(tier)) => {
                self.policy.approvals(gate, tier).map(|asked| asked.seats.clone()).unwrap_or_default()
            }
            (true, None) => return,
            (false, tier) => gate.seats_for_change(tier),
        };
        for (seat, needed) in seats {
            let asked = self.verdict.seats.get(&seat).map_or(0, |count| count.needed);
            if asked < needed {
                faults.push(format!(
                    "gate {} asks for {needed} in seat {seat}, and {asked} were asked for",
                    gate.name
                ));
            }
        }
    }

    fn check(&self, check: &Check, faults: &mut Vec<String>) {
        let requirement =
            Requirement::Check { gate: self.verdict.gate.clone(), plugin: check.plugin.clone() };
        let waived = self.verdict.waived.iter().any(|waived| waived.requirement == requirement);
        if !check.required || waived {
            return;
        }
        let passed = self.runs(check).any(|run| matches!(run.conclusion.as_str(), "pass" | "warn"));
        if !passed {
            let of = format!("gate {} asks for check {}", self.verdict.gate, check.plugin);
            faults.push(format!("{of}, and no run of it on this version passed before"));
        }
    }

    /// The runs of a check, as its gate configures it, on what is written.
    fn runs(&self, check: &Check) -> impl Iterator<Item = &CheckRunRecord> {
        let config = Digest::of_json(&check.config).ok();
        let plugin = self.policy.plugin(&check.plugin).map(|plugin| plugin.digest);
        let runs = self.before.iter().filter_map(|entry| match entry {
            Entry::CheckRun(run) => Some(run),
            _ => None,
        });
        runs.filter(move |run| {
            Some(run.config_digest) == config
                && Some(run.plugin_digest) == plugin
                && self.is_about(&run.input_digest)
        })
    }

    /// Whether a run was given exactly what is written, at its tier. One whose input is not kept may have been.
    fn is_about(&self, input: &Digest) -> bool {
        (self.given_to)(input).is_none_or(|given| {
            Some(&given.subject) == self.intent.subject.as_ref()
                && given.tier.as_ref() == self.verdict.tier.known()
        })
    }

    /// The last run of a rule for this gate, whose word must have been heeded.
    fn rule(&self, rule: &Rule, faults: &mut Vec<String>) {
        let plugin = self.policy.plugin(&rule.plugin).map(|plugin| plugin.digest);
        let last = self.before.iter().rev().find_map(|entry| match entry {
            Entry::RuleRun { run, .. } => Some(run).filter(|run| {
                let ours = run.gate.as_ref().is_none_or(|gate| *gate == self.verdict.gate);
                ours && run.plugin == rule.plugin && Some(run.plugin_digest) == plugin
            }),
            _ => None,
        });
        let of = format!("gate {} asks rule {}", self.verdict.gate, rule.plugin);
        match last.map(|run| &run.outcome) {
            None => faults.push(format!("{of}, and no run of it is told of before")),
            Some(RuleOutcome::Failed(_)) => faults.push(format!("{of}, which failed")),
            Some(RuleOutcome::Ruled(ruling)) if !ruling.denials.is_empty() => {
                faults.push(format!("{of}, which refused it"));
            }
            Some(RuleOutcome::Ruled(ruling)) => {
                for wanted in &ruling.seats {
                    let asked = self.verdict.seats.get(&wanted.seat).map_or(0, |count| count.needed);
                    if asked < wanted.count {
                        let (seat, count) = (&wanted.seat, wanted.count);
                        faults.push(format!(
                            "{of}, which wanted {count} in seat {seat}, and {asked} were asked for"
                        ));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

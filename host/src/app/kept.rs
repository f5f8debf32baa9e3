//! What a decision rested on, read back from evidence, and which of it a policy can use: that of its time, to see
//! whether it gives the same again, or another.
//!
//! This module must not know: where evidence is kept.

use std::cell::RefCell;
use std::collections::BTreeSet;

use countersign_core::canonical;
use countersign_core::check::{CheckRun, Outcome, RuleRun};
use countersign_core::decide::{Demand, GateVerdict, Need, Verdict};
use countersign_core::digest::Digest;
use countersign_core::entry::{Beside, RanCheck};
use countersign_core::facts::{Facts, ModelFacts, Subject, VersionFacts};
use countersign_core::names::{PluginName, Tier};
use countersign_core::policy::{GateMatch, Holdings, Policy};
use countersign_core::recorded::{Recorded, Ruled};
use countersign_core::redecide::Answer;

use super::AppError;
use crate::plugins::RuleRecord;

/// Evidence by its digest.
pub(super) type Blobs<'b> = &'b dyn Fn(Digest) -> Result<Vec<u8>, AppError>;

/// Facts, check runs and rule runs of one decision.
pub(super) struct Kept {
    pub(super) facts: Facts,
    /// Those of the further versions that it was about.
    pub(super) also: Vec<Facts>,
    pub(super) open_threads: u32,
    checks: Vec<CheckRun>,
    /// With the configuration that each ran by.
    rules: Vec<(String, Ruled)>,
}

impl Kept {
    /// # Errors
    /// Why it cannot be decided again.
    pub(super) fn of(blobs: Blobs<'_>, decision: &Recorded) -> Result<Self, String> {
        let Some(basis) = &decision.basis else { return Err(without_basis(decision)) };
        if decision.several && basis.also.is_empty() {
            let why = "it is about several versions, and what all but the first held then was not recorded";
            return Err(why.to_owned());
        }
        let read = |what: &str, digest: Digest| {
            blobs(digest).map_err(|error| format!("{what} cannot be read: {error}"))
        };
        let unclear = |what: &str| format!("{what} cannot be understood by this version");
        let facts = |what: &str, digest: Digest| {
            let (version, model): (VersionFacts, ModelFacts) =
                serde_json::from_slice(&read(what, digest)?).map_err(|_| unclear(what))?;
            Ok::<_, String>(Facts { taken_at: decision.at, version, model })
        };
        let beside = |beside: &Beside| {
            let Subject { model, version, .. } = &beside.subject;
            facts(&format!("the facts of version {version} of {model}"), beside.facts)
        };
        let outcome = |ran: &RanCheck| {
            let what = format!("what check {} found", ran.plugin);
            let bytes = read(&what, ran.outcome_digest)?;
            Ok::<_, String>(check_run(
                ran,
                serde_json::from_slice(&bytes).map_err(|_| unclear(&what))?,
                decision,
            ))
        };
        let config = |ruled: &Ruled| {
            let what = format!("what rule {} was given", ruled.run.plugin);
            let input: RuleRecord =
                serde_json::from_slice(&read(&what, ruled.run.input_digest)?).map_err(|_| unclear(&what))?;
            Ok::<_, String>((input.config, ruled.clone()))
        };
        Ok(Self {
            facts: facts("its facts", basis.facts)?,
            also: basis.also.iter().map(beside).collect::<Result<_, _>>()?,
            open_threads: basis.open_threads,
            checks: basis.checks.iter().map(outcome).collect::<Result<_, _>>()?,
            rules: decision.rule_runs.iter().map(config).collect::<Result<_, _>>()?,
        })
    }

    /// What the versions held, as far as their facts tell.
    pub(super) fn holdings(&self) -> Holdings {
        Holdings::of_versions(std::iter::once(&self.facts).chain(&self.also))
    }
}

fn without_basis(decision: &Recorded) -> String {
    let why = if decision.gates.is_empty() {
        "it was refused outright, by what versions held then, which was not recorded"
    } else if decision.decision == "deny" {
        "it was refused because of what had been said of the same write before, or was recorded by an earlier version"
    } else {
        "it was recorded by an earlier version, which did not say what it rested on"
    };
    why.to_owned()
}

fn check_run(ran: &RanCheck, outcome: Outcome, decision: &Recorded) -> CheckRun {
    let nothing = Digest::of(&[]);
    CheckRun {
        plugin: ran.plugin.clone(),
        required: false,
        plugin_digest: ran.plugin_digest,
        config_digest: ran.config_digest,
        input_digest: nothing,
        transcript_digest: nothing,
        outcome_digest: ran.outcome_digest,
        outcome,
        started_at: decision.at,
        took_us: 0,
    }
}

/// What a policy asks for and history has or has not.
pub(super) struct Asking<'a> {
    policy: &'a Policy,
    kept: &'a Kept,
    /// The tier that everything ran at.
    tier: Option<&'a Tier>,
    absent: RefCell<BTreeSet<PluginName>>,
    assumed: RefCell<BTreeSet<String>>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(policy: &'a Policy, kept: &'a Kept, recorded: &'a [GateVerdict]) -> Self {
        let tier = recorded.iter().find_map(|gate| gate.tier.known());
        let (absent, assumed) = (RefCell::default(), RefCell::default());
        Self { policy, kept, tier, absent, assumed }
    }

    /// The runs on a version that count for a gate: of the bytes that the policy pins, by the configuration that it gives.
    pub(super) fn runs(
        &self,
        matched: &GateMatch<'_>,
        demand: &Demand,
        subject: &Subject,
    ) -> (Vec<CheckRun>, Vec<RuleRun>) {
        let checks = demand.checks.iter().filter_map(|asked| {
            let same = |run: &&CheckRun| {
                run.plugin == asked.plugin
                    && run.config_digest == asked.config_digest
                    && self.pins(&run.plugin, run.plugin_digest)
            };
            let found = self.kept.checks.iter().find(same).cloned();
            self.took(&asked.plugin, found.is_some() || !asked.required, demand);
            found
        });
        let rules = matched.gate.rules.iter().filter_map(|rule| {
            let config = canonical::to_string(&rule.config).ok()?;
            let same = |(ran_by, ruled): &&(String, Ruled)| {
                let run = &ruled.run;
                let pinned = run.plugin == rule.plugin && self.pins(&run.plugin, run.plugin_digest);
                pinned && *ran_by == config && ruled.is_on(subject)
            };
            let ours = |(_, ruled): &&(String, Ruled)| ruled.run.gate.as_ref() == Some(&matched.gate.name);
            // The last of them, and rather that of this gate: it may have run for a request that opened before.
            let all = || self.kept.rules.iter().rev().filter(same);
            let found = all().find(ours).or_else(|| all().next()).map(|(_, ruled)| ruled.run.clone());
            self.took(&rule.plugin, found.is_some(), demand);
            Some(RuleRun { gate: Some(matched.gate.name.clone()), ..found? })
        });
        (checks.collect(), rules.collect())
    }

    fn pins(&self, plugin: &PluginName, digest: Digest) -> bool {
        self.policy.plugin(plugin).is_some_and(|plugin| plugin.digest == digest)
    }

    fn took(&self, plugin: &PluginName, found: bool, demand: &Demand) {
        if !found {
            self.absent.borrow_mut().insert(plugin.clone());
        } else if let (Some(ran_at), Some(tier)) = (self.tier, demand.tier.known())
            && ran_at != tier
        {
            self.assumed.borrow_mut().insert(format!("{plugin} ran at tier `{ran_at}`"));
        }
    }

    /// The runs without which the answer is none.
    pub(super) fn lacking(&self, answer: &Answer) -> Vec<String> {
        let absent = self.absent.borrow();
        let wanted: BTreeSet<PluginName> =
            answer.gates().iter().filter(|gate| gate.enforced).flat_map(wants).collect();
        let both = absent.iter().filter(|plugin| wanted.contains(*plugin));
        both.map(|plugin| format!("a run of {plugin}")).collect()
    }

    pub(super) fn assumed(&self) -> Vec<String> {
        self.assumed.borrow().iter().cloned().collect()
    }
}

/// Plugins that a gate waits for.
fn wants(gate: &GateVerdict) -> Vec<PluginName> {
    let Verdict::Held(needs) = &gate.verdict else { return Vec::new() };
    let plugin = |need: &Need| match need {
        Need::CheckRun { plugin } | Need::Rule { plugin, .. } => Some(plugin.clone()),
        _ => None,
    };
    needs.iter().filter_map(plugin).collect()
}

//! What would be asked of a version: the same answer as `countersign policy explain`, with the people of this moment.
//! Nothing is recorded, no check runs.

use std::collections::BTreeMap;

use countersign_core::check::CheckRun;
use countersign_core::digest::Digest;
use countersign_core::facts::{Facts, Missing};
use countersign_core::names::{ModelName, PersonId, PluginName, Seat, Version, Workspace};
use countersign_core::policy::explain::Demand;
use countersign_core::policy::{Check, Holdings, TierOutcome};
use countersign_core::target::Target;
use countersign_core::what_if::WhatIf;

use super::people::Candidate;
use super::{App, AppError, Generation};

/// What somebody wants to know.
#[derive(Debug, Clone)]
pub struct Question {
    pub model: ModelName,
    pub version: Version,
    pub target: Target,
    /// Who would ask: whoever does cannot sign.
    pub requester: Option<PersonId>,
    pub suppose: Vec<WhatIf>,
}

/// The answer.
#[derive(Debug)]
pub struct Explained {
    /// One sentence: what the policy says.
    pub verdict: String,
    /// Whether the action is refused outright.
    pub refused: bool,
    /// `None` where no gate asks for it.
    pub tier: Option<TierOutcome>,
    pub gates: Vec<Asks>,
    /// Everybody of every seat that any gate asks for.
    pub candidates: BTreeMap<Seat, Vec<Candidate>>,
    /// What could not be read of the registry.
    pub missing: Vec<Missing>,
}

/// What one gate asks.
#[derive(Debug)]
pub struct Asks {
    pub gate: String,
    pub enforced: bool,
    /// What of it matched.
    pub guard: String,
    pub checks: Vec<(PluginName, bool, Option<CheckRun>)>,
    pub rules: Vec<PluginName>,
    pub seats: BTreeMap<Seat, u32>,
    pub evidence_first: bool,
    pub unresolved_blocks: bool,
    pub reauthenticate: bool,
    /// How long the approval would hold.
    pub lasts: Option<String>,
}

impl App {
    /// What the policy in force would ask, by what is known of the registry.
    ///
    /// # Errors
    /// When MLflow has no such version, or does not answer.
    pub async fn what_would_be_asked(
        &self,
        generation: &Generation,
        question: &Question,
    ) -> Result<Explained, AppError> {
        let Question { model, version, target, requester, suppose } = question;
        let workspace = Workspace::new("default");
        let snapshot = self.registry.get(&workspace, model, *version).await?;
        let action = target.clone().action(model.clone(), *version);
        let mut facts = Facts::clone(&snapshot.facts);
        suppose.iter().for_each(|what_if| what_if.apply(&mut facts));
        let explained = generation.policy.explain(&action, &facts, &Holdings::of_version(&facts));
        let known = self.version_status(&workspace, model, *version)?.check_runs;
        let authors = self.authors(requester.clone(), &facts.version, &[])?;
        let mut candidates = self.people.candidates(&generation.policy, &authors, self.clock.now());
        let gates: Vec<Asks> = explained.gates.iter().map(|demand| asks(demand, &known)).collect();
        candidates.retain(|seat, _| gates.iter().any(|gate| gate.seats.contains_key(seat)));
        Ok(Explained {
            verdict: explained.verdict,
            refused: explained.refused,
            tier: explained.tier,
            gates,
            candidates,
            missing: facts.version.missing,
        })
    }
}

fn asks(demand: &Demand<'_>, known: &[CheckRun]) -> Asks {
    use countersign_core::policy::{Mode, SignatureKind};
    let (gate, approvals) = (demand.gate, demand.approvals);
    let checks = gate.checks.iter().map(|check| (check.plugin.clone(), check.required, last(check, known)));
    let signature = approvals.map(|approvals| approvals.signature);
    Asks {
        gate: gate.name.to_string(),
        enforced: gate.mode == Mode::Enforce,
        guard: demand.guard.clone(),
        checks: checks.collect(),
        rules: gate.rules.iter().map(|rule| rule.plugin.clone()).collect(),
        seats: approvals.map(|approvals| approvals.seats.clone()).unwrap_or_default(),
        evidence_first: approvals.is_some_and(|approvals| approvals.evidence_first),
        unresolved_blocks: approvals.is_some_and(|approvals| approvals.unresolved_blocks),
        reauthenticate: signature == Some(SignatureKind::Reauthenticate),
        lasts: approvals.and_then(|approvals| approvals.expires).map(|span| span.to_string()),
    }
}

/// What this check last said of the version, in this configuration.
fn last(check: &Check, known: &[CheckRun]) -> Option<CheckRun> {
    let config = Digest::of_json(&check.config).ok()?;
    let same = |run: &&CheckRun| run.plugin == check.plugin && run.config_digest == config;
    known.iter().find(same).cloned()
}

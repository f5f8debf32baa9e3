//! What a policy asks of one subject: its tier, and what each gate that guards the action wants at that tier.
//!
//! This module must not know: what has run, who has signed, how plugins are loaded.

use std::collections::BTreeSet;

use super::tier::{TierOutcome, tiering};
use super::{Approvals, FactRead, Gate, GateMatch, Mode, OnApproval, OnFailure, Policy, SignatureKind};
use super::{Check, UnknownAuthor};
use crate::action::Action;
use crate::canonical::CanonicalError;
use crate::check::FailureClass;
use crate::decide::{CheckDemand, Demand, TierFound};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::names::Seat;

impl Policy {
    /// The tier of a subject, and the facts that it was found by.
    #[must_use]
    pub fn tier_found(&self, facts: &Facts, action: &Action) -> (TierFound, Vec<FactRead>) {
        if self.tiers.is_empty() {
            return (TierFound::None, Vec::new());
        }
        let found = tiering(self, facts, action);
        let tier = match found.outcome {
            TierOutcome::Known { tier, .. } => TierFound::Known(tier),
            TierOutcome::Unknown { tier, reason } => {
                TierFound::Unknown(format!("the condition of tier `{tier}` cannot be evaluated: {reason}"))
            }
        };
        (tier, found.read)
    }

    /// What a matched gate asks of a subject of this tier.
    ///
    /// # Errors
    /// When a number in the configuration of a check has no canonical form.
    pub fn demand(&self, matched: &GateMatch<'_>, tier: &TierFound) -> Result<Demand, CanonicalError> {
        let gate = matched.gate;
        if !matched.changes.is_empty() {
            return Ok(self.demand_for_change(gate, tier));
        }
        let approvals = self.asked_of_people(gate, tier);
        let checks = gate.checks.iter().map(|check| self.check_demand(check)).collect::<Result<_, _>>()?;
        Ok(Demand {
            checks,
            seats: approvals.map(|a| a.seats.clone()).unwrap_or_default(),
            expires: approvals.and_then(|a| a.expires),
            unknown_author_holds: gate.unknown_author == UnknownAuthor::Hold,
            unknown_run_author_holds: gate.unknown_run_author == UnknownAuthor::Hold,
            evidence_first: approvals.is_some_and(|a| a.evidence_first),
            unresolved_blocks: approvals.is_some_and(|a| a.unresolved_blocks),
            sample: approvals.and_then(|a| a.sample.clone()),
            applies: gate.on_approval == OnApproval::Apply,
            ..self.demand_for_change(gate, tier)
        })
    }

    /// What takes something back needs the people and no checks: a version may be taken away because it fails them.
    fn demand_for_change(&self, gate: &Gate, tier: &TierFound) -> Demand {
        let approvals = self.asked_of_people(gate, tier);
        Demand {
            gate: gate.name.clone(),
            enforced: gate.mode == Mode::Enforce,
            tier: tier.clone(),
            tier_facts: Vec::new(),
            lowered_from: None,
            checks: Vec::new(),
            rules: gate.rules.iter().map(|rule| rule.plugin.clone()).collect(),
            seats: gate.seats_for_change(tier.known()),
            vetoes: self.vetoes(),
            expires: None,
            unknown_author_holds: false,
            unknown_run_author_holds: false,
            evidence_first: false,
            unresolved_blocks: false,
            reauthenticate: approvals.is_some_and(|a| a.signature == SignatureKind::Reauthenticate),
            sample: None,
            applies: false,
        }
    }

    fn asked_of_people<'p>(&'p self, gate: &'p Gate, tier: &TierFound) -> Option<&'p Approvals> {
        tier.known().and_then(|tier| self.approvals(gate, tier))
    }

    fn check_demand(&self, check: &Check) -> Result<CheckDemand, CanonicalError> {
        let holds = |class: &FailureClass| self.on_failure(check, *class) == OnFailure::Hold;
        Ok(CheckDemand {
            plugin: check.plugin.clone(),
            config_digest: Digest::of_json(&check.config)?,
            required: check.required,
            holds_on: FailureClass::ALL.into_iter().filter(holds).collect(),
        })
    }

    fn vetoes(&self) -> BTreeSet<Seat> {
        let seats = self.seats.iter().filter(|seat| seat.veto);
        seats.map(|seat| seat.name.clone()).collect()
    }
}

//! How gates are judged: what each one misses, what a waiver takes out, who sits where.
//!
//! The enforced gates are seated together, because one person fills one seat of the whole decision; a gate that
//! only monitors is judged by itself, so that it takes nobody away.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, CheckDemand, Demand, GateVerdict, Need, SeatCount, TierFound, Verdict, Violation};
use crate::check::{CheckRun, Conclusion, FailureClass, Outcome, RuleOutcome, RuleRun};
use crate::names::{GateName, PersonId, PluginName, Seat};
use crate::review::{Authors, Vote, chairs, rejections, words};
use crate::seating::{self, Chair, Offers};
use crate::time::Span;
use crate::waiver::{Requirement, Waived, Waiver};

pub(super) fn judge(case: &Case<'_>) -> Vec<GateVerdict> {
    let (placed, subject) = (case.placed, case.subject);
    let rule = case.exceptions.waiver_rule;
    let counts = |waiver: &&Waiver| {
        waiver.scope.covers(&placed.workspace, &subject.model, subject.version)
            && waiver.counts(rule, case.roster, case.authors, case.now)
    };
    let waivers: Vec<&Waiver> = case.exceptions.waivers.iter().filter(counts).collect();
    let enforced: Vec<&Demand> = case.demands.iter().filter(|demand| demand.enforced).collect();
    let mut enforced = together(&enforced, case, &waivers).into_iter();
    let each = case.demands.iter().flat_map(|demand| {
        if demand.enforced { enforced.next() } else { together(&[demand], case, &waivers).into_iter().next() }
    });
    each.collect()
}

/// Judges gates whose seats are filled from the same people.
fn together(demands: &[&Demand], case: &Case<'_>, waivers: &[&Waiver]) -> Vec<GateVerdict> {
    let mut tallies: Vec<Tally<'_>> =
        demands.iter().map(|demand| Tally::new(demand, case, waivers)).collect();
    // A waiver that is used bars those behind it, which may leave another seat empty.
    let filled = loop {
        let filled = fill(&tallies, case, &authors(&tallies, case, waivers));
        let mut fewer = false;
        for tally in &mut tallies {
            fewer |= tally.waive_seats(&filled, waivers);
        }
        if !fewer {
            break filled;
        }
    };
    tallies.into_iter().map(|tally| tally.finish(&filled, case)).collect()
}

fn authors(tallies: &[Tally<'_>], case: &Case<'_>, waivers: &[&Waiver]) -> Authors {
    let used = |waiver: &&&Waiver| tallies.iter().any(|tally| tally.uses(waiver));
    let people = waivers.iter().filter(used).flat_map(|waiver| waiver.people());
    let waived_by = case.authors.waived_by.iter().cloned().chain(people).collect();
    Authors { waived_by, ..case.authors.clone() }
}

fn fill(tallies: &[Tally<'_>], case: &Case<'_>, authors: &Authors) -> BTreeMap<Seat, BTreeSet<PersonId>> {
    let mut needed: BTreeMap<Seat, u32> = BTreeMap::new();
    let mut lasting: BTreeMap<Seat, Span> = BTreeMap::new();
    let mut proved: BTreeSet<&Seat> = BTreeSet::new();
    for tally in tallies {
        for (seat, &count) in &tally.needed {
            // Whoever signed in a seat that is waived is shown, and takes no place from another seat.
            let count = if tally.waives(seat) { 0 } else { count };
            needed.entry(seat.clone()).and_modify(|most| *most = (*most).max(count)).or_insert(count);
            proved.extend(tally.demand.reauthenticate.then_some(seat));
            if let Some(span) = tally.demand.expires {
                lasting.entry(seat.clone()).and_modify(|least| *least = (*least).min(span)).or_insert(span);
            }
        }
    }
    seating::seated(&offers(&needed, (&lasting, &proved), case, authors), &needed)
}

/// Who has approved, and where each of them could sit.
fn offers(
    needed: &BTreeMap<Seat, u32>,
    (lasting, proved): (&BTreeMap<Seat, Span>, &BTreeSet<&Seat>),
    case: &Case<'_>,
    authors: &Authors,
) -> Offers {
    let mut offers = Offers::new();
    for (person, theirs) in words(case.reviews, case.binding) {
        let mut places: BTreeSet<Chair> = BTreeSet::new();
        for (seat, review) in theirs.into_iter().filter(|(_, review)| review.vote == Vote::Approve) {
            let fresh = |seat: &&Seat| lasting.get(*seat).is_none_or(|span| review.at.plus(*span) > case.now);
            let signed = |at: &&Seat| !proved.contains(at) || review.is_signed();
            let here = needed.keys().filter(|at| seat.is_none_or(|named| named == *at));
            for seat in here.filter(fresh).filter(signed) {
                let members = chairs(person, seat, case.roster, authors).unwrap_or_default();
                places.extend(members.into_iter().map(|member| (seat.clone(), member)));
            }
        }
        offers.insert(person.clone(), places);
    }
    offers
}

struct Tally<'a> {
    demand: &'a Demand,
    needed: BTreeMap<Seat, u32>,
    needs: Vec<Need>,
    violations: Vec<Violation>,
    waived: Vec<Waived>,
}

impl<'a> Tally<'a> {
    /// Everything but the seats.
    fn new(demand: &'a Demand, case: &Case<'_>, waivers: &[&Waiver]) -> Self {
        let needed = demand.seats.clone();
        let mut tally =
            Self { demand, needed, needs: Vec::new(), violations: Vec::new(), waived: Vec::new() };
        for check in demand.checks.iter().filter(|check| check.required) {
            tally.check(check, case.check_runs, waivers);
        }
        for rule in demand.rules.iter().collect::<BTreeSet<_>>() {
            tally.rules(rule, case.rule_runs);
        }
        if demand.unresolved_blocks && case.open_threads > 0 {
            tally.needs.push(Need::Discussion { threads: case.open_threads });
        }
        if let TierFound::Unknown(message) = &demand.tier {
            tally.needs.push(Need::Tier { message: message.clone() });
        }
        tally
    }

    fn check(&mut self, demand: &CheckDemand, runs: &[CheckRun], waivers: &[&Waiver]) {
        let same = |run: &&CheckRun| run.plugin == demand.plugin && run.config_digest == demand.config_digest;
        let Some(missing) = lacks(demand, runs.iter().find(same)) else { return };
        let gate = self.demand.gate.clone();
        if self.waive(&Requirement::Check { gate, plugin: demand.plugin.clone() }, waivers) {
            return;
        }
        match missing {
            Lack::Need(need) => self.needs.push(need),
            Lack::Violation(violation) => self.violations.push(violation),
        }
    }

    /// Every run of a rule that belongs to this gate: the same rule may stand in it, and in another gate, by several
    /// configurations. All must be there.
    fn rules(&mut self, rule: &PluginName, runs: &[RuleRun]) {
        let ours = |gate: &GateName| *gate == self.demand.gate;
        let runs = runs.iter().filter(|run| run.plugin == *rule && run.gate.as_ref().is_none_or(ours));
        let outcomes: Vec<&RuleOutcome> = runs.map(|run| &run.outcome).collect();
        if outcomes.len() < self.demand.rules.iter().filter(|asked| *asked == rule).count() {
            let message = "the rule has not run yet".to_owned();
            self.needs.push(Need::Rule { plugin: rule.clone(), message });
        }
        outcomes.into_iter().for_each(|outcome| self.rule(rule, outcome));
    }

    /// A rule adds: the larger of two quorums counts, and nothing that it says makes one smaller.
    fn rule(&mut self, rule: &PluginName, outcome: &RuleOutcome) {
        let plugin = rule.clone();
        match outcome {
            RuleOutcome::Failed(failure) => {
                self.needs.push(Need::Rule { plugin, message: failure.message.clone() });
            }
            RuleOutcome::Ruled(ruling) => {
                for wanted in &ruling.seats {
                    let count = self.needed.entry(wanted.seat.clone()).or_default();
                    *count = (*count).max(wanted.count);
                }
                self.violations.extend(ruling.denials.iter().map(|finding| Violation::RuleDenied {
                    plugin: plugin.clone(),
                    code: finding.code.clone(),
                    message: finding.message.clone(),
                }));
            }
        }
    }

    fn waive(&mut self, requirement: &Requirement, waivers: &[&Waiver]) -> bool {
        let found = waivers.iter().find(|waiver| &waiver.requirement == requirement);
        self.waived.extend(found.map(|waiver| waiver.waived()));
        found.is_some()
    }

    fn uses(&self, waiver: &Waiver) -> bool {
        self.waived.iter().any(|waived| waived.waiver == waiver.id)
    }

    fn seat_requirement(&self, seat: &Seat) -> Requirement {
        Requirement::Seat { gate: self.demand.gate.clone(), seat: seat.clone() }
    }

    fn waives(&self, seat: &Seat) -> bool {
        let requirement = self.seat_requirement(seat);
        self.waived.iter().any(|waived| waived.requirement == requirement)
    }

    /// Takes out the seats that nobody fills and that may stay empty. Whether there were any.
    fn waive_seats(&mut self, filled: &BTreeMap<Seat, BTreeSet<PersonId>>, waivers: &[&Waiver]) -> bool {
        let open: Vec<Seat> = self
            .needed
            .iter()
            .filter(|(seat, needed)| missing(filled, seat, **needed) > 0 && !self.waives(seat))
            .map(|(seat, _)| seat.clone())
            .collect();
        let mut any = false;
        for seat in open {
            any |= self.waive(&self.seat_requirement(&seat), waivers);
        }
        any
    }

    fn finish(mut self, filled: &BTreeMap<Seat, BTreeSet<PersonId>>, case: &Case<'_>) -> GateVerdict {
        self.rejected(case);
        let mut seats = BTreeMap::new();
        for (seat, &needed) in &self.needed {
            let missing = missing(filled, seat, needed);
            if missing > 0 && !self.waives(seat) {
                self.needs.push(Need::Signatures { seat: seat.clone(), missing });
            }
            let signed = filled.get(seat).cloned().unwrap_or_default();
            seats.insert(seat.clone(), SeatCount { needed, signed });
        }
        let (unproven, demand) = (self.authors(case.authors), self.demand);
        let verdict = verdict(self.needs, self.violations);
        let nobody_signs = self.needed.is_empty() && verdict == Verdict::Satisfied;
        GateVerdict {
            gate: demand.gate.clone(),
            enforced: demand.enforced,
            tier: demand.tier.clone(),
            tier_facts: demand.tier_facts.clone(),
            lowered_from: demand.lowered_from.clone(),
            sampled: demand
                .sample
                .as_ref()
                .filter(|_| nobody_signs)
                .filter(|s| s.draws(&case.binding))
                .map(|s| s.seat.clone()),
            reauthenticate: demand.reauthenticate,
            verdict,
            seats,
            unproven,
            waived: self.waived,
            expires: demand.expires,
            vetoes: demand.vetoes.clone(),
            evidence_first: demand.evidence_first,
            applies: demand.applies,
        }
    }

    /// A rejection does not run out, and no waiver takes it away.
    fn rejected(&mut self, case: &Case<'_>) {
        for review in rejections(case.reviews, case.binding, case.roster, case.authors) {
            let counts = |seat: &Seat| self.needed.contains_key(seat) || self.demand.vetoes.contains(seat);
            if review.seat.as_ref().is_some_and(counts) {
                let (by, rationale) = (review.reviewer.clone(), review.rationale.clone());
                self.violations.push(Violation::Rejected { by, rationale });
            }
        }
    }

    /// Separation of duties can only be proved against authors that somebody recorded.
    fn authors(&mut self, authors: &Authors) -> Vec<String> {
        const CREATOR: (&str, &str) = (
            "nobody recorded who registered this version, so it cannot be proved that its approvers did not",
            "register it again through Countersign, or set `unknown_author = \"accept\"`",
        );
        const RUN: (&str, &str) = (
            "its run names an author whom nobody here is known by, so it cannot be proved that its approvers are \
             somebody else: MLflow believes its client about that name",
            "add the account, or set `unknown_run_author = \"accept\"`",
        );
        let demand = self.demand;
        let unknown = [
            (authors.creator.is_none(), CREATOR, demand.unknown_author_holds),
            (authors.run_author_unknown, RUN, demand.unknown_run_author_holds),
        ];
        let mut unproven = Vec::new();
        for (_, (message, remedy), holds) in
            unknown.into_iter().filter(|(so, ..)| *so && !self.needed.is_empty())
        {
            if holds {
                let message = format!("{message}; {remedy}");
                self.needs.push(Need::Author { message: message.clone() });
                unproven.push(message);
            } else {
                unproven.push(format!("{message}; the policy accepts that"));
            }
        }
        unproven
    }
}

enum Lack {
    Need(Need),
    Violation(Violation),
}

/// What a required check leaves open.
fn lacks(demand: &CheckDemand, run: Option<&CheckRun>) -> Option<Lack> {
    let plugin = demand.plugin.clone();
    let report = match run.map(|run| &run.outcome) {
        None => return Some(Lack::Need(Need::CheckRun { plugin })),
        Some(Outcome::Failed(failure)) => {
            let (class, message) = (failure.class, failure.message.clone());
            return Some(if demand.holds_on.contains(&class) {
                Lack::Need(Need::CheckAgain { plugin, message })
            } else {
                Lack::Violation(Violation::CheckErrored { plugin, class, message })
            });
        }
        Some(Outcome::Reported(report)) => report,
    };
    let message = report.summary.clone();
    let violation = match report.conclusion {
        Conclusion::Pass | Conclusion::Warn => return None,
        Conclusion::Fail => Violation::CheckFailed { plugin, message },
        Conclusion::Skipped => Violation::CheckSkipped { plugin, message },
        Conclusion::Error => Violation::CheckErrored { plugin, class: FailureClass::Undecided, message },
    };
    Some(Lack::Violation(violation))
}

fn missing(filled: &BTreeMap<Seat, BTreeSet<PersonId>>, seat: &Seat, needed: u32) -> u32 {
    let signed = filled.get(seat).map_or(0, BTreeSet::len);
    needed.saturating_sub(u32::try_from(signed).unwrap_or(u32::MAX))
}

fn verdict(needs: Vec<Need>, violations: Vec<Violation>) -> Verdict {
    match (violations.is_empty(), needs.is_empty()) {
        (false, _) => Verdict::Denied(violations),
        (true, false) => Verdict::Held(needs),
        (true, true) => Verdict::Satisfied,
    }
}

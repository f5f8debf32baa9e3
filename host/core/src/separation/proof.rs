//! What one announced write rests on, by the entries before it.

use std::collections::{BTreeMap, BTreeSet};

use super::Prover;
use crate::action::Placed;
use crate::decide::{GateVerdict, Verdict};
use crate::entry::Intent;
use crate::names::{PersonId, Seat};
use crate::review::{Authors, Review, Vote, words};
use crate::time::{Millis, Span};
use crate::waiver::{Requirement, Waived};

/// What may lie between a decision and the entry that announces it.
const GRACE: Span = Span::from_millis(60_000);

/// A time in which files may be written, as its entry tells of it.
#[derive(Debug)]
pub(super) struct Window {
    placed: Placed,
    by: PersonId,
    until: Millis,
    /// Whether the write that opened it, which must be covered itself, was announced.
    begun: bool,
}

impl Window {
    pub(super) fn new(placed: &Placed, by: &PersonId, until: Millis) -> Self {
        Self { placed: placed.clone(), by: by.clone(), until, begun: false }
    }

    pub(super) fn begin(&mut self, intent: &Intent) {
        self.begun |= !intent.in_window && self.covers(intent);
    }

    fn covers(&self, intent: &Intent) -> bool {
        intent.by.as_ref() == Some(&self.by) && self.placed.covers(&intent.placed)
    }
}

impl Prover {
    /// Why this write was not covered; nothing where it was.
    pub(super) fn faults(&self, at: Millis, intent: &Intent) -> Vec<String> {
        if intent.subject.is_none() {
            let known = self.bypasses.contains(&intent.binding);
            return if known {
                vec![]
            } else {
                vec!["it puts back a bypass that no entry tells of".to_owned()]
            };
        }
        if intent.in_window {
            return self.windowed(at, intent);
        }
        if let Some(broken) = intent.break_glass {
            return self.emergency(at, intent, broken);
        }
        let mut faults = Vec::new();
        let authors = self.authors(at, intent, &mut faults);
        for gate in intent.gates.iter().filter(|gate| gate.enforced) {
            self.gate(at, intent, gate, &authors, &mut faults);
        }
        one_seat_each(&intent.gates, &mut faults);
        faults
    }

    fn windowed(&self, at: Millis, intent: &Intent) -> Vec<String> {
        let window = intent.request.and_then(|request| self.windows.get(&request));
        let open = window
            .is_some_and(|window| window.begun && window.covers(intent) && at < window.until.plus(GRACE));
        if open { vec![] } else { vec!["no window was open for it at that time".to_owned()] }
    }

    fn emergency(&self, at: Millis, intent: &Intent, broken: uuid::Uuid) -> Vec<String> {
        let used = self.broken.get(&broken);
        let covers = used.is_some_and(|used| {
            used.blocks()
                && used.placed.covers(&intent.placed)
                && used.at <= at
                && at < used.until.plus(GRACE)
        });
        if covers { vec![] } else { vec![format!("break-glass {broken} was not open for it at that time")] }
    }

    /// The authors that the intent names, and those that other entries name.
    fn authors(&self, at: Millis, intent: &Intent, faults: &mut Vec<String>) -> Vec<Authors> {
        let mut all = vec![intent.authors.clone()];
        all.extend(intent.request.and_then(|request| self.requests.get(&request)).cloned());
        for subject in intent.subject.iter().chain(&intent.also) {
            let key = (subject.workspace.clone(), subject.model.clone(), subject.version);
            let creator = self.creators.get(&key).cloned().flatten();
            all.push(Authors { creator, ..Authors::default() });
        }
        for waived in intent.gates.iter().filter(|gate| gate.enforced).flat_map(|gate| &gate.waived) {
            match self.waiver(at, intent, waived) {
                Ok(waived_by) => all.push(Authors { waived_by, ..Authors::default() }),
                Err(fault) => faults.push(fault),
            }
        }
        all
    }

    /// Whoever stands behind a waiver, where it covers this write.
    fn waiver(&self, at: Millis, intent: &Intent, waived: &Waived) -> Result<BTreeSet<PersonId>, String> {
        let of = |what: &str| format!("waiver {} of {} {what}", waived.waiver, waived.requirement);
        let found = self.waivers.get(&waived.waiver).ok_or_else(|| of("is told of by no entry"))?;
        let subject = intent.subject.as_ref();
        let scope = &found.scope;
        if found.requirement != waived.requirement
            || !subject.is_some_and(|s| scope.covers(&intent.placed.workspace, &s.model, s.version))
        {
            return Err(of("is about something else"));
        }
        if at >= found.expires.plus(GRACE) || found.revoked.is_some() {
            return Err(of("had ended"));
        }
        let people = found.people();
        if found.approvals.iter().all(|word| people.contains(&word.by)) {
            return Err(of("was approved by nobody but those behind it"));
        }
        Ok(people)
    }

    fn gate(
        &self,
        at: Millis,
        intent: &Intent,
        gate: &GateVerdict,
        authors: &[Authors],
        faults: &mut Vec<String>,
    ) {
        if gate.verdict != Verdict::Satisfied {
            faults.push(format!("gate {} did not let it through", gate.gate));
        }
        let empty = Vec::new();
        let reviews = self.reviews.get(&intent.binding).unwrap_or(&empty);
        let said = words(reviews, intent.binding);
        for (seat, count) in &gate.seats {
            let signed = u32::try_from(count.signed.len()).unwrap_or(u32::MAX);
            let requirement = Requirement::Seat { gate: gate.gate.clone(), seat: seat.clone() };
            let waived = gate.waived.iter().any(|waived| waived.requirement == requirement);
            if signed < count.needed && !waived {
                let needed = count.needed;
                faults.push(format!("seat {seat} of gate {} has {signed} of {needed} signatures", gate.gate));
            }
            for person in &count.signed {
                let mut theirs = said.get(person).into_iter().flat_map(BTreeMap::values);
                if !theirs.any(|review| approves(review, seat, gate, at)) {
                    faults.push(format!("{person} did not approve it in seat {seat}, or no longer did"));
                }
                faults.extend(own_work(person, seat, authors));
            }
        }
    }
}

fn own_work(person: &PersonId, seat: &Seat, authors: &[Authors]) -> Option<String> {
    let why = authors.iter().find_map(|authors| authors.admits(person).err())?;
    Some(format!("{person} signed their own work in seat {seat}: {why}"))
}

fn approves(review: &Review, seat: &Seat, gate: &GateVerdict, at: Millis) -> bool {
    let here = review.seat.as_ref().is_none_or(|named| named == seat);
    let lasts = gate.expires.is_none_or(|span| review.at.plus(span).plus(GRACE) > at);
    let proved = !gate.reauthenticate || review.is_signed();
    review.vote == Vote::Approve && here && lasts && proved
}

/// Nobody fills two seats of one decision.
fn one_seat_each(gates: &[GateVerdict], faults: &mut Vec<String>) {
    let mut seats: BTreeMap<&PersonId, BTreeSet<&Seat>> = BTreeMap::new();
    for (seat, count) in gates.iter().filter(|gate| gate.enforced).flat_map(|gate| &gate.seats) {
        for person in &count.signed {
            seats.entry(person).or_default().insert(seat);
        }
    }
    let twice = seats.into_iter().filter(|(_, seats)| seats.len() > 1);
    faults.extend(twice.map(|(person, seats)| {
        let seats: Vec<&str> = seats.into_iter().map(Seat::as_str).collect();
        format!("{person} fills more than one seat: {}", seats.join(", "))
    }));
}

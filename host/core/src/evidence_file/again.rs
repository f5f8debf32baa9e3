//! A decision of a file made again: who could sit where, as far as entries tell, and what is not as it was recorded.
//!
//! A decision says where those sat who had spoken; a word that counts for nothing by that is named. Entries of before do
//! not say: whoever voted in a seat is taken for a member, which is the widest that it can have been; where that gives
//! something else than was recorded, those are whom the entry itself counts. This module must not know: where facts
//! and runs come from.

use std::collections::BTreeSet;

use crate::decide::{GateVerdict, TierFound, Verdict, Violation};
use crate::explain::{needs_of, violations_of};
use crate::names::{PersonId, Seat};
use crate::policy::Policy;
use crate::recorded::Recorded;
use crate::redecide::Answer;
use crate::review::{Review, Roster, Vote};
use crate::waiver::{Requirement, Waiver};

/// Who sat where, and what is taken for granted by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sat {
    pub roster: Roster,
    pub granted: Vec<String>,
}

/// The roster that the decision names. Of before: the widest that entries allow for, then the one that it tells of.
#[must_use]
pub fn rosters(policy: &Policy, decision: &Recorded) -> Vec<Sat> {
    if let Some(sat) = decision.basis.as_ref().and_then(|basis| basis.sat.as_ref()) {
        let granted = outside(decision, sat);
        return vec![Sat { roster: sat.clone(), granted }];
    }
    let all = |_: &Waiver| true;
    let used = |waiver: &Waiver| {
        decision.gates.iter().flat_map(|gate| &gate.waived).any(|waived| waived.waiver == waiver.id)
    };
    let (mut wide, mut told) = (counted(decision), counted(decision));
    for review in words(decision) {
        let Some(seat) = &review.seat else { continue };
        wide.seats.entry(seat.clone()).or_default().insert(review.reviewer.clone());
    }
    approvers(policy, decision, &all, &mut wide);
    approvers(policy, decision, &used, &mut told);
    let granted = left_out(decision, &wide, &told);
    vec![Sat { roster: wide, granted: Vec::new() }, Sat { roster: told, granted }]
}

/// Words in a seat in which their author did not sit, by what the decision itself names.
fn outside(decision: &Recorded, sat: &Roster) -> Vec<String> {
    let mut granted = BTreeSet::new();
    for review in words(decision) {
        let (who, Some(seat)) = (&review.reviewer, &review.seat) else { continue };
        let member = sat.seats.get(seat).is_some_and(|people| people.contains(who));
        let stands_in = sat.delegates.get(seat).is_some_and(|lent| lent.contains_key(who));
        if !member && !stands_in {
            let what = review.vote.as_str();
            granted.insert(format!(
                "the `{what}` of {who} in seat {seat} counts for nothing: its entry says that they did not sit there then"
            ));
        }
    }
    granted.into_iter().collect()
}

/// What was said for or against exactly this.
fn words(decision: &Recorded) -> impl Iterator<Item = &Review> {
    let bound = |review: &&Review| decision.binding == Some(review.binding) && review.vote.decides();
    decision.reviews.iter().filter(bound)
}

/// Those whom the entry counts: as signed, or as having said no.
fn counted(decision: &Recorded) -> Roster {
    let mut roster = Roster::default();
    for gate in &decision.gates {
        for (seat, count) in &gate.seats {
            roster.seats.entry(seat.clone()).or_default().extend(count.signed.iter().cloned());
        }
        let Verdict::Denied(violations) = &gate.verdict else { continue };
        for review in words(decision).filter(|review| review.vote == Vote::Reject) {
            let said = |against: &Violation| matches!(against, Violation::Rejected { by, .. } if *by == review.reviewer);
            if let Some(seat) = review.seat.as_ref().filter(|_| violations.iter().any(said)) {
                roster.seats.entry(seat.clone()).or_default().insert(review.reviewer.clone());
            }
        }
    }
    roster.breakers.extend(decision.broken.iter().map(|broken| broken.by.clone()));
    roster
}

fn approvers(policy: &Policy, decision: &Recorded, counts: &dyn Fn(&Waiver) -> bool, roster: &mut Roster) {
    let Some(rule) = policy.waivers() else { return };
    let words = decision.waivers.iter().filter(|waiver| counts(waiver)).flat_map(|waiver| &waiver.approvals);
    let people: BTreeSet<PersonId> = words.map(|word| word.by.clone()).collect();
    if !people.is_empty() {
        roster.seats.entry(rule.seat.clone()).or_default().extend(people);
    }
}

/// Words that stand in entries and that the decision does not count.
fn left_out(decision: &Recorded, wide: &Roster, told: &Roster) -> Vec<String> {
    let sits = |roster: &Roster, seat: &Seat, who: &PersonId| {
        roster.seats.get(seat).is_some_and(|people| people.contains(who))
    };
    let mut granted = BTreeSet::new();
    for review in words(decision) {
        let (who, Some(seat)) = (&review.reviewer, &review.seat) else { continue };
        if sits(wide, seat, who) && !sits(told, seat, who) {
            let what = review.vote.as_str();
            granted.insert(format!(
                "the `{what}` of {who} in seat {seat} counts for nothing, as recorded: whether they sat there then, or \
                 shared a place with somebody, stands in no entry"
            ));
        }
    }
    granted.into_iter().collect()
}

/// What is not as it was recorded: the tier first, because everything else follows from it.
#[must_use]
pub fn difference(decision: &Recorded, answer: &Answer) -> Option<String> {
    for recorded in &decision.gates {
        let Some(again) = answer.gates().iter().find(|gate| gate.gate == recorded.gate) else { continue };
        if !same_tier(recorded, again) {
            let (was, is) = (tier(recorded), tier(again));
            return Some(format!(
                "gate {} is recorded at {was}, and its policy gives {is} for the facts",
                recorded.gate
            ));
        }
    }
    if answer.as_str() != decision.decision {
        let (was, is) = (&decision.decision, answer.as_str());
        return Some(format!("it is recorded as `{was}`, and its policy answers `{is}`{}", why(answer)));
    }
    let missing = decision.gates.iter().find(|was| !answer.gates().iter().any(|gate| gate.gate == was.gate));
    if let Some(gate) = missing {
        return Some(format!("gate {} is recorded, and its policy asks no such gate", gate.gate));
    }
    answer.gates().iter().find_map(|again| of_gate(decision, again))
}

fn of_gate(decision: &Recorded, again: &GateVerdict) -> Option<String> {
    let name = &again.gate;
    let Some(recorded) = decision.gates.iter().find(|gate| gate.gate == *name) else {
        return Some(format!("its policy asks gate {name}, which is not recorded"));
    };
    if recorded.enforced != again.enforced {
        return Some(format!("gate {name} is recorded as one that {}", mode(recorded)));
    }
    let (was, is) = (word(&recorded.verdict), word(&again.verdict));
    if was != is {
        return Some(format!("gate {name} is recorded as {was}, and is {is}"));
    }
    if recorded.seats != again.seats {
        return Some(format!("the seats of gate {name} are recorded otherwise than its policy fills them"));
    }
    let waived =
        |gate: &GateVerdict| gate.waived.iter().map(|w| w.requirement.clone()).collect::<Vec<Requirement>>();
    let (was, is) = (waived(recorded), waived(again));
    let same = was.len() == is.len() && was.iter().all(|requirement| is.contains(requirement));
    (!same).then(|| format!("what is waived of gate {name} is recorded otherwise"))
}

fn same_tier(was: &GateVerdict, is: &GateVerdict) -> bool {
    same_found(&was.tier, &is.tier) && was.lowered_from == is.lowered_from
}

/// Why a tier cannot be told is said in words, which may change.
pub(super) fn same_found(was: &TierFound, is: &TierFound) -> bool {
    match (was, is) {
        (TierFound::Unknown(_), TierFound::Unknown(_)) => true,
        (was, is) => was == is,
    }
}

pub(super) fn found_phrase(found: &TierFound) -> String {
    match found {
        TierFound::Known(tier) => format!("tier `{tier}`"),
        TierFound::Unknown(_) => "no tier that could be told".to_owned(),
        TierFound::None => "no tier".to_owned(),
    }
}

fn tier(gate: &GateVerdict) -> String {
    let found = found_phrase(&gate.tier);
    match &gate.lowered_from {
        Some(from) => format!("{found}, lowered from `{from}`"),
        None => found,
    }
}

fn why(answer: &Answer) -> String {
    let mut words = violations_of(answer.gates(), &[]);
    words.extend(needs_of(answer.gates(), &|_| Vec::new()));
    if let Answer::Refused(why) = answer {
        words.push(why.clone());
    }
    if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) }
}

const fn mode(gate: &GateVerdict) -> &'static str {
    if gate.enforced { "enforces, and only monitors" } else { "only monitors, and enforces" }
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Satisfied => "satisfied",
        Verdict::Held(_) => "held",
        Verdict::Denied(_) => "denied",
    }
}

#[cfg(test)]
mod tests;

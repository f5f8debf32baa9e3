//! A decision of a file made again: who could sit where, as far as entries tell, and what is not as it was recorded.
//!
//! No entry says who was a member of a seat at that time. Whoever voted in a seat is taken for one, which is the widest
//! that it can have been; where that gives something else than was recorded, those are whom the entry itself counts, and
//! every word that this leaves out is named. This module must not know: where facts and runs come from.

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

/// The widest roster that entries allow for, then the one that the decision itself tells of.
#[must_use]
pub fn rosters(policy: &Policy, decision: &Recorded) -> [Sat; 2] {
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
    [Sat { roster: wide, granted: Vec::new() }, Sat { roster: told, granted }]
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
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::action::{Action, Placed};
    use crate::decide::{Need, SeatCount};
    use crate::digest::Digest;
    use crate::review::Authors;
    use crate::time::Millis;

    fn gate(tier: &str, verdict: Verdict, signed: &[&str]) -> GateVerdict {
        let signed = signed.iter().map(|who| PersonId::from(*who)).collect();
        GateVerdict {
            gate: "production".into(),
            enforced: true,
            tier: TierFound::Known(tier.into()),
            tier_facts: vec![],
            lowered_from: None,
            verdict,
            seats: BTreeMap::from([(Seat::from("risk"), SeatCount { needed: 2, signed })]),
            unproven: vec![],
            waived: vec![],
            expires: None,
            vetoes: BTreeSet::new(),
            evidence_first: false,
            reauthenticate: false,
            sampled: None,
            applies: false,
        }
    }

    fn held() -> Verdict {
        Verdict::Held(vec![Need::Signatures { seat: "risk".into(), missing: 1 }])
    }

    fn said(who: &str, vote: Vote, seat: &str, about: &[u8]) -> Review {
        Review {
            id: uuid::Uuid::nil(),
            reviewer: who.into(),
            seat: Some(seat.into()),
            vote,
            rationale: String::new(),
            at: Millis::new(1),
            binding: Digest::of(about),
            looked_for: None,
            signature: None,
        }
    }

    fn recorded(decision: &str, gates: Vec<GateVerdict>, reviews: Vec<Review>) -> Recorded {
        let action = Action::DeleteModel { model: "credit".into() };
        Recorded {
            entry: 7,
            at: Millis::new(2),
            request: None,
            placed: Placed { workspace: "default".into(), action },
            decision: decision.to_owned(),
            gates,
            policy: None,
            binding: Some(Digest::of(b"bound")),
            basis: None,
            authors: Authors::default(),
            reviews,
            rule_runs: vec![],
            waivers: vec![],
            broken: None,
            before: vec![],
            several: false,
        }
    }

    #[test]
    fn what_is_not_as_it_was_recorded_is_named() {
        let check = |decision: &str, was: GateVerdict, is: &Answer, expect: &str| {
            let found = difference(&recorded(decision, vec![was], vec![]), is).unwrap_or_default();
            assert!(found.contains(expect) && found.is_empty() == expect.is_empty(), "`{expect}`: {found}");
        };
        let high = |verdict, signed: &[&str]| gate("high", verdict, signed);
        let both = Answer::Allow(vec![high(Verdict::Satisfied, &["omar", "ruth"])]);
        let one = Answer::Hold(vec![high(held(), &["ruth"])]);
        check("allow", high(Verdict::Satisfied, &["omar", "ruth"]), &both, "");
        check("hold", high(held(), &["ruth"]), &one, "");
        check(
            "allow",
            gate("low", Verdict::Satisfied, &[]),
            &both,
            "tier `low`, and its policy gives tier `high`",
        );
        check(
            "allow",
            high(Verdict::Satisfied, &["ruth"]),
            &one,
            "recorded as `allow`, and its policy answers `hold`",
        );
        check("allow", high(Verdict::Satisfied, &["ana", "ruth"]), &both, "the seats of gate production");
        check("allow", high(held(), &["omar", "ruth"]), &both, "recorded as held, and is satisfied");
        let lowered = GateVerdict { lowered_from: Some("high".into()), ..high(held(), &["ruth"]) };
        check("hold", lowered, &one, "lowered from `high`");
        let quiet = GateVerdict { enforced: false, ..high(held(), &["ruth"]) };
        check("hold", quiet, &one, "recorded as one that only monitors");
        check("allow", high(Verdict::Satisfied, &[]), &Answer::Ungoverned, "its policy answers `ungoverned`");
    }

    #[test]
    fn whoever_voted_in_a_seat_may_have_sat_there_and_who_is_not_counted_is_named() {
        let policy =
            Policy::parse("policy.toml", "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n").unwrap();
        let reviews = vec![
            said("ruth", Vote::Approve, "risk", b"bound"),
            said("dora", Vote::Approve, "risk", b"bound"),
            said("olga", Vote::Approve, "risk", b"something else"),
            said("lea", Vote::Comment, "legal", b"bound"),
        ];
        let decision = recorded("hold", vec![gate("high", held(), &["ruth"])], reviews);
        let [wide, told] = rosters(&policy, &decision);
        let of = |sat: &Sat| -> Vec<String> {
            let seats =
                sat.roster.seats.iter().flat_map(|(seat, who)| who.iter().map(move |who| (seat, who)));
            seats.map(|(seat, who)| format!("{seat}={who}")).collect()
        };
        assert_eq!(of(&wide), ["risk=dora", "risk=ruth"]);
        assert_eq!(of(&told), ["risk=ruth"]);
        assert!(wide.granted.is_empty());
        assert!(told.granted.len() == 1 && told.granted[0].contains("`approve` of dora in seat risk"));
    }
}

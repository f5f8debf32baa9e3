use std::collections::BTreeMap;

use super::*;
use crate::action::{Action, Placed};
use crate::decide::{Need, SeatCount};
use crate::digest::Digest;
use crate::entry::Basis;
use crate::review::Authors;
use crate::time::Millis;

fn gate(tier: &str, verdict: Verdict, signed: &[&str]) -> GateVerdict {
    let signed = signed.iter().map(|who| PersonId::from(*who)).collect();
    GateVerdict {
        tier: TierFound::Known(tier.into()),
        seats: BTreeMap::from([(Seat::from("risk"), SeatCount { needed: 2, signed })]),
        ..GateVerdict::new("production".into(), verdict)
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
    let policy = Policy::parse("policy.toml", "[[seat]]\nname = \"risk\"\nmembers = [\"ruth\"]\n").unwrap();
    let reviews = vec![
        said("ruth", Vote::Approve, "risk", b"bound"),
        said("dora", Vote::Approve, "risk", b"bound"),
        said("olga", Vote::Approve, "risk", b"something else"),
        said("lea", Vote::Comment, "legal", b"bound"),
    ];
    let decision = recorded("hold", vec![gate("high", held(), &["ruth"])], reviews);
    let [wide, told] = rosters(&policy, &decision).try_into().unwrap();
    let of = |sat: &Sat| -> Vec<String> {
        let seats = sat.roster.seats.iter().flat_map(|(seat, who)| who.iter().map(move |who| (seat, who)));
        seats.map(|(seat, who)| format!("{seat}={who}")).collect()
    };
    assert_eq!(of(&wide), ["risk=dora", "risk=ruth"]);
    assert_eq!(of(&told), ["risk=ruth"]);
    assert!(wide.granted.is_empty());
    assert!(told.granted.len() == 1 && told.granted[0].contains("`approve` of dora in seat risk"));
}

#[test]
fn who_sat_there_is_taken_from_the_entry_where_it_says_so() {
    let policy = Policy::parse("policy.toml", "").unwrap();
    let reviews = vec![
        said("ruth", Vote::Approve, "risk", b"bound"),
        said("dora", Vote::Approve, "risk", b"bound"),
        said("olga", Vote::Reject, "risk", b"bound"),
    ];
    let set = |who: &str| BTreeSet::from([PersonId::from(who)]);
    let sat = Roster {
        seats: BTreeMap::from([("risk".into(), ["omar", "ruth"].map(PersonId::from).into())]),
        delegates: BTreeMap::from([("risk".into(), BTreeMap::from([("dora".into(), set("omar"))]))]),
        ..Roster::default()
    };
    let basis = Basis {
        facts: Digest::of(b"facts"),
        checks: vec![],
        open_threads: 0,
        authors: None,
        policy: None,
        also: vec![],
        sat: Some(sat.clone()),
    };
    let decision = recorded("hold", vec![gate("high", held(), &["ruth"])], reviews);
    let [only] = rosters(&policy, &Recorded { basis: Some(basis), ..decision }).try_into().unwrap();
    assert_eq!(only.roster, sat);
    assert!(only.granted.len() == 1 && only.granted[0].contains("`reject` of olga in seat risk"));
}

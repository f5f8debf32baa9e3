use super::*;

fn people(names: &[&str]) -> BTreeSet<PersonId> {
    names.iter().copied().map(PersonId::from).collect()
}

/// Ruth, Ana and a machine sit in `risk`; dora stands in for ruth, dan for ana.
fn roster() -> Roster {
    let delegates = [("dora".into(), people(&["ruth"])), ("dan".into(), people(&["ana"]))].into();
    Roster {
        seats: [(Seat::from("risk"), people(&["ruth", "ana", "bot"]))].into(),
        machines: people(&["bot"]),
        delegates: [(Seat::from("risk"), delegates)].into(),
        breakers: BTreeSet::new(),
    }
}

fn authors() -> Authors {
    Authors { requester: Some("ana".into()), ..Authors::default() }
}

fn review(reviewer: &str, vote: Vote, seat: Option<&str>) -> Review {
    Review {
        id: Uuid::nil(),
        reviewer: reviewer.into(),
        seat: seat.map(Seat::from),
        vote,
        rationale: String::new(),
        at: Millis::new(10),
        binding: Digest::of(b"now"),
        looked_for: None,
        signature: None,
    }
}

fn check(person: &str, authors: &Authors, expect: Result<(), Barred>) {
    assert_eq!(may_fill(&person.into(), &"risk".into(), &roster(), authors), expect, "{person}");
}

#[test]
fn nobody_signs_their_own_work() {
    let none = Authors::default();
    check("ruth", &none, Ok(()));
    check("bot", &none, Err(Barred::Machine));
    check("eve", &none, Err(Barred::NotAMember));
    check("ana", &authors(), Err(Barred::Requester));
    let ruth = || people(&["ruth"]);
    check("ruth", &Authors { creator: Some("ruth".into()), ..none.clone() }, Err(Barred::Creator));
    check("ruth", &Authors { run_authors: ruth(), ..none.clone() }, Err(Barred::RunAuthor));
    check("ruth", &Authors { writers: ruth(), ..none.clone() }, Err(Barred::LastWriter));
    check("ruth", &Authors { waived_by: ruth(), ..none }, Err(Barred::Waiver));
}

#[test]
fn a_delegate_signs_neither_their_own_nor_the_members_work() {
    check("dora", &Authors::default(), Ok(()));
    check("dan", &authors(), Err(Barred::Delegator));
    let own = Authors { creator: Some("dora".into()), ..Authors::default() };
    check("dora", &own, Err(Barred::Creator));
    let mut left = roster();
    left.seats.insert("risk".into(), people(&["ana"]));
    let gone = may_fill(&"dora".into(), &"risk".into(), &left, &Authors::default());
    assert_eq!(gone, Err(Barred::NotAMember), "ruth has left the seat");
}

#[test]
fn the_last_word_in_a_seat_stands_and_stepping_back_takes_all_back() {
    let check = |reviews: &[Review], expect: &[(Option<&str>, Vote)]| {
        let words = words(reviews, Digest::of(b"now"));
        let ruth = PersonId::from("ruth");
        let theirs = words.get(&ruth).into_iter().flatten();
        let got: Vec<_> = theirs.map(|(seat, review)| (seat.map(Seat::as_str), review.vote)).collect();
        assert_eq!(got, expect, "{reviews:?}");
    };
    let (risk, legal) = (Some("risk"), Some("legal"));
    let approve = review("ruth", Vote::Approve, risk);
    check(&[approve.clone(), review("ruth", Vote::Comment, None)], &[(risk, Vote::Approve)]);
    check(&[approve.clone(), review("ruth", Vote::Reject, risk)], &[(risk, Vote::Reject)]);
    check(&[approve.clone(), review("ruth", Vote::Abstain, risk)], &[(risk, Vote::Abstain)]);
    check(&[approve.clone(), review("ruth", Vote::Recuse, legal)], &[]);
    let both = [(legal, Vote::Approve), (risk, Vote::Approve)];
    check(&[approve.clone(), review("ruth", Vote::Approve, legal)], &both);
    check(&[approve.clone(), review("ruth", Vote::Abstain, None)], &[(None, Vote::Abstain)]);
    check(&[Review { binding: Digest::of(b"before"), ..approve }], &[]);
}

#[test]
fn reasons_must_be_given_and_new() {
    let last = Some(fingerprint("Looks  fine"));
    let check = |vote, text: &str, expect: Result<&str, NoRationale>| {
        assert_eq!(rationale(vote, text, last), expect.map(str::to_owned), "{text}");
    };
    check(Vote::Approve, " \n", Err(NoRationale::Empty));
    check(Vote::Comment, "", Err(NoRationale::Empty));
    check(Vote::Approve, " looks\tFINE ", Err(NoRationale::Repeated));
    check(Vote::Reject, "LOOKS FINE", Err(NoRationale::Repeated));
    check(Vote::Comment, "looks fine", Ok("looks fine"));
    check(Vote::Approve, " read the drift report ", Ok("read the drift report"));
}

#[test]
fn who_changed_it_since_somebody_else_looked() {
    let check = |writes: &[(&str, i64)], reviews: &[Review], expect: &[&str]| {
        let writes = writes.iter().map(|(who, at)| (PersonId::from(*who), Millis::new(*at))).collect();
        assert_eq!(writers_since(&writes, reviews), people(expect), "{reviews:?}");
    };
    let ruths = review("ruth", Vote::Approve, Some("risk"));
    check(&[("ruth", 5), ("omar", 20)], &[], &["ruth", "omar"]);
    check(&[("ruth", 5), ("omar", 5)], std::slice::from_ref(&ruths), &["ruth"]);
    check(&[("omar", 20)], &[ruths], &["omar"]);
    check(&[("omar", 5)], &[review("ruth", Vote::Comment, None)], &["omar"]);
}

//! What is read, what is refused, and what is found.

use proptest::prelude::*;

use super::*;
use crate::request::Flags;

fn read(text: &str) -> Search {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn check(text: &str, expect: &str) {
    let said = text.parse::<Search>().map_or_else(|error| error.to_string(), |search| search.to_string());
    assert_eq!(said, expect, "{text}");
}

#[test]
fn words_are_read_and_said_in_one_spelling() {
    check("", "");
    check("   ", "");
    check("model:credit", "model:credit");
    check("  MODEL:credit   tier:high ", "model:credit tier:high");
    check("state:Open alias:champion", "state:open alias:champion");
    check("credit", "model:*credit*");
    check("model:\"two words\" by:ana", "model:\"two words\" by:ana");
    check(r#"model:"say \"so\" \\ twice""#, r#"model:"say \"so\" \\ twice""#);
    check("model:\"one\"by:ana", "model:one by:ana");
    check("model:a:b", "model:a:b");
}

#[test]
fn what_means_nothing_is_answered_with_what_would() {
    check(
        "modle:credit",
        "`modle` is no key here: write one of model, alias, stage, tier, state, seat, by, check",
    );
    check(
        "tier: high",
        "`tier:` has no value: write one behind it without a space, as in `tier:credit`, or take it out",
    );
    check("model:\"credit", "a quotation mark is not closed: write `model:\"two words\"`");
    check(&"a".repeat(LONGEST + 1), "that is longer than 500 characters: ask for less at once");
    let said = "state:done".parse::<Search>().unwrap_err().to_string();
    assert!(said.starts_with("`done` is no state: write one of open, ended, blocked, in-review,"), "{said}");
}

fn card() -> Card {
    Card {
        model: "credit".into(),
        alias: Some("champion".into()),
        stage: None,
        tiers: ["high".into()].into(),
        state: "in-review".to_owned(),
        flags: Flags { stale: true, ..Flags::default() },
        seats: ["risk".into(), "legal".into()].into(),
        by: Some("p_1".into()),
        checks: ["fairness".into()].into(),
    }
}

fn finds(text: &str, expect: bool) {
    let search = read(text).by_id(|name| PersonId::new(if name == "ana" { "p_1" } else { name }));
    assert_eq!(search.wants(&card()), expect, "{text}");
}

#[test]
fn any_value_of_a_key_and_every_key() {
    for text in [
        "",
        "model:credit",
        "model:CRED*",
        "red",
        "model:other model:credit",
        "state:open",
        "state:in-review state:applied",
        "state:stale",
        "seat:legal",
        "tier:low tier:high",
        "by:ana",
        "check:fair*",
        "alias:champion model:credit tier:high seat:risk by:ana",
    ] {
        finds(text, true);
    }
    for text in [
        "model:cred",
        "stage:Production",
        "state:blocked",
        "state:ended",
        "state:bypassed",
        "seat:safety",
        "by:ruth",
        "by:p_",
        "check:bias",
        "model:credit tier:low",
    ] {
        finds(text, false);
    }
}

#[test]
fn every_word_for_a_state_finds_something() {
    let flags = Flags { stale: true, bypassed: true, waived: true, break_glass: true };
    for word in STATES {
        let search = read(&format!("state:{word}"));
        let state = search.states().and_then(|states| states.first().copied()).unwrap_or("applied");
        assert!(search.wants(&Card { state: state.to_owned(), flags: flags.clone(), ..card() }), "{word}");
    }
}

#[test]
fn states_are_told_only_where_each_word_is_one() {
    assert_eq!(read("state:blocked state:applied").states(), Some(vec!["open", "applied"]));
    assert_eq!(read("state:blocked state:stale").states(), None);
    assert_eq!(read("model:credit").states(), None);
}

fn text() -> impl Strategy<Value = String> {
    let key = prop::sample::select(Key::ALL.map(Key::as_str).to_vec());
    let value = prop_oneof!["[a-z*]{1,6}", "\\PC{1,6}", "[ \\\\\"a:]{1,6}", Just("open".to_owned())];
    let word = (key, value, any::<bool>()).prop_map(|(key, value, quotes)| {
        let value = if quotes { format!("{value:?}") } else { value };
        format!("{key}:{value}")
    });
    prop_oneof![prop::collection::vec(word, 0..4).prop_map(|words| words.join(" ")), "\\PC{0,20}"]
}

proptest! {
    #[test]
    fn what_is_read_is_read_the_same_again(text in text()) {
        if let Ok(search) = text.parse::<Search>() {
            prop_assert_eq!(search.to_string().parse::<Search>(), Ok(search));
        }
    }

    #[test]
    fn a_further_key_finds_no_more(one in text(), other in "(tier|seat|alias):[a-z*]{1,3}") {
        let (Ok(few), Ok(all)) = (format!("{one} {other}").parse::<Search>(), one.parse::<Search>()) else { return Ok(()) };
        let same_key = all.of(Key::Tier).chain(all.of(Key::Seat)).chain(all.of(Key::Alias)).count() > 0;
        prop_assume!(!same_key);
        prop_assert!(all.wants(&card()) || !few.wants(&card()));
    }

    #[test]
    fn a_listed_state_is_wanted_and_no_other_is(word in prop::sample::select(STATES.to_vec()), at in 0_usize..12) {
        let search = read(&format!("state:{word}"));
        let known = read("state:open state:ended").states().unwrap_or_default();
        let (Some(states), Some(state)) = (search.states(), known.get(at)) else { return Ok(()) };
        let wanted = search.wants(&Card { state: (*state).to_owned(), ..card() });
        prop_assert_eq!(wanted, states.contains(state));
    }
}

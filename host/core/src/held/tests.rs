//! Who held what in small histories, and laws that hold for any.

use proptest::prelude::*;

use super::*;
use crate::action::Action;
use crate::entry::{Bypass, Entry, TakenBack};
use crate::insights::tests::told::{HOUR, Told, request};
use crate::names::{ModelName, Stage, Version};
use crate::time::Millis;

fn champion() -> Name {
    Name::Alias("champion".to_owned())
}

fn hours(at: i64) -> Millis {
    Millis::new(at * HOUR)
}

/// What a name held at an hour: `version standing`, in the order of versions.
fn at(told: &Told, name: &Name, hour: i64) -> Vec<String> {
    let answer = Answer::new(&told.account("credit"), Some(name), Some(hours(hour)));
    answer.held.iter().map(|held| format!("{} {}", held.version, held.standing.as_str())).collect()
}

fn check(told: &Told, hour: i64, expect: &[&str]) {
    assert_eq!(at(told, &champion(), hour), expect, "at hour {hour}");
}

/// Version 1 approved at 2 and expired at 5, version 2 approved at 8, gone round at 9, put back at 10.
fn eventful() -> Told {
    Told::default()
        .ran(0, "auc", 1, "pass")
        .opened_for(0, 1, 1)
        .voted(1, 1, "ruth", true)
        .written(2, 1)
        .expired(5, 1)
        .ran(6, "auc", 2, "fail")
        .ran(6, "auc", 2, "pass")
        .opened_for(6, 2, 2)
        .voted(7, 2, "rob", false)
        .voted(7, 2, "ruth", true)
        .written(8, 2)
        .bypassed(9)
        .put_back(10)
}

#[test]
fn a_name_is_asked_for_at_a_time() {
    let told = eventful();
    check(&told, 1, &[]);
    check(&told, 2, &["1 approved"]);
    check(&told, 5, &["1 expired"]);
    check(&told, 8, &["2 approved"]);
    check(&told, 9, &["9 bypassed"]);
    check(&told, 99, &["2 put-back"]);
}

#[test]
fn what_was_taken_back_and_stood_again_is_told_for_each_time() {
    let begun = Told::default().opened_for(0, 1, 1).voted(1, 1, "ruth", true).written(2, 1);
    let told = begun.taken_back(3, 1, Entry::Suspended).expired(4, 1).taken_back(5, 1, Entry::Resumed);
    check(&told, 2, &["1 approved"]);
    check(&told, 4, &["1 taken-back"]);
    check(&told, 5, &["1 expired"]);
    let none = |told: &Told| Answer::new(&told.account("credit"), None, None).held.len();
    assert_eq!(none(&told), 3);
}

#[test]
fn the_evidence_is_that_of_the_write() {
    let answer = Answer::new(&eventful().account("credit"), Some(&champion()), Some(hours(8)));
    let behind = &answer.held.first().unwrap().behind;
    let reviews: Vec<(&str, bool)> = behind.reviews.iter().map(|r| (r.by.as_str(), r.counts)).collect();
    assert_eq!(reviews, [("rob", false), ("ruth", true)]);
    let checks: Vec<(&str, u64)> = behind.checks.iter().map(|c| (c.conclusion.as_str(), c.entry)).collect();
    assert_eq!(checks, [("pass", 8)], "the newest run of each check, of that version");
    assert_eq!(behind.asked_by.as_ref().unwrap().as_str(), "ana");
    assert_eq!(behind.tier.as_ref().unwrap().as_str(), "low");
    assert_eq!(behind.entries, [8, 9, 12, 13, 14]);
}

#[test]
fn what_was_put_back_stands_by_the_write_that_was_approved() {
    let answer = Answer::new(&eventful().account("credit"), Some(&champion()), Some(hours(10)));
    let held = answer.held.first().unwrap();
    assert_eq!(held.request, Some(request(2)));
    assert!(held.behind.reviews.iter().any(|review| review.counts && review.by.as_str() == "ruth"));
    assert!(held.behind.entries.contains(&held.entry) && held.behind.entries.contains(&13));
}

#[test]
fn what_went_round_says_so() {
    let answer = Answer::new(&eventful().account("credit"), Some(&champion()), Some(hours(9)));
    let held = answer.held.first().unwrap();
    assert!(!held.in_force && held.says.contains("round Countersign"), "{}", held.says);
    assert_eq!((held.behind.entries.as_slice(), held.behind.reviews.len()), (&[held.entry][..], 0));
}

#[test]
fn what_the_ledger_does_not_know_is_said() {
    let notes = |told: &Told, name: &Name, hour| {
        Answer::new(&told.account("credit"), Some(name), Some(hours(hour))).notes.join(" ")
    };
    assert!(notes(&eventful(), &champion(), 1).contains("is not known"));
    assert!(notes(&eventful(), &Name::Alias("other".to_owned()), 9).contains("no move of alias other"));
    assert_eq!(notes(&eventful(), &Name::Alias("Champion".to_owned()), 9), "");
}

fn transition(version: u32, stage: Stage, archive_existing: bool) -> Action {
    let version = Version::new(version);
    Action::TransitionStage { model: "credit".into(), version, stage, archive_existing }
}

#[test]
fn a_stage_may_hold_several_and_a_version_is_in_one() {
    let production = Name::Stage("Production".to_owned());
    let archived = Name::Stage("Archived".to_owned());
    let told = Told::default()
        .does(1, 1, transition(1, Stage::Production, false))
        .does(2, 2, transition(2, Stage::Production, false))
        .does(3, 3, transition(3, Stage::Production, true))
        .does(4, 4, transition(3, Stage::None, false));
    let check = |hour, name: &Name, expect: &[&str]| assert_eq!(at(&told, name, hour), expect, "{hour}");
    check(1, &production, &["1 allowed-without-people"]);
    check(2, &production, &["1 allowed-without-people", "2 allowed-without-people"]);
    check(3, &production, &["3 allowed-without-people"]);
    check(3, &archived, &["1 allowed-without-people", "2 allowed-without-people"]);
    check(4, &production, &[]);
    let left = Bypass {
        workspace: "default".into(),
        model: "credit".into(),
        what: "stage:Production:3".to_owned(),
        was: None,
        is: Some(Version::new(3)),
    };
    let told = told.told(5, Entry::Bypassed(left));
    assert_eq!(at(&told, &production, 5), ["3 bypassed"]);
}

#[test]
fn deleting_and_renaming_move_what_was_held() {
    let (model, new_name) = (ModelName::new("credit"), ModelName::new("loans"));
    let begun = || Told::default().opened_for(0, 1, 1).voted(1, 1, "ruth", true).written(2, 1);
    let renamed = begun().does(3, 9, Action::RenameModel { model: model.clone(), new_name });
    check(&renamed, 2, &["1 approved"]);
    check(&renamed, 3, &[]);
    let answer = Answer::new(&renamed.account("loans"), Some(&champion()), Some(hours(3)));
    assert!(answer.notes.iter().any(|note| note.contains("renamed the model from credit")), "{answer:?}");
    check(&begun().does(3, 9, Action::DeleteModel { model: model.clone() }), 3, &[]);
    check(
        &begun().does(3, 9, Action::DeleteVersion { model: model.clone(), version: Version::new(2) }),
        3,
        &["1 approved"],
    );
    check(&begun().does(3, 9, Action::DeleteVersion { model, version: Version::new(1) }), 3, &[]);
}

#[test]
fn answers_read_back_and_csv_has_a_row_for_each_time() {
    let answer = Answer::new(&eventful().account("credit"), None, None);
    let json = crate::canonical::to_string(&answer).unwrap();
    assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer);
    let csv = answer.csv(&|person| person.as_str().to_uppercase());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), answer.held.len() + 1);
    assert!(lines[0].starts_with("name,version,from,until,standing,in_force,request"));
    assert!(
        lines[1]
            .starts_with("alias:champion,1,1970-01-01T02:00:00.000Z,1970-01-01T05:00:00.000Z,approved,yes,")
    );
    assert!(lines[1].contains("RUTH as risk on 1970-01-01T01:00:00Z (#3)"), "{}", lines[1]);
}

#[test]
fn names_are_read_as_they_are_written() {
    let check = |text: &str, expect: Option<Name>| assert_eq!(text.parse().ok(), expect, "{text}");
    check("alias:champion", Some(champion()));
    check("stage:Production", Some(Name::Stage("Production".to_owned())));
    for text in ["champion", "alias:", "version:7", ""] {
        check(text, None);
    }
}

/// One change of `champion`, or of the approval behind request 1.
#[derive(Debug, Clone, Copy)]
enum Move {
    Set(u32),
    Deleted,
    Round(Option<u32>),
    Lost(fn(TakenBack) -> Entry),
    Other,
}

fn moves() -> impl Strategy<Value = Vec<(i64, Move)>> {
    let one = prop_oneof![
        (1..4_u32).prop_map(Move::Set),
        Just(Move::Deleted),
        proptest::option::of(1..4_u32).prop_map(Move::Round),
        Just(Move::Lost(Entry::Suspended)),
        Just(Move::Lost(Entry::Resumed)),
        Just(Move::Other),
    ];
    // Clocks are set back now and then.
    proptest::collection::vec((0..12_i64, one), 0..14)
}

fn history(moves: &[(i64, Move)]) -> Told {
    let begun = Told::default().opened_for(0, 1, 1).voted(0, 1, "ruth", true);
    (100_u128..).zip(moves).fold(begun, |told, (id, (hour, one))| match one {
        Move::Set(version) => {
            let version = Version::new(*version);
            told.does(
                *hour,
                id,
                Action::SetAlias { model: "credit".into(), alias: "champion".into(), version },
            )
        }
        Move::Deleted => {
            told.does(*hour, id, Action::DeleteAlias { model: "credit".into(), alias: "champion".into() })
        }
        Move::Round(is) => {
            let (workspace, model, what) = ("default".into(), "credit".into(), "alias:champion".to_owned());
            let is = is.map(Version::new);
            told.told(*hour, Entry::Bypassed(Bypass { workspace, model, what, was: None, is }))
        }
        Move::Lost(kind) => told.taken_back(*hour, 1, *kind),
        Move::Other => {
            let version = Version::new(8);
            told.does(
                *hour,
                id,
                Action::SetAlias { model: "fraud".into(), alias: "champion".into(), version },
            )
        }
    })
}

proptest! {
    #[test]
    fn at_any_time_an_alias_is_held_by_one_version_at_most(moves in moves(), hour in 0..14_i64) {
        let spells = history(&moves).account("credit").spells();
        prop_assert!(at_time(&spells, &champion(), hours(hour)).len() <= 1);
        for pair in spells.windows(2) {
            prop_assert!(pair[0].until.is_some_and(|until| until <= pair[1].from));
        }
        prop_assert!(spells.iter().all(|spell| spell.until.is_none_or(|until| spell.from <= until)));
    }

    /// Told by the entries themselves, with no timeline: the last one before counts.
    #[test]
    fn the_answer_is_the_last_change_before(moves in moves(), hour in 0..14_i64) {
        let (mut clock, mut last) = (0, None);
        for (at, one) in &moves {
            let changed = match one {
                Move::Set(version) => Some(Some(*version)),
                Move::Deleted => Some(None),
                Move::Round(is) => Some(*is),
                Move::Lost(_) | Move::Other => None,
            };
            let Some(changed) = changed else { continue };
            clock = clock.max(*at);
            if clock <= hour {
                last = changed;
            }
        }
        let answer = Answer::new(&history(&moves).account("credit"), Some(&champion()), Some(hours(hour)));
        prop_assert_eq!(answer.held.first().map(|held| held.version.get()), last);
    }

    /// What other models did is nothing to this one.
    #[test]
    fn an_account_is_the_same_without_the_others(moves in moves()) {
        let quiet: Vec<(i64, Move)> = moves.iter().copied().filter(|(_, one)| !matches!(one, Move::Other)).collect();
        let told = |moves: &[(i64, Move)]| -> Vec<(u32, Millis, Option<Millis>, Standing)> {
            let spells = history(moves).account("credit").spells();
            spells.iter().map(|spell| (spell.version.get(), spell.from, spell.until, spell.standing)).collect()
        };
        prop_assert_eq!(told(&moves), told(&quiet));
    }

    /// The insights and an account tell the same.
    #[test]
    fn one_timeline_for_all(moves in moves()) {
        let told = history(&moves);
        let of_all = told.projection().spells(&"default".into(), &"credit".into());
        prop_assert_eq!(of_all, told.account("credit").spells());
    }
}

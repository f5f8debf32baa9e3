//! What the numbers say of small histories, and laws that hold for any.

mod laws;
mod pace;
pub(crate) mod told;

use super::*;
use crate::entry::{Entry, OutcomeResult, TakenBack};
use crate::names::{ModelName, Workspace};
use crate::time::Millis;
use told::{HOUR, Told, request};

fn scope() -> Scope {
    Scope { model: None, tier: None, since: Since::All, now: Millis::new(1_000 * HOUR) }
}

fn table_of(told: &Told, name: &str) -> Table {
    let (projection, scope) = (told.projection(), scope());
    let reader = Reader::Nobody;
    table(name, Asked { projection: &projection, scope: &scope, held: &[], reader: &reader }).unwrap()
}

fn rows(table: &Table) -> Vec<String> {
    table.rows.iter().map(|row| row.iter().map(Cell::plain).collect::<Vec<_>>().join(" ")).collect()
}

fn check(told: &Told, name: &str, expect: &[&str]) {
    assert_eq!(rows(&table_of(told, name)), expect, "{name}");
}

#[test]
fn a_lead_time_is_cut_into_what_it_was_spent_on() {
    let told = Told::default()
        .opened(0, 1, "blocked")
        .refused(2, 1, "clear")
        .looked(5, 1, "ruth")
        .voted(6, 1, "ruth", true)
        .voted(10, 1, "rob", true)
        .written(12, 1);
    check(
        &told,
        "lead-time",
        &[
            "low p50 1 36000.000 7200.000 10800.000 3600.000 14400.000",
            "low p85 1 36000.000 7200.000 10800.000 3600.000 14400.000",
            "low p95 1 36000.000 7200.000 10800.000 3600.000 14400.000",
        ],
    );
}

#[test]
fn what_nobody_signed_has_no_lead_time() {
    check(&Told::default().opened(0, 1, "clear").written(1, 1), "lead-time", &[]);
    check(&Told::default().opened(0, 1, "clear").voted(1, 1, "ruth", true), "lead-time", &[]);
}

#[test]
fn open_requests_are_counted_by_age_and_by_who_must_act() {
    let told = Told::default()
        .opened(990, 1, "clear")
        .opened(950, 2, "blocked")
        .opened(1, 3, "clear")
        .opened(2, 4, "clear")
        .voted(3, 4, "ruth", false)
        .opened(5, 5, "clear")
        .written(6, 5);
    check(&told, "open-requests", &["<1d 0 1", "1-3d 1 0", "3-7d 0 0", "7-30d 0 0", ">30d 0 1"]);
}

#[test]
fn the_first_attempt_has_no_blemish() {
    let told = Told::default()
        .opened(0, 1, "clear")
        .written(1, 1)
        .opened(2, 2, "blocked")
        .refused(3, 2, "clear")
        .written(4, 2)
        .opened(5, 3, "clear")
        .stale(6, 3)
        .written(7, 3)
        .opened(8, 4, "clear")
        .voted(9, 4, "ruth", false)
        .after(10, 5, 4)
        .written(11, 5);
    let counted: Vec<String> =
        rows(&table_of(&told, "first-pass")).into_iter().filter(|row| !row.contains(" 0 0 ")).collect();
    assert_eq!(counted, ["1969-12-29 1 4 0.2000"]);
}

#[test]
fn writes_are_told_apart_by_who_let_them_through() {
    let told = Told::default()
        .written_freely(1)
        .opened(2, 1, "clear")
        .voted(3, 1, "ruth", true)
        .written(4, 1)
        .bypassed(5)
        .put_back(6);
    let counted = rows(&table_of(&told, "auto-approved"));
    assert_eq!(counted.first().unwrap(), "1969-12-29 1 1 0 0.5000");
    assert_eq!(rows(&table_of(&told, "bypasses")).first().unwrap(), "1969-12-29 1 0");
}

#[test]
fn a_catch_is_what_did_not_go_on_as_it_was() {
    let told = Told::default()
        // Changed until it passed.
        .ran(1, "auc", 1, "fail")
        .ran(2, "auc", 1, "fail")
        .ran(3, "auc", 1, "pass")
        // Failed and never touched.
        .ran(4, "card", 1, "fail")
        // Replaced by a later version.
        .ran(5, "drift", 1, "fail")
        .ran(6, "drift", 2, "warn")
        // Rejected.
        .ran(7, "bias", 3, "fail")
        .opened_for(8, 1, 3)
        .voted(9, 1, "ruth", false);
    check(
        &told,
        "cost-per-catch",
        &[
            "auc 3 3 1 6.000 3.000 6.000 3.000",
            "bias 1 1 1 2.000 1.000 2.000 1.000",
            "card 1 1 0 2.000 1.000  ",
            "drift 2 2 1 4.000 2.000 4.000 2.000",
        ],
    );
}

#[test]
fn few_votes_and_few_people_are_not_told_of() {
    let voted = |told: Told, number, who| {
        told.opened(i64::from(number), number, "clear").looked(i64::from(number) + 1, number, who).voted(
            i64::from(number) + 2,
            number,
            who,
            !number.is_multiple_of(5),
        )
    };
    let four = (1..=4).fold(Told::default(), |told, number| {
        voted(told, number, ["ana", "bea", "cleo"][number as usize % 3])
    });
    check(&four, "review-quality", &["all      ", "low      "]);
    let of_two = (1..=9)
        .fold(Told::default(), |told, number| voted(told, number, ["ana", "bea"][number as usize % 2]));
    check(&of_two, "review-quality", &["all      ", "low      "]);
    let five = voted(four, 5, "bea");
    let told = "5 3600.000 0.0000 0.0000 0.2000 0.0000";
    check(&five, "review-quality", &[&format!("all {told}"), &format!("low {told}")]);
}

#[test]
fn single_people_are_told_of_to_themselves_and_to_an_auditor() {
    let told = (1..=12).fold(Told::default(), |told, number| {
        let who = if number <= 6 { "ana" } else { "bea" };
        told.opened(i64::from(number), number, "clear").voted(i64::from(number), number, who, true)
    });
    let (projection, scope) = (told.projection(), scope());
    let of = |reader: Reader| rows(&reviewing::reviewers(&projection, &scope, &reader));
    assert_eq!(of(Reader::Nobody), Vec::<String>::new());
    assert_eq!(of(Reader::Person("ana".into())), ["ana 6  0.0000 1.0000 0.0000 0.0000"]);
    assert_eq!(of(Reader::Person("cleo".into())), Vec::<String>::new());
    assert_eq!(of(Reader::Auditor).len(), 2);
}

#[test]
fn many_votes_at_once_are_a_burst() {
    let told = (0..5)
        .fold(Told::default(), |told, number| told.opened(1, number, "clear").voted(2, number, "ana", true));
    let told = told.opened(3, 9, "clear").voted(4, 9, "ana", true);
    let (projection, scope) = (told.projection(), scope());
    let table = reviewing::reviewers(&projection, &scope, &Reader::Auditor);
    assert_eq!(rows(&table), ["ana 6  0.0000 1.0000 0.0000 0.8333"]);
}

#[test]
fn who_held_a_name_when_and_by_what_right() {
    let told = Told::default()
        .opened_for(0, 1, 1)
        .voted(1, 1, "ruth", true)
        .written(2, 1)
        .expired(5, 1)
        .opened_for(6, 2, 2)
        .voted(7, 2, "ruth", true)
        .written(8, 2)
        .bypassed(9)
        .put_back(10);
    let projection = told.projection();
    let (workspace, model) = (Workspace::new("default"), ModelName::new("credit"));
    let spells = projection.spells(&workspace, &model);
    let told: Vec<(u32, i64, Option<i64>, &str)> = spells
        .iter()
        .map(|s| {
            (s.version.get(), s.from.get() / HOUR, s.until.map(|at| at.get() / HOUR), s.standing.as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, 2, Some(5), "approved"),
            (1, 5, Some(8), "expired"),
            (2, 8, Some(9), "approved"),
            (9, 9, Some(10), "bypassed"),
            (2, 10, None, "put-back"),
        ]
    );
    assert_eq!(spells.last().unwrap().request, Some(request(2)), "what is put back stands by its request");
    let held = |model: &str, version| Held {
        workspace: workspace.clone(),
        model: model.into(),
        alias: "champion".to_owned(),
        version: crate::names::Version::new(version),
    };
    let counts = coverage::standings(&projection, &scope(), &[held("credit", 2), held("fraud", 1)]);
    assert_eq!(counts, [(Standing::PutBack, 1), (Standing::Before, 1)].into());
}

#[test]
fn what_is_taken_back_is_covered_by_nothing() {
    let check = |kinds: &[fn(TakenBack) -> Entry], expect: &[&str]| {
        let begun = Told::default().opened_for(0, 1, 1).voted(1, 1, "ruth", true).written(2, 1);
        let told = kinds.iter().zip(3..).fold(begun, |told, (kind, hour)| told.taken_back(hour, 1, *kind));
        let spells = told.projection().spells(&Workspace::new("default"), &ModelName::new("credit"));
        assert_eq!(spells.iter().map(|spell| spell.standing.as_str()).collect::<Vec<_>>(), expect);
    };
    check(&[Entry::Suspended], &["approved", "taken-back"]);
    check(&[Entry::Suspended, Entry::Resumed], &["approved", "taken-back", "approved"]);
    check(
        &[Entry::Suspended, Entry::Resumed, Entry::Revoked],
        &["approved", "taken-back", "approved", "taken-back"],
    );
}

#[test]
fn a_write_that_did_not_happen_moves_nothing() {
    let refused = OutcomeResult::Refused { status: 404, message: String::new() };
    let told = Told::default()
        .lapsed(0, 9)
        .opened(0, 1, "clear")
        .voted(1, 1, "ruth", true)
        .announced(2, 1)
        .concluded(3, 1, refused);
    assert!(rows(&table_of(&told, "auto-approved")).iter().all(|row| row.ends_with(" 0 0 0 ")));
    assert!(told.projection().made().is_empty());
    assert_eq!(told.projection().story(request(1)).unwrap().ended, None);
}

#[test]
fn csv_is_by_rfc_4180_and_no_spreadsheet_takes_a_name_for_a_formula() {
    let table = Table {
        name: "t",
        title: "T",
        meaning: String::new(),
        columns: table::columns(&[("name", "Name"), ("lead_s", "Lead")]),
        rows: vec![
            vec![Cell::text("=cmd|' /C calc'!A0"), Cell::Millis(-1_500)],
            vec![Cell::text("a \"b\", c"), Cell::Silent],
        ],
    };
    let csv = "name,lead_s\r\n'=cmd|' /C calc'!A0,-1.500\r\n\"a \"\"b\"\", c\",\r\n";
    assert_eq!(table.csv(), csv);
    assert_eq!(table.json()["rows"][0]["lead_s"], -1.5);
    assert!(table.json()["rows"][1]["lead_s"].is_null());
}

#[test]
fn kinds_that_say_nothing_here_only_move_the_position() {
    let mut projection = Projection::default();
    let entry = Entry::PolicyLoaded(crate::entry::PolicyLoad::of(crate::digest::Digest::of(b"")));
    assert!(!Projection::reads(entry.kind()) && Projection::reads("outcome"));
    projection.fold(0, Millis::new(0), &entry);
    projection.pass(1);
    assert_eq!(projection.position(), 2);
    assert_eq!(projection.stories().count(), 0);
}

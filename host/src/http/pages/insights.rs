//! How approval flows: a few numbers at a glance, and a picture of each table with the table behind it.

mod figures;

use askama::Template;
use countersign_core::insights::{Cell, Table};

use super::Chrome;
use super::pictures::{Ink, Unit};
pub use figures::{ink_of, picture};

#[derive(Debug, Template)]
#[template(path = "insights.html")]
pub struct InsightsPage {
    pub chrome: Chrome,
    pub filter: Filter,
    pub tiles: Vec<Tile>,
    pub figures: Vec<Figure>,
}

/// The form above the numbers.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub model: String,
    /// Names to choose from; others may be typed.
    pub models: Vec<String>,
    /// Name, and whether it is chosen.
    pub tiers: Vec<(String, bool)>,
    /// Value, words, and whether it is chosen.
    pub since: Vec<(&'static str, &'static str, bool)>,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub words: &'static str,
    pub value: String,
    pub note: String,
    /// The picture that it is of.
    pub figure: &'static str,
}

#[derive(Debug, Clone)]
pub struct Figure {
    pub name: &'static str,
    pub title: &'static str,
    pub meaning: String,
    /// SVG.
    pub picture: String,
    pub legend: Vec<(Ink, String)>,
    /// Instead of a picture.
    pub nothing: Option<String>,
    pub columns: Vec<(&'static str, bool)>,
    /// Text, and whether it is a number.
    pub rows: Vec<Vec<(String, bool)>>,
    pub csv: String,
    pub json: String,
}

/// A value in words.
#[must_use]
pub fn say(cell: &Cell) -> String {
    let number = cell.number().unwrap_or_default();
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Millis(_) => Unit::Time.say(number),
        Cell::Share(..) => Unit::Share.say(number),
        Cell::Silent => "–".to_owned(),
    }
}

impl Figure {
    /// `address` is where the API has the table, without its ending; `query` is what was asked.
    #[must_use]
    pub fn new(table: &Table, address: &str, query: &str) -> Self {
        let (picture, legend) = picture(table);
        let nothing = picture.is_empty().then(|| figures::nothing(table).to_owned());
        let is_number = |cell: &Cell| !matches!(cell, Cell::Text(_));
        let numeric = |at: usize| table.rows.first().and_then(|row| row.get(at)).is_some_and(is_number);
        let columns = table.columns.iter().enumerate().map(|(at, column)| (column.words, numeric(at)));
        let row = |cells: &Vec<Cell>| cells.iter().map(|cell| (say(cell), is_number(cell))).collect();
        Self {
            name: table.name,
            title: table.title,
            meaning: table.meaning.clone(),
            picture,
            legend,
            nothing,
            columns: columns.collect(),
            rows: shown(table).into_iter().map(row).collect(),
            csv: format!("{address}.csv{query}"),
            json: format!("{address}{query}"),
        }
    }
}

/// The newest first where rows are about times, and only checks that ran in them.
fn shown(table: &Table) -> Vec<&Vec<Cell>> {
    let timed = table.columns.first().is_some_and(|column| column.key == "from");
    let is_there = |row: &&Vec<Cell>| table.name != "findings" || row.get(2) != Some(&Cell::Count(0));
    let mut rows: Vec<&Vec<Cell>> = table.rows.iter().filter(is_there).collect();
    if timed {
        rows.reverse();
    }
    rows
}

fn sum(tables: &[Table], name: &str, key: &str) -> u64 {
    let count = |cell: &Cell| if let Cell::Count(count) = cell { *count } else { 0 };
    let table = tables.iter().find(|table| table.name == name);
    table.map_or(0, |table| table.column(key).map(count).sum())
}

fn share(part: u64, of: u64) -> String {
    say(&Cell::share(part, of))
}

/// The numbers that people ask for first.
#[must_use]
pub fn tiles(tables: &[Table]) -> Vec<Tile> {
    let count = |name: &str, key: &str| sum(tables, name, key);
    let lead = tables.iter().find(|table| table.name == "lead-time");
    let quantile =
        |at: usize| lead.and_then(|table| table.column("lead_s").nth(at)).map_or_else(|| "–".to_owned(), say);
    let (blocked, waiting) = (count("open-requests", "blocked"), count("open-requests", "waiting"));
    let (first, other) = (count("first-pass", "first_pass"), count("first-pass", "other"));
    let automatic = count("auto-approved", "automatic");
    let writes = automatic + count("auto-approved", "signed") + count("auto-approved", "break_glass");
    let aliases = count("coverage", "aliases");
    let covered = tables.iter().find(|table| table.name == "coverage").map_or(0, covered);
    let (strays, broken) = (count("bypasses", "bypassed"), count("bypasses", "break_glass"));
    let tile = |words, figure, value, note| Tile { words, value, note, figure };
    vec![
        tile("Median lead time", "lead-time", quantile(0), format!("95 % within {}", quantile(2))),
        tile("Open requests", "open-requests", (blocked + waiting).to_string(), format!("{blocked} blocked")),
        tile(
            "First-pass yield",
            "first-pass",
            share(first, first + other),
            format!("{first} of {}", first + other),
        ),
        tile(
            "Without people",
            "auto-approved",
            share(automatic, writes),
            format!("{automatic} of {writes} writes"),
        ),
        tile("Covered aliases", "coverage", share(covered, aliases), format!("{covered} of {aliases}")),
        tile("Bypasses", "bypasses", strays.to_string(), format!("{broken} by break-glass")),
    ]
}

fn covered(table: &Table) -> u64 {
    let rows = table.column("decision_in_force").zip(table.column("aliases"));
    rows.map(|(valid, count)| match (valid, count) {
        (Cell::Text(valid), Cell::Count(count)) if valid == "yes" => *count,
        _ => 0,
    })
    .sum()
}

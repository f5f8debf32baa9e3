//! Which picture each table has.

use std::collections::BTreeMap;

use countersign_core::insights::reviewing::HEALTHY;
use countersign_core::insights::{Cell, Standing, Table};

use crate::http::pages::pictures::{Band, Bars, Ink, Series, Unit, columns, lanes};

/// Checks that a picture tells apart; the rest are one.
const CHECKS: usize = 5;

type Drawn = (String, Vec<(Ink, String)>);

/// The picture of a table with its legend; empty where there is nothing to show.
#[must_use]
pub fn picture(table: &Table) -> Drawn {
    let bars = match table.name {
        "lead-time" => lead_time(table),
        "open-requests" => stacked(table, "age", &[("blocked", Ink::Bad), ("waiting", Ink::Waiting)]),
        "first-pass" => stacked(table, "from", &[("first_pass", Ink::Good), ("other", Ink::Quiet)]),
        "auto-approved" => {
            let inks = [("automatic", Ink::One), ("signed", Ink::Three), ("break_glass", Ink::Four)];
            stacked(table, "from", &inks)
        }
        "findings" => findings(table),
        "cost-per-catch" => cost(table),
        "coverage" => coverage(table),
        "bypasses" => stacked(table, "from", &[("bypassed", Ink::Bad), ("break_glass", Ink::Four)]),
        "review-quality" => quality(table),
        _ => return Drawn::default(),
    };
    if bars.series.iter().flat_map(|series| &series.values).all(|value| *value <= 0.0) {
        return Drawn::default();
    }
    let lies = matches!(table.name, "lead-time" | "cost-per-catch" | "coverage" | "review-quality");
    let drawn = if lies { lanes(&bars) } else { columns(&bars) };
    // Where each row has a name of its own, a legend would say it again.
    let named = matches!(table.name, "cost-per-catch" | "coverage" | "review-quality");
    let legend = bars.series.into_iter().filter(|_| !named).map(|series| (series.ink, series.words));
    (drawn, legend.chain(bars.band.map(|band| (Ink::Band, band.words))).collect())
}

/// What is said where there is no picture.
pub(super) const fn nothing(table: &Table) -> &'static str {
    match table.name.as_bytes() {
        b"review-quality" => "Too few votes, or too few people, to tell without telling of somebody.",
        b"reviewers" => "",
        b"open-requests" => "Nothing is open.",
        b"bypasses" => "Nothing went round Countersign.",
        b"cost-per-catch" => "No check has caught anything yet.",
        b"coverage" => "No governed alias holds a version.",
        _ => "Nothing in this time.",
    }
}

fn numbers(table: &Table, key: &str) -> Vec<f64> {
    table.column(key).map(|cell| cell.number().unwrap_or_default()).collect()
}

fn texts(table: &Table, key: &str) -> Vec<String> {
    table.column(key).map(Cell::plain).collect()
}

fn words(table: &Table, key: &str) -> String {
    let column = table.columns.iter().find(|column| column.key == key);
    column.map_or("", |column| column.words).to_owned()
}

fn bars(table: &Table, labels: Vec<String>, series: Vec<Series>, unit: Unit) -> Bars {
    let (title, description) = (table.title.to_owned(), table.meaning.clone());
    Bars { title, description, id: table.name, labels, series, unit, none: "0", band: None }
}

fn stacked(table: &Table, label: &str, keys: &[(&str, Ink)]) -> Bars {
    let series = keys.iter().map(|(key, ink)| Series {
        words: words(table, key),
        ink: *ink,
        values: numbers(table, key),
    });
    bars(table, texts(table, label), series.collect(), Unit::Count)
}

fn lead_time(table: &Table) -> Bars {
    const PARTS: [(&str, Ink); 4] =
        [("checks_s", Ink::Six), ("queue_s", Ink::Two), ("evidence_s", Ink::Three), ("review_s", Ink::One)];
    let labels = table.column("tier").zip(table.column("percentile"));
    let labels = labels.map(|(tier, percentile)| format!("{} {}", tier.plain(), percentile.plain()));
    Bars { labels: labels.collect(), unit: Unit::Time, ..stacked(table, "tier", &PARTS) }
}

/// The checks that found most, each by itself.
fn findings(table: &Table) -> Bars {
    let mut labels = texts(table, "from");
    labels.sort_unstable();
    labels.dedup();
    let counts = numbers(table, "errors").into_iter().zip(numbers(table, "warnings"));
    let mut checks: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let keys = texts(table, "check").into_iter().zip(texts(table, "from"));
    for ((check, from), (errors, warnings)) in keys.zip(counts) {
        let values = checks.entry(check).or_insert_with(|| vec![0.0; labels.len()]);
        let at = labels.binary_search(&from).unwrap_or(usize::MAX);
        if let Some(value) = values.get_mut(at) {
            *value += errors + warnings;
        }
    }
    let mut checks: Vec<(String, Vec<f64>)> = checks.into_iter().collect();
    checks.retain(|(_, values)| values.iter().sum::<f64>() > 0.0);
    checks.sort_by(|(_, a), (_, b)| b.iter().sum::<f64>().total_cmp(&a.iter().sum()));
    let rest = checks.split_off(checks.len().min(CHECKS));
    let sum = |at: usize| rest.iter().filter_map(|(_, values)| values.get(at)).sum();
    let others = (!rest.is_empty()).then(|| ("all others".to_owned(), (0..labels.len()).map(sum).collect()));
    let named = checks.into_iter().chain(others).zip(Ink::SERIES);
    let series = named.map(|((words, values), ink)| Series { words, ink, values });
    bars(table, labels, series.collect(), Unit::Count)
}

fn cost(table: &Table) -> Bars {
    let drawn = stacked(table, "check", &[("wall_per_catch_s", Ink::One)]);
    Bars { unit: Unit::Time, none: "no catch", ..drawn }
}

/// One bar for each right that any alias stands by.
fn coverage(table: &Table) -> Bars {
    let rows = texts(table, "standing").into_iter().zip(numbers(table, "aliases"));
    let rows: Vec<(String, f64)> = rows.filter(|(_, count)| *count > 0.0).collect();
    let series = rows.iter().enumerate().map(|(at, (words, count))| {
        let values = (0..rows.len()).map(|row| if row == at { *count } else { 0.0 });
        let standing = Standing::ALL.into_iter().find(|standing| standing.words() == words);
        Series { words: words.clone(), ink: standing.map_or(Ink::Quiet, ink_of), values: values.collect() }
    });
    let series = series.collect();
    bars(table, rows.into_iter().map(|(words, _)| words).collect(), series, Unit::Count)
}

/// What a standing looks like, here and where a model's time is shown.
#[must_use]
pub const fn ink_of(standing: Standing) -> Ink {
    match standing {
        Standing::Approved => Ink::Good,
        Standing::Unasked => Ink::One,
        Standing::Fallback => Ink::Three,
        Standing::BreakGlass => Ink::Four,
        Standing::Expired => Ink::Warning,
        Standing::TakenBack => Ink::Warning,
        Standing::Bypassed => Ink::Bad,
        Standing::PutBack | Standing::Before => Ink::Quiet,
    }
}

/// The shares of all votes together.
fn quality(table: &Table) -> Bars {
    let keys = ["quick", "unopened", "rejected", "in_bursts"];
    let first = |key: &&str| table.column(key).next().and_then(Cell::number).unwrap_or_default();
    let labels = keys.iter().map(|key| words(table, key)).collect();
    let values = keys.iter().map(first).collect();
    let series = vec![Series { words: "votes".to_owned(), ink: Ink::One, values }];
    let (from, until) = HEALTHY;
    let band = Band {
        row: keys.iter().position(|key| *key == "rejected").unwrap_or_default(),
        from: share(from),
        until: share(until),
        words: usual(),
    };
    Bars { none: "0 %", band: Some(band), ..bars(table, labels, series, Unit::Share) }
}

/// Fewer rejections say that reviews stop nothing, more that requests come too early.
fn usual() -> String {
    format!("usual share of rejections: {} to {} %", HEALTHY.0, HEALTHY.1)
}

fn share(percent: u64) -> f64 {
    f64::from(u32::try_from(percent).unwrap_or(100)) / 100.0
}

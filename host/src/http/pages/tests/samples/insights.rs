//! The page of the insights, and who held what: from a year of made-up numbers.

use countersign_core::insights::{
    Asked, Cell, Column, NAMES, Projection, Reader, Scope, Since, Table, table,
};
use countersign_core::time::Millis;

use super::{NOW, chrome, evil};
use crate::http::pages::insights::{Figure, Filter, InsightsPage, ink_of, tiles};
use crate::http::pages::model::{HeldRow, HeldThen, HeldTimes};
use crate::http::pages::pictures::{Lane, Strip, strips};
use crate::http::pages::{Chip, Nav, Page, Tone, When};
use countersign_core::insights::Standing;

const HOUR: i64 = 3_600_000;

fn shown(tables: &[Table]) -> String {
    let filter = Filter {
        model: String::new(),
        models: vec!["credit-default".to_owned(), evil("fraud")],
        tiers: vec![("high".to_owned(), false), ("low".to_owned(), false)],
        since: Since::ALL
            .into_iter()
            .map(|since| (since.as_str(), since.words(), since == Since::Quarter))
            .collect(),
    };
    let figure =
        |table| Figure::new(table, &format!("/_countersign/api/v1/insights/{}", table.name), "?since=90d");
    let figures = tables.iter().map(figure).collect();
    InsightsPage { chrome: chrome(Nav::Insights), filter, tiles: tiles(tables), figures }.render()
}

/// The tables of an empty ledger.
fn empty() -> Vec<Table> {
    let projection = Projection::default();
    let scope = Scope { model: None, tier: None, since: Since::Quarter, now: NOW };
    let asked = Asked { projection: &projection, scope: &scope, held: &[], reader: &Reader::Nobody };
    NAMES.into_iter().filter_map(|name| table(name, asked)).collect()
}

pub(super) fn nothing() -> String {
    shown(&empty())
}

/// Fills the columns that an empty table has: texts as they are, numbers that go up and down.
fn filled(table: Table) -> Table {
    let labels: Vec<Vec<Cell>> = match table.name {
        "lead-time" => {
            let tiers = ["all", "high", "low"].map(Cell::text);
            let row = |tier: &Cell| ["p50", "p85", "p95"].map(|at| vec![tier.clone(), Cell::text(at)]);
            tiers.iter().flat_map(row).collect()
        }
        "findings" => {
            let checks = ["metric-threshold".to_owned(), "fairness".to_owned(), evil("drift ")];
            let row = |from: &Vec<Cell>, check: &String| {
                from.iter().take(1).cloned().chain([Cell::text(check)]).collect()
            };
            let froms = empty().into_iter().find(|table| table.name == "first-pass").unwrap().rows;
            checks
                .iter()
                .flat_map(|check| froms.iter().map(|from| row(from, check)).collect::<Vec<_>>())
                .collect()
        }
        "cost-per-catch" => ["metric-threshold", "fairness", "model-card", "artifact-safety"]
            .map(|c| vec![Cell::text(c)])
            .to_vec(),
        "review-quality" => ["all", "high", "low"].map(|tier| vec![Cell::text(tier)]).to_vec(),
        "coverage" => table.rows.iter().map(|row| row.iter().take(2).cloned().collect()).collect(),
        _ => table.rows.iter().map(|row| row.iter().take(1).cloned().collect()).collect(),
    };
    let rows = labels.into_iter().enumerate();
    Table { rows: rows.map(|(at, head)| row(&table.columns, at, head)).collect(), ..table }
}

fn row(columns: &[Column], at: usize, head: Vec<Cell>) -> Vec<Cell> {
    let begun = head.len();
    let wave = |seed: usize| (seed * 7919 + at * 104_729) % 13;
    let cell = |(seed, column): (usize, &Column)| match column.key {
        "share" | "yield" | "quick" | "unopened" | "rejected" | "in_bursts" => {
            Cell::share(wave(seed) as u64, 24)
        }
        "catches" if at == 2 => Cell::Count(0),
        "wall_per_catch_s" | "cpu_per_catch_s" if at == 2 => Cell::Silent,
        key if key.ends_with("_s") => Cell::Millis((wave(seed) as i64 + 1) * HOUR * (at as i64 % 3 + 1)),
        _ => Cell::Count(wave(seed) as u64),
    };
    head.into_iter().chain(columns.iter().enumerate().skip(begun).map(cell)).collect()
}

pub(super) fn page() -> String {
    shown(&empty().into_iter().map(filled).collect::<Vec<_>>())
}

pub(super) fn held() -> HeldTimes {
    let day = |days: i64| Millis::new(NOW.get() - days * 24 * HOUR);
    let strip = |version: u32, from: i64, until: i64, standing: Standing| Strip {
        from: day(from),
        until: day(until),
        ink: ink_of(standing),
        words: evil(&format!("champion version {version}: {} ", standing.words())),
        href: "/_countersign/requests/0199".to_owned(),
    };
    let lane = |label: &str, strips: Vec<Strip>| Lane { label: label.to_owned(), strips };
    let lanes = [
        lane("champion v9", vec![strip(9, 12, 0, Standing::Approved)]),
        lane("champion v8", vec![strip(8, 14, 12, Standing::Bypassed)]),
        lane("champion v7", vec![strip(7, 120, 30, Standing::Approved), strip(7, 30, 14, Standing::Expired)]),
        lane("champion v3", vec![strip(3, 240, 150, Standing::Approved)]),
        lane("champion v2", vec![strip(2, 150, 120, Standing::Fallback)]),
        lane("shadow-of-the-champion v9", vec![strip(9, 60, 0, Standing::BreakGlass)]),
    ];
    let row = HeldRow {
        name: evil("alias champion"),
        version: "9".to_owned(),
        chip: Chip::new("Approved", "check", Tone::Good),
        from: When::new(day(12), NOW),
        until: None,
        request: Some("0199".to_owned()),
        entry: (411, "/_countersign/ledger?at=411#e411".to_owned()),
    };
    let legend =
        [Standing::Approved, Standing::Fallback, Standing::BreakGlass, Standing::Expired, Standing::Bypassed];
    HeldTimes {
        asked: evil("2026-11-01"),
        wrong: None,
        json: "/_countersign/api/v1/models/credit-default/held?at=2026-11-01".to_owned(),
        csv: "/_countersign/api/v1/models/credit-default/held?at=2026-11-01&format=csv".to_owned(),
        then: Some(HeldThen { at: When::new(day(20), NOW), rows: vec![row.clone()], nothing: false }),
        picture: strips(
            "held",
            "Who held which alias of credit-default, when",
            "One lane for each.",
            &lanes,
            NOW,
        ),
        legend: legend.map(|standing| (ink_of(standing), standing.words())).to_vec(),
        rows: vec![row],
    }
}

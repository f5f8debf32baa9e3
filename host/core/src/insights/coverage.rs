//! How much of what is governed stands by a decision, and what went round it.

use std::collections::BTreeMap;

use super::Projection;
use super::aliases::{How, Standing};
use super::scope::{Buckets, Scope};
use super::table::{Cell, Table, columns};
use crate::names::{ModelName, Version, Workspace};

/// A governed alias, and the version that it holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub workspace: Workspace,
    pub model: ModelName,
    pub alias: String,
    pub version: Version,
}

/// How many governed aliases stand by which right.
#[must_use]
pub fn standings(projection: &Projection, scope: &Scope, held: &[Held]) -> BTreeMap<Standing, u64> {
    let mut counts: BTreeMap<Standing, u64> = BTreeMap::new();
    for held in held.iter().filter(|held| scope.is_of(&held.model)) {
        let standing = projection.standing(&held.workspace, &held.model, &held.alias, held.version);
        *counts.entry(standing).or_default() += 1;
    }
    counts
}

/// Governed aliases by the right that they stand by, at this moment.
#[must_use]
pub fn coverage(projection: &Projection, scope: &Scope, held: &[Held]) -> Table {
    let counts = standings(projection, scope, held);
    let all: u64 = counts.values().sum();
    let rows = Standing::ALL.into_iter().map(|standing| {
        let count = counts.get(&standing).copied().unwrap_or_default();
        let valid = if standing.is_valid() { "yes" } else { "no" };
        vec![Cell::text(standing.words()), Cell::text(valid), Cell::Count(count), Cell::share(count, all)]
    });
    Table {
        name: "coverage",
        title: "Governance coverage",
        meaning: "Governed aliases that hold a version now, by what they stand by. A decision in force stands behind \
                  those that were approved, allowed without asking anybody, moved to a fallback, or put back; not \
                  behind what ran out, went round Countersign, was there before it, or came by break-glass. Tier and \
                  time range do not apply."
            .to_owned(),
        columns: columns(&[
            ("standing", "Stands by"),
            ("decision_in_force", "Decision in force"),
            ("aliases", "Aliases"),
            ("share", "Share"),
        ]),
        rows: rows.collect(),
    }
}

/// What went round Countersign, and what was opened in an emergency.
#[must_use]
pub fn bypasses(projection: &Projection, scope: &Scope) -> Table {
    let buckets = Buckets::new(scope, projection.first());
    let mut counts = vec![[0_u64; 2]; buckets.len()];
    let strays = projection.strays().iter().filter(|stray| scope.is_of(&stray.model));
    let broken = projection.made().iter().filter(|made| {
        made.how == How::BreakGlass && made.model.as_ref().is_none_or(|model| scope.is_of(model))
    });
    let times = strays.map(|stray| (stray.at, 0)).chain(broken.map(|made| (made.at, 1)));
    for (at, column) in times.filter(|(at, _)| scope.has(*at)) {
        let row = buckets.index(at).and_then(|index| counts.get_mut(index));
        if let Some(count) = row.and_then(|row: &mut [u64; 2]| row.get_mut(column)) {
            *count += 1;
        }
    }
    let rows = buckets
        .labels()
        .zip(counts)
        .map(|(from, [bypassed, broken])| vec![Cell::Text(from), Cell::Count(bypassed), Cell::Count(broken)]);
    Table {
        name: "bypasses",
        title: "Bypasses",
        meaning: format!(
            "Governed names that were found moved without a permit, and writes that break-glass let through, by {}. \
             The tier does not apply: who goes round a gate is not judged by one.",
            buckets.piece()
        ),
        columns: columns(&[("from", "From"), ("bypassed", "Bypassed"), ("break_glass", "Break-glass")]),
        rows: rows.collect(),
    }
}

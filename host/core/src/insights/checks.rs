//! What checks find, and what that costs.

use std::collections::{BTreeMap, BTreeSet};

use super::Projection;
use super::fold::Run;
use super::scope::{Buckets, Scope};
use super::story::Ending;
use super::table::{Cell, Table, columns};
use crate::names::{ModelName, PluginName, Version, Workspace};
use crate::time::Millis;

type Which<'a> = (&'a Workspace, &'a ModelName, Version);

/// The runs in scope. A run has no tier of its own: it has those of the requests for its version.
fn about<'a>(projection: &'a Projection, scope: &'a Scope) -> impl Iterator<Item = (usize, &'a Run)> {
    let wanted = scope.tier.as_ref().map(|tier| {
        let of_tier = projection.stories().filter(|story| story.tier.as_ref() == Some(tier));
        of_tier.map(|story| (&story.workspace, &story.model, story.version)).collect::<BTreeSet<Which<'_>>>()
    });
    projection.runs().iter().enumerate().filter(move |(_, run)| {
        let of_tier = wanted.as_ref().is_none_or(|wanted| wanted.contains(&which(run)));
        of_tier && scope.is_of(&run.model) && scope.has(run.at)
    })
}

const fn which(run: &Run) -> Which<'_> {
    (&run.workspace, &run.model, run.version)
}

/// Errors and warnings. Entries of version 0.1 do not say how many: one for a run that failed or warned.
fn found(run: &Run) -> (u64, u64) {
    match (&run.spent, run.conclusion.as_str()) {
        (Some(spent), _) => (spent.errors.into(), spent.warnings.into()),
        (None, "fail") => (1, 0),
        (None, "warn") => (0, 1),
        (None, _) => (0, 0),
    }
}

/// Findings of each check over time.
#[must_use]
pub fn findings(projection: &Projection, scope: &Scope) -> Table {
    let buckets = Buckets::new(scope, projection.first());
    let mut counts: BTreeMap<&PluginName, Vec<[u64; 4]>> = BTreeMap::new();
    for (_, run) in about(projection, scope) {
        let of_check = counts.entry(&run.plugin).or_insert_with(|| vec![[0; 4]; buckets.len()]);
        let place = buckets.index(run.at).and_then(|index| of_check.get_mut(index));
        if let Some([runs, failed, errors, warnings]) = place {
            let (more_errors, more_warnings) = found(run);
            *runs += 1;
            *failed += u64::from(run.conclusion == "fail");
            *errors += more_errors;
            *warnings += more_warnings;
        }
    }
    let rows = counts.into_iter().flat_map(|(check, pieces)| {
        let row = move |(from, cells): (String, [u64; 4])| {
            [Cell::Text(from), Cell::text(check)].into_iter().chain(cells.map(Cell::Count)).collect()
        };
        buckets.labels().zip(pieces).map(row)
    });
    Table {
        name: "findings",
        title: "Findings by check",
        meaning: format!(
            "Findings of severity error and warning in the runs of each check, by {}. A run that is used again \
             because nothing has changed is no new run.",
            buckets.piece()
        ),
        columns: columns(&[
            ("from", "From"),
            ("check", "Check"),
            ("runs", "Runs"),
            ("failed", "Failed runs"),
            ("errors", "Errors"),
            ("warnings", "Warnings"),
        ]),
        rows: rows.collect(),
    }
}

#[derive(Default)]
struct Cost<'a> {
    runs: u64,
    timed: u64,
    wall_us: u64,
    cpu_us: u64,
    caught: BTreeSet<Which<'a>>,
}

/// What a check costs for each version that it caught.
///
/// A catch is a version that the check failed, and that did not go on as it was: the same check passed it later
/// (it was changed), passed a later version of the model (it was replaced), or a request for it was rejected or
/// withdrawn after the run. A version counts once however often it failed. The cost is that of all runs of the
/// check, whatever they concluded.
#[must_use]
pub fn cost_per_catch(projection: &Projection, scope: &Scope) -> Table {
    let (passed, given_up) = (projection.tallied(), given_up(projection));
    let mut costs: BTreeMap<&PluginName, Cost<'_>> = BTreeMap::new();
    for (place, run) in about(projection, scope) {
        let cost = costs.entry(&run.plugin).or_default();
        cost.runs += 1;
        if let Some(spent) = &run.spent {
            cost.timed += 1;
            cost.wall_us = cost.wall_us.saturating_add(spent.wall_us);
            cost.cpu_us = cost.cpu_us.saturating_add(spent.cpu_us);
        }
        let ended = || given_up.get(&which(run)).is_some_and(|at| *at >= run.at);
        if run.conclusion == "fail" && (ended() || passed.passed_after(place, run)) {
            cost.caught.insert(which(run));
        }
    }
    Table {
        name: "cost-per-catch",
        title: "Cost of a catch",
        meaning: "Time of all runs of a check for each version that it caught: one that it failed, and that was then \
                  changed or replaced until the check passed, or whose request was rejected or withdrawn. Runs that \
                  version 0.1 recorded have no times."
            .to_owned(),
        columns: columns(&[
            ("check", "Check"),
            ("runs", "Runs"),
            ("timed", "Timed"),
            ("catches", "Catches"),
            ("wall_s", "Wall time"),
            ("cpu_s", "CPU time"),
            ("wall_per_catch_s", "Wall time per catch"),
            ("cpu_per_catch_s", "CPU time per catch"),
        ]),
        rows: costs.into_iter().map(|(check, cost)| cost.row(check)).collect(),
    }
}

impl Cost<'_> {
    fn row(self, check: &PluginName) -> Vec<Cell> {
        let caught = self.caught.len() as u64;
        let millis = |micros: u64| i64::try_from(micros.div_ceil(1_000)).unwrap_or(i64::MAX);
        let total = |micros: u64| Cell::millis((self.timed > 0).then(|| millis(micros)));
        let each =
            |micros: u64| Cell::millis(micros.checked_div(caught).filter(|_| self.timed > 0).map(millis));
        vec![
            Cell::text(check),
            Cell::Count(self.runs),
            Cell::Count(self.timed),
            Cell::Count(caught),
            total(self.wall_us),
            total(self.cpu_us),
            each(self.wall_us),
            each(self.cpu_us),
        ]
    }
}

/// When the last request for each version was rejected or withdrawn.
fn given_up(projection: &Projection) -> BTreeMap<Which<'_>, Millis> {
    let mut ends = BTreeMap::new();
    for story in projection.stories() {
        if let Some((Ending::Rejected | Ending::Withdrawn, at)) = story.ended {
            let last = ends.entry((&story.workspace, &story.model, story.version)).or_insert(at);
            *last = at.max(*last);
        }
    }
    ends
}

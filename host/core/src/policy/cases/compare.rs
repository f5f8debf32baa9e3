//! What came out against what was expected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Expected;
use super::run::Got;
use crate::names::Seat;

/// One thing that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key under `expect`.
    pub what: &'static str,
    pub expected: String,
    pub got: String,
}

/// Everything that is not as expected.
pub(super) fn differences(expect: &Expected, got: &Got) -> Vec<Difference> {
    let differs =
        |what, expected: String, got: String| (expected != got).then_some(Difference { what, expected, got });
    let text = |what, expected: &Option<String>, got: &str| {
        expected.as_ref().and_then(|expected| differs(what, expected.clone(), got.to_owned()))
    };
    let mut wrong: Vec<Difference> = Vec::new();
    wrong.extend(differs("decision", expect.decision.clone(), got.decision.to_owned()));
    wrong.extend(text("tier", &expect.tier, got.tier.as_deref().unwrap_or("none")));
    wrong.extend(text("monitored", &expect.monitored, got.monitored.unwrap_or("none")));
    wrong.extend(expect.gates.as_ref().and_then(|gates| {
        let sorted = |names: &[String]| listed(&names.iter().cloned().collect::<BTreeSet<_>>());
        differs("gates", sorted(gates), sorted(&got.gates))
    }));
    wrong.extend(
        expect.seats.as_ref().and_then(|seats| differs("seats", counted(seats), counted(&got.seats))),
    );
    wrong.extend(phrases("needs", expect.needs.as_deref(), &got.needs));
    wrong.extend(phrases("violations", expect.violations.as_deref(), &got.violations));
    wrong
}

/// Each expected phrase must be in one that came out, and each that came out must be expected.
fn phrases(what: &'static str, expected: Option<&[String]>, got: &[String]) -> Option<Difference> {
    let expected = expected?;
    let mut open: Vec<&String> = got.iter().collect();
    // The longest first: a short one may be in several.
    let mut wanted: Vec<&String> = expected.iter().collect();
    wanted.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    let all_found = wanted.into_iter().all(|phrase| {
        let at = open.iter().position(|said| said.contains(phrase.as_str()));
        at.map(|at| open.remove(at)).is_some()
    });
    let same = all_found && open.is_empty();
    (!same).then(|| Difference { what, expected: listed(expected), got: listed(got) })
}

fn listed<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", texts.join(", "))
}

fn counted(seats: &BTreeMap<Seat, u32>) -> String {
    if seats.is_empty() {
        return "{}".to_owned();
    }
    let seats: Vec<String> = seats.iter().map(|(seat, count)| format!("{seat} = {count}")).collect();
    format!("{{ {} }}", seats.join(", "))
}

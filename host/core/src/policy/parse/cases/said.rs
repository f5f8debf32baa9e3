//! What checks, rules and people said in a case. Every name must be one that the policy has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Layers, number};
use crate::check::{
    Conclusion, Failure, FailureClass, Finding, RuleOutcome, Ruling, SeatRequirement, Severity,
};
use crate::names::{GateName, PersonId, PluginName, Seat, Tier};
use crate::policy::Policy;
use crate::policy::cases::{CheckSays, GivenReview, GivenWaiver, Waives};
use crate::policy::parse::choices;
use crate::policy::parse::people::moment;
use crate::policy::parse::table::{At, Table};
use crate::review::Vote;

const CONCLUSIONS: [Conclusion; 5] =
    [Conclusion::Pass, Conclusion::Warn, Conclusion::Fail, Conclusion::Error, Conclusion::Skipped];
const VOTES: [Vote; 5] = [Vote::Approve, Vote::Reject, Vote::Comment, Vote::Abstain, Vote::Recuse];

/// A name that must be one of those of the policy.
fn known<'p>(
    table: &Table<'_>,
    name: &At<&str>,
    what: &str,
    mut all: impl Iterator<Item = &'p str> + Clone,
) -> bool {
    let listed = choices(all.clone());
    let found = all.any(|one| one == name.value);
    if !found {
        table.fault(name.start(), format!("the policy has no {what} `{}`: {listed}", name.value));
    }
    found
}

fn is_seat(table: &Table<'_>, name: &At<&str>, policy: &Policy) -> bool {
    known(table, name, "seat", policy.seats().iter().map(|seat| seat.name.as_str()))
}

fn is_plugin(table: &Table<'_>, name: &At<&str>, policy: &Policy) -> bool {
    known(table, name, "plugin", policy.plugins().iter().map(|plugin| plugin.name.as_str()))
}

pub(super) fn tier(layers: &Layers<'_, '_>, policy: &Policy) -> Option<Tier> {
    let table = layers.having("judged_before");
    let name = table.text("judged_before")?;
    known(table, &name, "tier", policy.tiers().iter().map(|tier| tier.name.as_str()))
        .then(|| Tier::new(name.value))
}

pub(super) fn checks(layers: &Layers<'_, '_>, policy: &Policy) -> BTreeMap<PluginName, CheckSays> {
    let Some(table) = layers.table("checks", "`checks`") else { return BTreeMap::new() };
    let entries = table.entries().into_iter().filter_map(|(name, value)| {
        let text = table.as_text(name.value, value)?;
        let says = says(&table, &text)?;
        is_plugin(&table, &name, policy).then(|| (PluginName::new(name.value), says))
    });
    entries.collect()
}

fn says(table: &Table<'_>, text: &At<&str>) -> Option<CheckSays> {
    if text.value == "not-run" {
        return Some(CheckSays::NotRun);
    }
    let conclusion = CONCLUSIONS.into_iter().find(|one| one.as_str() == text.value);
    let class = || FailureClass::ALL.into_iter().find(|one| one.as_str() == text.value);
    let found = conclusion.map(CheckSays::Reported).or_else(|| class().map(CheckSays::Failed));
    if found.is_none() {
        let words = CONCLUSIONS.iter().map(|one| one.as_str()).chain(["not-run"]);
        let listed = choices(words.chain(FailureClass::ALL.iter().map(|one| one.as_str())));
        table.fault(text.start(), format!("`{}` is nothing that a check says: {listed}", text.value));
    }
    found
}

pub(super) fn rules(layers: &Layers<'_, '_>, policy: &Policy) -> BTreeMap<PluginName, RuleOutcome> {
    let Some(table) = layers.table("rules", "`rules`") else { return BTreeMap::new() };
    let entries = table.entries().into_iter().filter_map(|(name, value)| {
        let inner = table.as_table(name.value, value, &format!("rule `{}`", name.value))?;
        let outcome = ruling(&inner, policy);
        is_plugin(&table, &name, policy).then(|| (PluginName::new(name.value), outcome))
    });
    entries.collect()
}

fn ruling(table: &Table<'_>, policy: &Policy) -> RuleOutcome {
    table.only(&["seats", "denies", "fails"]);
    if let Some(why) = table.text("fails") {
        return RuleOutcome::Failed(Failure {
            class: FailureClass::Undecided,
            message: why.value.to_owned(),
        });
    }
    let seats = table.table("seats", "`seats`").map(|seats| quorums(&seats, policy)).unwrap_or_default();
    let wanted = |(seat, count)| SeatRequirement { seat, count, reason: "as the case says".to_owned() };
    let denial = |why: At<&str>| Finding {
        code: "denied".to_owned(),
        severity: Severity::Error,
        message: why.value.to_owned(),
        measured: None,
        comparator: None,
        threshold: None,
        sample_size: None,
        segment: None,
        remediation: None,
        extensions: Vec::new(),
    };
    RuleOutcome::Ruled(Ruling {
        summary: String::new(),
        seats: seats.into_iter().map(wanted).collect(),
        denials: table.text("denies").map(denial).into_iter().collect(),
    })
}

/// Seat to number of people.
pub(super) fn quorums(table: &Table<'_>, policy: &Policy) -> BTreeMap<Seat, u32> {
    let entries = table.entries().into_iter().filter_map(|(seat, value)| {
        let count = number(table, seat.value, value)?;
        is_seat(table, &seat, policy).then(|| (Seat::new(seat.value), count))
    });
    entries.collect()
}

pub(super) fn reviews(layers: &Layers<'_, '_>, policy: &Policy) -> Vec<GivenReview> {
    let tables = layers.tables("reviews", "a review");
    tables.iter().filter_map(|table| review(table, policy)).collect()
}

fn review(table: &Table<'_>, policy: &Policy) -> Option<GivenReview> {
    table.only(&["by", "seat", "vote", "at", "signed", "stale"]);
    let by = table.required("by", "\"NAME\"");
    let seat = table.required("seat", "\"SEAT\"").filter(|seat| is_seat(table, seat, policy));
    let vote = match table.get("vote") {
        Some(_) => table.one_of("vote", &VOTES, Vote::as_str)?,
        None => Vote::Approve,
    };
    Some(GivenReview {
        by: PersonId::new(by?.value),
        seat: Seat::new(seat?.value),
        vote,
        at: table.get("at").and_then(|_| moment(table, "at", "\"2026-12-01\"")).map(|at| at.value),
        signed: table.boolean("signed").unwrap_or(true),
        stale: table.boolean("stale").unwrap_or(false),
    })
}

pub(super) fn waivers(layers: &Layers<'_, '_>, policy: &Policy) -> Vec<GivenWaiver> {
    let tables = layers.tables("waivers", "a waiver");
    tables.iter().filter_map(|table| waiver(table, policy)).collect()
}

fn waiver(table: &Table<'_>, policy: &Policy) -> Option<GivenWaiver> {
    table.only(&["gate", "check", "seat", "author", "owner", "approved_by", "expires"]);
    let person = |key: &str| table.text(key).map(|name| PersonId::new(name.value));
    let what = match (table.text("check"), table.text("seat")) {
        (Some(check), None) => {
            is_plugin(table, &check, policy).then(|| Waives::Check(PluginName::new(check.value)))
        }
        (None, Some(seat)) => is_seat(table, &seat, policy).then(|| Waives::Seat(Seat::new(seat.value))),
        _ => {
            let text = "a waiver takes out one thing: write `check = \"PLUGIN\"` or `seat = \"SEAT\"`";
            table.fault(table.start(), text);
            None
        }
    };
    let expires = table.get("expires").and_then(|_| moment(table, "expires", "\"2026-12-31\""));
    Some(GivenWaiver {
        gate: gate(table, policy)?,
        what: what?,
        author: person("author"),
        owner: person("owner"),
        approved_by: person("approved_by"),
        expires: expires.map(|at| at.value),
    })
}

/// The gate that is named, or the only one that there is.
fn gate(table: &Table<'_>, policy: &Policy) -> Option<GateName> {
    if let Some(name) = table.text("gate") {
        let names = policy.gates().iter().map(|gate| gate.name.as_str());
        return known(table, &name, "gate", names).then(|| GateName::new(name.value));
    }
    if let [only] = policy.gates() {
        return Some(only.name.clone());
    }
    table.missing("gate", "\"GATE\"");
    None
}

pub(super) fn groups(layers: &Layers<'_, '_>) -> BTreeMap<String, BTreeSet<PersonId>> {
    let Some(table) = layers.table("groups", "`groups`") else { return BTreeMap::new() };
    let of = |group: &str| table.texts(group).into_iter().map(|name| PersonId::new(name.value)).collect();
    table.entries().into_iter().map(|(group, _)| (group.value.to_owned(), of(group.value))).collect()
}

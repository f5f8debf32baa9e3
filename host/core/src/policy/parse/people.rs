//! `[[seat]]`, `[[delegation]]` and `[[tier]]`.

use std::collections::BTreeSet;

use super::exceptions;
use super::plugins::name;
use super::table::{At, Table};
use super::unique;
use crate::names::{Seat, Tier};
use crate::policy::seat::{Delegation, SeatHolders};
use crate::policy::tier::{Condition, TierRule};
use crate::time::{Millis, Span};

pub(super) fn seats(root: &Table<'_>) -> Vec<SeatHolders> {
    let tables = root.tables("seat", "seat");
    let names = tables.iter().filter_map(|table| table.text("name"));
    unique("seat", names.map(|name| (name.value.to_owned(), name.start())), root.faults);
    tables.into_iter().filter_map(seat).collect()
}

fn seat(table: Table<'_>) -> Option<SeatHolders> {
    let name = name(&table, "\"risk\"");
    let what = name.as_ref().map_or_else(|| "a seat".to_owned(), |name| format!("seat `{name}`"));
    let table = table.called(what.clone());
    table.only(&["name", "members", "groups", "veto"]);
    let members = set(&table, "members");
    let groups = set(&table, "groups");
    for group in table.texts("groups").iter().filter(|group| !group.value.contains(':')) {
        let text = format!("`{0}` is no group: write `PROVIDER:GROUP`, as in `oidc:{0}`", group.value);
        table.fault(group.start(), text);
    }
    if members.is_empty() && groups.is_empty() {
        let text = format!(
            "{what} can be filled by nobody: add `members = [\"NAME\"]` or `groups = [\"oidc:GROUP\"]`"
        );
        table.fault(table.start(), text);
    }
    let veto = table.boolean("veto").unwrap_or(false);
    Some(SeatHolders { name: Seat::new(name?), members, groups, veto })
}

pub(super) fn delegations(root: &Table<'_>, seats: &[SeatHolders]) -> Vec<Delegation> {
    let tables = root.tables("delegation", "a delegation");
    tables.iter().filter_map(|table| delegation(table, seats)).collect()
}

fn delegation(table: &Table<'_>, seats: &[SeatHolders]) -> Option<Delegation> {
    table.only(&["from", "to", "seat", "starts", "ends"]);
    let from = table.required("from", "\"NAME\"");
    let to = table.required("to", "\"NAME\"");
    table.required("seat", "\"SEAT\"");
    let seat = exceptions::seat(table, "seat", seats);
    let starts = moment(table, "starts", "\"2026-12-01\"");
    let ends = moment(table, "ends", "\"2026-12-15\"");
    let (from, to, seat, starts, ends) = (from?, to?, seat?, starts?, ends?);
    let holders = seats.iter().find(|holders| holders.name == seat)?;
    if holders.groups.is_empty() && !holders.members.contains(from.value) {
        let text =
            format!("`{}` is not in seat `{seat}` and cannot lend it: name one of its members", from.value);
        table.fault(from.start(), text);
    }
    if from.value == to.value {
        table.fault(to.start(), "nobody stands in for themselves: name another account");
    }
    if ends.value <= starts.value {
        table.fault(ends.start(), "a delegation ends after it starts: write a later `ends`");
    }
    let (from, to) = (from.value.to_owned(), to.value.to_owned());
    Some(Delegation { from, to, seat, starts: starts.value, ends: ends.value })
}

/// A day or a time, as text or as TOML's own.
pub(super) fn moment(table: &Table<'_>, key: &str, example: &str) -> Option<At<Millis>> {
    let Some(value) = table.get(key) else {
        table.missing(key, example);
        return None;
    };
    let text = match value.get_ref().as_datetime() {
        Some(datetime) => datetime.to_string(),
        None => table.as_text(key, value)?.value.to_owned(),
    };
    let found = text.parse().map_err(|error| table.fault(value.span().start, format!("`{key}`: {error}")));
    found.ok().map(|value_| At { value: value_, span: value.span() })
}

fn set(table: &Table<'_>, key: &str) -> BTreeSet<String> {
    table.texts(key).into_iter().map(|text| text.value.to_owned()).collect()
}

pub(super) fn tiers(root: &Table<'_>) -> Vec<TierRule> {
    let tables = root.tables("tier", "tier");
    let names = tables.iter().filter_map(|table| table.text("name"));
    unique("tier", names.map(|name| (name.value.to_owned(), name.start())), root.faults);
    let count = tables.len();
    let tiers = tables.into_iter().enumerate().filter_map(|(i, table)| tier(table, i + 1 == count)).collect();
    if count == 0 && root.get("gate").is_some() {
        let text = "the policy has gates but no tier: add `[[tier]]` with `name = \"default\"` and no `when`";
        root.fault(root.start(), text);
    }
    tiers
}

fn tier(table: Table<'_>, is_last: bool) -> Option<TierRule> {
    let name = name(&table, "\"high\"");
    let what = name.as_ref().map_or_else(|| "a tier".to_owned(), |name| format!("tier `{name}`"));
    let table = table.called(what.clone());
    table.only(&["name", "when", "keep_evidence"]);
    match (table.get("when"), is_last) {
        (None, false) => table.fault(
            table.start(),
            format!("{what} has no `when`, so that the tiers after it are never reached: move it to the end"),
        ),
        (Some(_), true) => table.fault(
            table.start(),
            format!("{what} is the last one and has a `when`: add a tier without one after it, for everything else"),
        ),
        _ => {}
    }
    let when = condition(&table);
    let keep_evidence = kept(&table);
    Some(TierRule { name: Tier::new(name?), when, keep_evidence })
}

/// How long evidence is kept. Years are written here and nowhere else; each counts 366 days, so that nothing goes early.
fn kept(table: &Table<'_>) -> Option<Span> {
    let text = table.text("keep_evidence")?;
    let years = text.value.strip_suffix('y').and_then(|years| years.parse::<i64>().ok());
    let days = years.and_then(|years| years.checked_mul(366 * 86_400_000)).map(Span::from_millis);
    match days.map_or_else(|| text.value.parse(), Ok) {
        Ok(span) if span >= Span::from_millis(86_400_000) => Some(span),
        Ok(_) => {
            table.fault(
                text.start(),
                "`keep_evidence` is at least a day: write `90d` or `7y`, or leave it out for ever",
            );
            None
        }
        Err(_) => {
            let text_ = format!(
                "`keep_evidence`: `{}` is not a time: write days or years, as in `90d` or `7y`",
                text.value
            );
            table.fault(text.start(), text_);
            None
        }
    }
}

fn condition(table: &Table<'_>) -> Option<Condition> {
    let text = table.text("when")?;
    match Condition::parse(text.value) {
        Ok(condition) => Some(condition),
        Err(errors) => {
            // Inside the quotes, where the text stands as it is; at the quotes, where it is escaped.
            let inside = table.faults.text(&text.span).find(text.value).map(|at| text.start() + at);
            for error in errors {
                let offset = inside.map_or(text.start(), |start| start + error.offset);
                table.fault(offset, format!("`when`: {}", error.message));
            }
            None
        }
    }
}

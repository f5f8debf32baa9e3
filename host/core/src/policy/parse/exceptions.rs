//! `[waivers]` and `[break_glass]`.

use super::gates::span;
use super::known_or_new;
use super::table::Table;
use crate::names::Seat;
use crate::policy::exceptions::{BreakGlassRule, WaiverRule};
use crate::policy::seat::SeatHolders;

pub(super) fn waivers(root: &Table<'_>, seats: &[SeatHolders]) -> Option<WaiverRule> {
    let table = root.table("waivers", "`[waivers]`")?;
    table.only(&["seat", "max"]);
    let seat = required_seat(&table, "seat", seats);
    table.required("max", "\"30d\"");
    let max = span(&table, "max");
    Some(WaiverRule { seat: seat?, max: max? })
}

pub(super) fn break_glass(root: &Table<'_>, seats: &[SeatHolders]) -> Option<BreakGlassRule> {
    let table = root.table("break_glass", "`[break_glass]`")?;
    table.only(&["seat", "members", "lasts", "reviewed_by"]);
    let members = table.texts("members").into_iter().map(|name| name.value.to_owned()).collect();
    let seat = table.get("seat").and_then(|_| seat(&table, "seat", seats));
    if table.get("seat").is_none() && table.texts("members").is_empty() {
        let text = "nobody may break the glass: add `seat = \"SEAT\"` or `members = [\"NAME\"]`";
        table.fault(table.start(), text);
    }
    table.required("lasts", "\"1h\"");
    let lasts = span(&table, "lasts");
    let reviewed_by = required_seat(&table, "reviewed_by", seats);
    Some(BreakGlassRule { seat, members, lasts: lasts?, reviewed_by: reviewed_by? })
}

fn required_seat(table: &Table<'_>, key: &str, seats: &[SeatHolders]) -> Option<Seat> {
    table.get(key).or_else(|| {
        table.missing(key, "\"SEAT\"");
        None
    })?;
    seat(table, key, seats)
}

/// A seat that the policy has.
pub(super) fn seat(table: &Table<'_>, key: &str, seats: &[SeatHolders]) -> Option<Seat> {
    let text = table.text(key)?;
    let known = seats.iter().any(|holders| holders.name.as_str() == text.value);
    if !known {
        let todo = known_or_new(seats.iter().map(|holders| holders.name.as_str()), "seat");
        table.fault(text.start(), format!("there is no seat `{}`: {todo}", text.value));
    }
    known.then(|| Seat::new(text.value))
}

//! `[gate.approvals.TIER]`.

use std::collections::BTreeMap;

use super::Known;
use crate::names::{Seat, Tier};
use crate::policy::gate::{Approvals, SignatureKind};
use crate::policy::parse::known_or_new;
use crate::policy::parse::table::{At, Table};
use crate::policy::sample::{Rate, Sample};
use crate::time::Span;

pub(super) fn read(gate: &Table<'_>, known: &Known<'_>) -> BTreeMap<Tier, Approvals> {
    let Some(tiers) = gate.table("approvals", "`approvals`") else { return BTreeMap::new() };
    let entries = tiers.entries();
    let approvals = entries.into_iter().filter_map(|(tier, value)| {
        let what = format!("the approvals of tier `{}`", tier.value);
        let table = tiers.as_table(tier.value, value, &what)?;
        let approvals = of_tier(&table, known);
        is_tier(&tiers, &tier, known).then(|| (Tier::new(tier.value), approvals))
    });
    approvals.collect()
}

fn is_tier(table: &Table<'_>, tier: &At<&str>, known: &Known<'_>) -> bool {
    let exists = known.tiers.contains(&tier.value);
    if !exists {
        let todo = known_or_new(known.tiers.iter().copied(), "tier");
        table.fault(tier.start(), format!("there is no tier `{}`: {todo}", tier.value));
    }
    exists
}

fn of_tier(table: &Table<'_>, known: &Known<'_>) -> Approvals {
    table.only(&[
        "seats",
        "sample",
        "sample_seat",
        "expires",
        "evidence_first",
        "signature",
        "unresolved_blocks",
    ]);
    let seats = table.table("seats", "`seats`");
    if seats.is_none() && table.get("sample").is_none() {
        table.missing_or_empty("seats", "{ SEAT = 1 }");
    }
    let sample = sample(table, known);
    if let (true, Some(at)) = (seats.is_some(), table.text("sample")) {
        table.fault(at.start(), "a sample is of writes that nobody signs: drop `sample`, or drop `seats`");
    }
    Approvals {
        sample,
        seats: seats.map(|seats| quorums(&seats, known)).unwrap_or_default(),
        expires: span(table, "expires"),
        evidence_first: table.boolean("evidence_first").unwrap_or(false),
        signature: table.one_of("signature", &SignatureKind::ALL, SignatureKind::as_str).unwrap_or_default(),
        unresolved_blocks: table.boolean("unresolved_blocks").unwrap_or(false),
    }
}

fn sample(table: &Table<'_>, known: &Known<'_>) -> Option<Sample> {
    let rate = table.parsed::<Rate>("sample");
    let Some(seat) = table.text("sample_seat") else {
        if table.get("sample").is_some() {
            table.missing("sample_seat", "\"SEAT\": who looks at what is drawn");
        }
        return None;
    };
    if table.get("sample").is_none() {
        table.missing("sample", "\"1 in 20\"");
    }
    let exists = fits(table, &seat, 1, known);
    Some(Sample { rate: rate?.value, seat: Seat::new(seat.value) }).filter(|_| exists)
}

fn quorums(table: &Table<'_>, known: &Known<'_>) -> BTreeMap<Seat, u32> {
    let entries = table.entries();
    if entries.is_empty() {
        table.fault(
            table.start(),
            "no seat is named: add one, as in `{ risk = 1 }`, or drop the tier's table",
        );
    }
    let quorums = entries.into_iter().filter_map(|(seat, value)| {
        let count =
            value.get_ref().as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
        let Some(count) = count.filter(|&count| count > 0) else {
            let text =
                format!("seat `{}` needs a whole number from 1: how many people must fill it", seat.value);
            table.fault(value.span().start, text);
            return None;
        };
        fits(table, &seat, count, known).then(|| (Seat::new(seat.value), count))
    });
    quorums.collect()
}

fn fits(table: &Table<'_>, seat: &At<&str>, count: u32, known: &Known<'_>) -> bool {
    let Some(holders) = known.seats.iter().find(|holders| holders.name.as_str() == seat.value) else {
        let todo = known_or_new(known.seats.iter().map(|holders| holders.name.as_str()), "seat");
        table.fault(seat.start(), format!("there is no seat `{}`: {todo}", seat.value));
        return false;
    };
    let people = usize::try_from(count).unwrap_or(usize::MAX);
    match holders.capacity() {
        // A seat with nobody was noted where it stands.
        Some(members) if 0 < members && members < people => {
            table.fault(
                seat.start(),
                format!(
                    "seat `{}` needs {count} people and has {members}: add members to it, or ask for fewer",
                    seat.value
                ),
            );
            false
        }
        _ => true,
    }
}

/// A span of time longer than none.
pub(in crate::policy::parse) fn span(table: &Table<'_>, key: &str) -> Option<Span> {
    let span = table.parsed::<Span>(key)?;
    if span.value.as_millis() == 0 {
        table.fault(span.start(), format!("`{key}` must be longer than nothing: write a span such as `90d`"));
        return None;
    }
    Some(span.value)
}

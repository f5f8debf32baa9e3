//! Insights: how approval flows, in numbers, from ledger entries alone.
//!
//! [`Projection`] takes in entries one after another and keeps what the numbers need; each number is a [`Table`] made
//! from it within a [`Scope`]. The definitions stand beside the functions: [`flow`] (lead time, open requests,
//! first-pass yield, writes without people), [`checks`] (findings, cost of a catch), [`coverage`] (governed names,
//! bypasses), [`reviewing`] (how people review),
//! [`pace`] (when a request is likely to be decided). This module must not know: the store, pictures, who is looking.

pub mod aliases;
pub mod checks;
pub mod coverage;
pub mod flow;
mod fold;
pub mod pace;
pub mod quantile;
pub mod reviewing;
pub mod scope;
pub mod story;
pub mod table;
mod tallied;
#[cfg(test)]
pub(crate) mod tests;

pub use self::aliases::{How, Name, Spell, Standing};
pub use self::coverage::Held;
pub use self::fold::Projection;
pub use self::pace::{Outlook, Paces};
pub use self::reviewing::Reader;
pub use self::scope::{Buckets, Scope, Since};
pub use self::story::{Phases, Story};
pub use self::table::{Cell, Column, Table};

/// Every table that anybody may read, by the name that it has in addresses.
pub const NAMES: [&str; 9] = [
    "lead-time",
    "open-requests",
    "first-pass",
    "auto-approved",
    "findings",
    "cost-per-catch",
    "coverage",
    "bypasses",
    "review-quality",
];

/// The one that only tells people about themselves, and an auditor about everybody.
pub const REVIEWERS: &str = "reviewers";

/// What a table is made from.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub projection: &'a Projection,
    pub scope: &'a Scope,
    /// What governed aliases hold now.
    pub held: &'a [Held],
    pub reader: &'a Reader,
}

/// A table by its name; `None` where there is none of that name.
#[must_use]
pub fn table(name: &str, asked: Asked<'_>) -> Option<Table> {
    let Asked { projection, scope, held, reader } = asked;
    Some(match name {
        "lead-time" => flow::lead_time(projection, scope),
        "open-requests" => flow::open_requests(projection, scope),
        "first-pass" => flow::first_pass(projection, scope),
        "auto-approved" => flow::auto_approved(projection, scope),
        "findings" => checks::findings(projection, scope),
        "cost-per-catch" => checks::cost_per_catch(projection, scope),
        "coverage" => coverage::coverage(projection, scope, held),
        "bypasses" => coverage::bypasses(projection, scope),
        "review-quality" => reviewing::quality(projection, scope),
        REVIEWERS => reviewing::reviewers(projection, scope, reader),
        _ => return None,
    })
}

//! The answer to "who held this name": as JSON, as CSV, in words.

use serde::{Deserialize, Serialize};

use super::{Account, Behind, How, Name, Spell, Standing};
use crate::entry::Entry;
use crate::insights::Table;
use crate::insights::table::{Cell, columns};
use crate::names::{ModelName, PersonId, Version, Workspace};
use crate::request::RequestId;
use crate::time::{Millis, rfc3339};

/// Which version held what of a model, and by what right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub format: u32,
    pub workspace: Workspace,
    pub model: ModelName,
    /// `None`: of every name.
    pub name: Option<Name>,
    /// `None`: at all times.
    #[serde(with = "rfc3339::option")]
    pub at: Option<Millis>,
    /// Up to how many entries of the ledger this was read.
    pub ledger_entries: u64,
    /// Oldest first; at one time an alias is held by one version at most.
    pub held: Vec<Holding>,
    /// What the ledger cannot say.
    pub notes: Vec<String>,
}

/// A time during which a name held one version by one right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub name: Name,
    pub version: Version,
    #[serde(with = "rfc3339")]
    pub from: Millis,
    #[serde(with = "rfc3339::option")]
    pub until: Option<Millis>,
    pub standing: Standing,
    /// Whether a decision in force stands behind it.
    pub in_force: bool,
    pub says: String,
    pub request: Option<RequestId>,
    /// The entry that announced the move, or found it made.
    pub entry: u64,
    /// The entry by which it is held by another right than it came by.
    pub turned: Option<u64>,
    pub behind: Behind,
}

impl Answer {
    /// Who held a name (`None`: any), at a time (`None`: always).
    #[must_use]
    pub fn new(account: &Account, name: Option<&Name>, at: Option<Millis>) -> Self {
        let spells = account.spells();
        let of_name = |spell: &&Spell| name.is_none_or(|name| spell.name.is(name));
        let runs = |spell: &&Spell| at.is_none_or(|at| spell.ran_at(at));
        let chosen = spells.iter().filter(of_name).filter(runs);
        let mut held: Vec<Holding> = chosen.map(|spell| Holding::new(account, spell)).collect();
        held.sort_by(|a, b| (&a.name, a.from, a.version).cmp(&(&b.name, b.from, b.version)));
        Self {
            format: 1,
            workspace: account.workspace.clone(),
            model: account.model.clone(),
            name: name.cloned(),
            at,
            ledger_entries: account.size(),
            notes: notes(account, &spells, name, at, held.is_empty()),
            held,
        }
    }

    /// Everybody who is named in it.
    #[must_use]
    pub fn people(&self) -> Vec<PersonId> {
        let mut people: Vec<PersonId> =
            self.held.iter().flat_map(|held| held.behind.people()).cloned().collect();
        people.sort();
        people.dedup();
        people
    }

    /// One row for each time, by RFC 4180; people by the name that `called` gives them.
    #[must_use]
    pub fn csv(&self, called: &dyn Fn(&PersonId) -> String) -> String {
        let rows = self.held.iter().map(|held| held.row(called)).collect();
        let columns = columns(&COLUMNS);
        Table { name: "held", title: "Who held what", meaning: String::new(), columns, rows }.csv()
    }
}

const COLUMNS: [(&str, &str); 16] = [
    ("name", "Name"),
    ("version", "Version"),
    ("from", "From"),
    ("until", "Until"),
    ("standing", "Stands by"),
    ("in_force", "Decision in force"),
    ("request", "Request"),
    ("asked_by", "Asked by"),
    ("signed", "Signed"),
    ("checks", "Checks"),
    ("tier", "Tier"),
    ("policy", "Policy"),
    ("manifest", "Files"),
    ("exceptions", "Exceptions"),
    ("says", "In words"),
    ("entries", "Ledger entries"),
];

impl Holding {
    fn new(account: &Account, spell: &Spell) -> Self {
        let behind = behind(account, spell);
        Self {
            name: spell.name.clone(),
            version: spell.version,
            from: spell.from,
            until: spell.until,
            standing: spell.standing,
            in_force: spell.standing.is_valid(),
            says: says(spell, &behind),
            request: spell.request,
            entry: spell.index,
            turned: spell.turned,
            behind,
        }
    }

    fn row(&self, called: &dyn Fn(&PersonId) -> String) -> Vec<Cell> {
        let behind = &self.behind;
        let text = |given: Option<String>| given.map_or(Cell::Silent, Cell::Text);
        let list = |items: Vec<String>| Cell::Text(items.join("; "));
        let signed = behind.reviews.iter().filter(|review| review.counts).map(|review| {
            let seat = review.seat.as_ref().map_or("any seat", |seat| seat.as_str());
            format!("{} as {seat} on {} (#{})", called(&review.by), review.at, review.entry)
        });
        let checks = behind.checks.iter().map(|c| format!("{}: {} (#{})", c.plugin, c.conclusion, c.entry));
        let broken = behind.break_glass.iter().map(|broken| {
            format!("glass broken by {} ({}): {}", called(&broken.by), broken.ticket, broken.reason)
        });
        let bypassed = (self.standing == Standing::Bypassed).then(|| "went round Countersign".to_owned());
        let waived = behind.waived.iter().map(|waived| format!("waived: {waived}"));
        let faults = behind.faults.iter().map(|fault| format!("fault: {fault}"));
        vec![
            Cell::text(&self.name),
            Cell::text(self.version),
            Cell::Text(self.from.exact()),
            text(self.until.map(Millis::exact)),
            Cell::text(self.standing.as_str()),
            Cell::text(if self.in_force { "yes" } else { "no" }),
            text(self.request.map(|request| request.to_string())),
            text(behind.asked_by.as_ref().map(called)),
            list(signed.collect()),
            list(checks.collect()),
            text(behind.tier.as_ref().map(ToString::to_string)),
            text(behind.policy.map(|policy| policy.to_string())),
            text(behind.subject.as_ref().and_then(|subject| Some(subject.manifest?.to_string()))),
            list(bypassed.into_iter().chain(broken).chain(waived).chain(faults).collect()),
            Cell::text(&self.says),
            list(behind.entries.iter().map(|index| format!("#{index}")).collect()),
        ]
    }
}

impl Behind {
    pub(crate) fn people(&self) -> impl Iterator<Item = &PersonId> {
        let broken = self.break_glass.iter();
        let broken = broken.flat_map(|broken| {
            std::iter::once(&broken.by).chain(broken.reviewed.iter().map(|word| &word.by))
        });
        let signed = self.seats.iter().flat_map(|seat| &seat.signed);
        let voted = self.reviews.iter().map(|review| &review.by);
        self.asked_by.iter().chain(&self.written_by).chain(signed).chain(voted).chain(broken)
    }
}

/// What stands behind a spell. What was put back, or fell back, stands by the write that once was approved.
fn behind(account: &Account, spell: &Spell) -> Behind {
    let mut found = account.behind(spell.index);
    let earlier = match spell.how {
        How::PutBack => spell.request.and_then(|request| approved(account, request, spell.index)),
        _ => None,
    };
    if let Some(earlier) = earlier {
        let put_back = std::mem::replace(&mut found, account.behind(earlier));
        found.entries.extend(put_back.entries);
        found.faults.extend(put_back.faults);
    }
    found.entries.extend([spell.settled].into_iter().chain(spell.turned));
    found.entries.sort_unstable();
    found.entries.dedup();
    found
}

/// The entry that announced the last write of a request before another entry.
fn approved(account: &Account, request: RequestId, before: u64) -> Option<u64> {
    let earlier = account.entries().iter().take_while(|told| told.index < before);
    let of_request = earlier.filter(|told| match &told.entry {
        Entry::Intent(intent) => intent.request == Some(request),
        _ => false,
    });
    of_request.last().map(|told| told.index)
}

fn says(spell: &Spell, behind: &Behind) -> String {
    let signed = behind.reviews.iter().filter(|review| review.counts).count();
    let by = match spell.how {
        How::Signed if signed == 1 => "one person signed it".to_owned(),
        How::Signed if signed > 1 => format!("{signed} people signed it"),
        How::Signed => "seats were asked for, and waived".to_owned(),
        How::Unasked => "its gate asked nobody".to_owned(),
        How::BreakGlass => "the glass was broken: its gates did not let it through".to_owned(),
        How::Fallback => "an approval had ended, and the policy names this version".to_owned(),
        How::PutBack => "a move without a permit was undone".to_owned(),
        How::Bypassed => "it got there round Countersign, without a permit: nobody approved it".to_owned(),
    };
    let since = |what: &str| format!("{what} (it came by: {by})");
    match spell.standing {
        Standing::Expired => since("the approval behind it had run out"),
        Standing::TakenBack => since("the approval behind it was suspended or revoked"),
        _ => by,
    }
}

/// What an empty answer does not mean.
fn notes(
    account: &Account,
    spells: &[Spell],
    name: Option<&Name>,
    at: Option<Millis>,
    empty: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    let what = name.map_or_else(|| "a governed name".to_owned(), Name::words);
    let model = &account.model;
    let first = spells
        .iter()
        .filter(|spell| name.is_none_or(|name| spell.name.is(name)))
        .map(|spell| spell.from)
        .min();
    match (first, at) {
        (None, _) => notes.push(format!(
            "The ledger tells of no move of {what} of {model}: either nothing was promoted under it, or no gate guards it."
        )),
        (Some(first), Some(at)) if at < first => notes.push(format!(
            "The first move of {what} of {model} that the ledger tells of is of {first}: what it held before then is not known."
        )),
        (Some(_), Some(at)) if empty => notes.push(format!("At {at} {what} of {model} held nothing.")),
        _ => {}
    }
    let renamed = account.entries().iter().find_map(|told| match &told.entry {
        Entry::Intent(intent) => match &intent.placed.action {
            crate::action::Action::RenameModel { model: old, new_name } if new_name == model => {
                Some((told.index, old))
            }
            _ => None,
        },
        _ => None,
    });
    if let Some((index, old)) = renamed {
        notes.push(format!(
            "Entry {index} renamed the model from {old}: what it held before is under that name."
        ));
    }
    notes
}

//! `policy.tests.toml`: `[defaults]` and `[[case]]`.
//!
//! A key of a case wins over the same key of the defaults; facts are merged one by one.

mod facts;
mod said;

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::DeValue;

use super::fault::{Faults, PolicyError};
use super::people::moment;
use super::table::Table;
use super::{choices, document, unique};
use crate::names::PersonId;
use crate::policy::Policy;
use crate::policy::cases::{Expected, PolicyCase};
use crate::redecide::Answer;
use crate::review::Authors;
use crate::target::Target;
use crate::time::Millis;

const KEYS: &[&str] = &[
    "action",
    "at",
    "requester",
    "creator",
    "run_author",
    "last_writer",
    "facts",
    "snapshot",
    "checks",
    "rules",
    "reviews",
    "waivers",
    "break_glass",
    "open_threads",
    "groups",
    "machines",
    "judged_before",
];
const OF_A_CASE: &[&str] = &["name", "expect"];
const EXPECTED: &[&str] = &["decision", "tier", "needs", "violations", "seats", "gates", "monitored"];

/// When a case takes place that does not say: delegations and dates of the policy are held against it.
const SOME_DAY: Millis = Millis::new(1_767_225_600_000);

pub(in crate::policy) fn cases(
    policy: &Policy,
    file: &str,
    text: &str,
) -> Result<Vec<PolicyCase>, PolicyError> {
    let faults = Faults::new(file, text);
    let document = document(text, &faults)?;
    let root = Table::new(&faults, document.get_ref(), document.span(), "the cases".to_owned());
    root.only(&["defaults", "case"]);
    let defaults = root.table("defaults", "`[defaults]`");
    if let Some(defaults) = &defaults {
        defaults.only(KEYS);
    }
    let tables = root.tables("case", "a case");
    let names = tables.iter().filter_map(|table| table.text("name"));
    unique("case", names.map(|name| (name.value.to_owned(), name.start())), &faults);
    if tables.is_empty() {
        let text = "there is no case: add `[[case]]` with `name`, `action` and `[case.expect] decision = …`";
        faults.add(0, text.to_owned());
    }
    let read: Vec<PolicyCase> =
        tables.into_iter().filter_map(|table| case(policy, file, table, defaults.as_ref())).collect();
    faults.none_so_far()?;
    Ok(read)
}

/// A case on top of the defaults.
pub(super) struct Layers<'a, 't> {
    case: &'a Table<'t>,
    defaults: Option<&'a Table<'t>>,
}

impl<'a, 't> Layers<'a, 't> {
    /// The table that has the key: the case's own, else the defaults.
    fn having(&self, key: &str) -> &'a Table<'t> {
        let defaults = self.defaults.filter(|defaults| defaults.get(key).is_some());
        if self.case.get(key).is_some() { self.case } else { defaults.unwrap_or(self.case) }
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.having(key).get(key)
    }

    fn text(&self, key: &str) -> Option<&'t str> {
        self.having(key).text(key).map(|text| text.value)
    }

    fn person(&self, key: &str) -> Option<PersonId> {
        self.text(key).filter(|name| !name.is_empty()).map(PersonId::new)
    }

    fn people(&self, key: &str) -> BTreeSet<PersonId> {
        self.having(key).texts(key).into_iter().map(|name| PersonId::new(name.value)).collect()
    }

    fn table(&self, key: &str, what: &str) -> Option<Table<'t>> {
        self.having(key).table(key, what)
    }

    fn tables(&self, key: &str, what: &str) -> Vec<Table<'t>> {
        self.having(key).tables(key, what)
    }

    fn moment(&self, key: &str) -> Option<Millis> {
        self.get(key)?;
        moment(self.having(key), key, "\"2026-12-01\"").map(|at| at.value)
    }
}

fn case(policy: &Policy, file: &str, table: Table<'_>, defaults: Option<&Table<'_>>) -> Option<PolicyCase> {
    let name = table.required("name", "\"what must come out\"");
    let what = name.as_ref().map_or_else(|| "a case".to_owned(), |name| format!("case `{}`", name.value));
    let table = table.called(what);
    table.only(&[OF_A_CASE, KEYS].concat());
    let line = table.faults.line(table.start());
    let layers = Layers { case: &table, defaults };
    if layers.get("action").is_none() {
        table.missing("action", "\"alias=champion\"");
    }
    let target = layers.having("action").parsed::<Target>("action");
    let judged_before = said::tier(&layers, policy);
    let expect = expected(&table, policy);
    let read = PolicyCase {
        name: name.as_ref().map(|name| name.value.to_owned()).unwrap_or_default(),
        file: file.to_owned(),
        line,
        facts: facts::read(&layers),
        snapshot: layers.text("snapshot").map(str::to_owned),
        at: layers.moment("at").unwrap_or(SOME_DAY),
        authors: authors(&layers),
        checks: said::checks(&layers, policy),
        rules: said::rules(&layers, policy),
        reviews: said::reviews(&layers, policy),
        waivers: said::waivers(&layers, policy),
        break_glass: layers.person("break_glass"),
        open_threads: whole(layers.having("open_threads"), "open_threads").unwrap_or(0),
        groups: said::groups(&layers),
        machines: layers.people("machines"),
        judged_before,
        target: target?.value,
        expect: expect?,
    };
    name.map(|_| read)
}

/// Whoever asked also registered the version, unless the case says otherwise. An empty name: nobody recorded it.
fn authors(layers: &Layers<'_, '_>) -> Authors {
    let somebody = || Some(PersonId::new("requester"));
    let requester = if layers.get("requester").is_some() { layers.person("requester") } else { somebody() };
    let creator = if layers.get("creator").is_some() { layers.person("creator") } else { requester.clone() };
    Authors {
        requester,
        creator,
        run_author: layers.person("run_author"),
        last_writer: layers.person("last_writer"),
        ..Authors::default()
    }
}

fn expected(case: &Table<'_>, policy: &Policy) -> Option<Expected> {
    let Some(value) = case.get("expect") else {
        let text = "says nothing that is expected: add `[case.expect]` with `decision`";
        case.fault(case.start(), format!("a case {text}: {}", choices(Answer::ALL)));
        return None;
    };
    let table = case.as_table("expect", value, "`expect`")?;
    table.only(EXPECTED);
    if table.get("decision").is_none() {
        table.missing("decision", "\"hold\"");
    }
    let decision = table.one_of("decision", &Answer::ALL, |word| word);
    let texts = |key: &str| {
        table.get(key).map(|_| table.texts(key).iter().map(|text| text.value.to_owned()).collect())
    };
    let tier = table.text("tier");
    if let Some(tier) = tier.as_ref().filter(|tier| !is_tier(policy, tier.value)) {
        let names = policy.tiers().iter().map(|rule| rule.name.as_str()).chain(["none", "unknown"]);
        table.fault(tier.start(), format!("there is no tier `{}`: {}", tier.value, choices(names)));
    }
    Some(Expected {
        decision: decision?.to_owned(),
        tier: tier.map(|tier| tier.value.to_owned()),
        needs: texts("needs"),
        violations: texts("violations"),
        seats: table.table("seats", "`seats`").map(|seats| said::quorums(&seats, policy)),
        gates: texts("gates"),
        monitored: table
            .one_of("monitored", &["allow", "hold", "deny", "none"], |word| word)
            .map(str::to_owned),
    })
}

fn is_tier(policy: &Policy, name: &str) -> bool {
    matches!(name, "none" | "unknown") || policy.tiers().iter().any(|rule| rule.name.as_str() == name)
}

/// A whole number from 0.
fn whole(table: &Table<'_>, key: &str) -> Option<u32> {
    number(table, key, table.get(key)?)
}

fn number(table: &Table<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<u32> {
    let found = value.get_ref().as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
    if found.is_none() {
        table.wrong(key, value, "a whole number from 0");
    }
    found
}

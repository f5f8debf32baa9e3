//! `[[gate]]`.

mod approvals;
mod changes;
mod expiry;

pub(super) use self::approvals::span;
use super::plugins::{name, on_failure};
use super::table::{At, Table};
use super::{alias_pattern, choices, json, known_or_new, model_pattern, unique};
use crate::names::{GateName, Pattern, PluginName, Stage};
use crate::policy::gate::{Check, Gate, Guard, Mode, OnApproval, OnBypass, Rule, UnknownAuthor};
use crate::policy::seat::SeatHolders;

const KEYS: &[&str] = &[
    "name",
    "mode",
    "models",
    "guards",
    "check",
    "rule",
    "approvals",
    "changes",
    "artifact_window",
    "on_approval",
    "on_bypass",
    "on_expiry",
    "unknown_author",
    "unknown_run_author",
    "expires",
];

/// What gates refer to.
struct Known<'k> {
    plugins: Vec<&'k str>,
    seats: &'k [SeatHolders],
    tiers: Vec<&'k str>,
}

pub(super) fn read(root: &Table<'_>, seats: &[SeatHolders]) -> Vec<Gate> {
    // Names as written, so that a plugin or tier with a fault of its own is not also reported as unknown.
    let written = |section: &str| -> Vec<String> {
        let tables = root.tables(section, section);
        tables.iter().filter_map(|table| table.text("name")).map(|name| name.value.to_owned()).collect()
    };
    let (plugin_names, tier_names) = (written("plugin"), written("tier"));
    let known = Known {
        plugins: plugin_names.iter().map(String::as_str).collect(),
        seats,
        tiers: tier_names.iter().map(String::as_str).collect(),
    };
    let tables = root.tables("gate", "gate");
    let names = tables.iter().filter_map(|table| table.text("name"));
    unique("gate", names.map(|name| (name.value.to_owned(), name.start())), root.faults);
    tables.into_iter().filter_map(|table| gate(table, &known)).collect()
}

fn gate(table: Table<'_>, known: &Known<'_>) -> Option<Gate> {
    let name = name(&table, "\"production\"");
    let what = name.as_ref().map_or_else(|| "a gate".to_owned(), |name| format!("gate `{name}`"));
    let table = table.called(what);
    table.only(KEYS);
    if table.get("mode").is_none() {
        table.missing("mode", "\"enforce\"");
    }
    let mode = table.one_of("mode", &Mode::ALL, Mode::as_str);
    let models = models(&table);
    let guards = guards(&table);
    let checks =
        table.tables("check", "a check").iter().filter_map(|check| self::check(check, known)).collect();
    let rules = table.tables("rule", "a rule").iter().filter_map(|rule| self::rule(rule, known)).collect();
    let approvals = approvals::read(&table, known);
    let on_approval = table.one_of("on_approval", &OnApproval::ALL, OnApproval::as_str).unwrap_or_default();
    let on_bypass = table.one_of("on_bypass", &OnBypass::ALL, OnBypass::as_str).unwrap_or_default();
    let on_expiry = expiry::read(&table);
    let changes = changes::read(&table);
    let artifact_window = span(&table, "artifact_window");
    let unknown = |key| table.one_of(key, &UnknownAuthor::ALL, UnknownAuthor::as_str).unwrap_or_default();
    let (unknown_author, unknown_run_author) = (unknown("unknown_author"), unknown("unknown_run_author"));
    let expires = span(&table, "expires");
    let name = GateName::new(name?);
    Some(Gate {
        name,
        mode: mode?,
        models,
        guards,
        checks,
        rules,
        approvals,
        on_approval,
        on_bypass,
        on_expiry,
        changes,
        artifact_window,
        unknown_author,
        unknown_run_author,
        expires,
    })
}

fn models(table: &Table<'_>) -> Vec<Pattern> {
    let texts = table.texts("models");
    if texts.is_empty() {
        table.missing_or_empty("models", "[\"*\"]");
    }
    texts.iter().filter_map(|text| pattern(table, text, model_pattern)).collect()
}

fn pattern(
    table: &Table<'_>,
    text: &At<&str>,
    parse: impl Fn(&str) -> Result<Pattern, String>,
) -> Option<Pattern> {
    parse(text.value).map_err(|message| table.fault(text.start(), message)).ok()
}

fn guards(table: &Table<'_>) -> Vec<Guard> {
    let tables = table.tables("guards", "a guard");
    if tables.is_empty() {
        table.missing_or_empty("guards", "[{ alias = \"champion\" }]");
    }
    tables.iter().filter_map(guard).collect()
}

fn guard(table: &Table<'_>) -> Option<Guard> {
    const KEYS: &[&str] = &["alias", "stage", "register_into"];
    table.only(KEYS);
    if table.entries().len() != 1 {
        let listed = choices(KEYS.iter().copied());
        table.fault(
            table.start(),
            format!("a guard has exactly one key: {listed}, and write one table per guard"),
        );
        return None;
    }
    let text = |key| table.text(key);
    if let Some(text) = text("alias") {
        return pattern(table, &text, alias_pattern).map(Guard::Alias);
    }
    if let Some(text) = text("register_into") {
        return pattern(table, &text, model_pattern).map(Guard::RegisterInto);
    }
    stage(table, &text("stage")?).map(Guard::Stage)
}

/// A gate guards the way into a stage. Leaving a guarded one is governed with it, and `None` and `Archived` are
/// where versions lie that nobody serves.
fn stage(table: &Table<'_>, text: &At<&str>) -> Option<Stage> {
    let stage = Stage::parse(text.value).filter(|stage| matches!(stage, Stage::Staging | Stage::Production));
    if stage.is_none() {
        let listed = choices(["Staging", "Production"]);
        table.fault(text.start(), format!("`{}` is no stage that a gate can guard: {listed}", text.value));
    }
    stage
}

fn check(table: &Table<'_>, known: &Known<'_>) -> Option<Check> {
    table.only(&["plugin", "required", "config", "on_failure"]);
    let plugin = plugin(table, known);
    let required = table.boolean("required").unwrap_or(true);
    let config = json::object(table, "config");
    let on_failure = on_failure(table);
    Some(Check { plugin: plugin?, required, config, on_failure })
}

fn rule(table: &Table<'_>, known: &Known<'_>) -> Option<Rule> {
    table.only(&["plugin", "config"]);
    let plugin = plugin(table, known);
    let config = json::object(table, "config");
    Some(Rule { plugin: plugin?, config })
}

fn plugin(table: &Table<'_>, known: &Known<'_>) -> Option<PluginName> {
    let name = table.required("plugin", "\"NAME\"")?;
    if !known.plugins.contains(&name.value) {
        let todo = known_or_new(known.plugins.iter().copied(), "plugin");
        table.fault(name.start(), format!("there is no plugin `{}`: {todo}", name.value));
        return None;
    }
    Some(PluginName::new(name.value))
}

//! `[[plugin]]`.

use std::collections::BTreeSet;

use super::table::{At, Table};
use super::{choices, json, unique};
use crate::check::FailureClass;
use crate::digest::Digest;
use crate::names::PluginName;
use crate::policy::plugin::{FailurePolicy, Grant, OnFailure, Plugin, Source};

const KEYS: &[&str] = &["name", "source", "digest", "grants", "limits", "on_failure"];

pub(super) fn read(root: &Table<'_>) -> Vec<Plugin> {
    let tables = root.tables("plugin", "plugin");
    let names = tables.iter().filter_map(|table| table.text("name"));
    unique("plugin", names.map(|name| (name.value.to_owned(), name.start())), root.faults);
    tables.into_iter().filter_map(plugin).collect()
}

fn plugin(table: Table<'_>) -> Option<Plugin> {
    let name = name(&table, "\"metric-threshold\"");
    let what = name.as_ref().map_or_else(|| "a plugin".to_owned(), |name| format!("plugin `{name}`"));
    let table = table.called(what);
    table.only(KEYS);
    let source = source(&table);
    let digest = digest(&table, source.as_ref());
    let grants = grants(&table);
    let limits = table.get("limits").map(|_| json::object(&table, "limits"));
    let on_failure = on_failure(&table);
    Some(Plugin {
        name: PluginName::new(name?),
        source: source?,
        digest: digest?,
        grants,
        limits,
        on_failure,
    })
}

/// Names end up in paths, tags and ledger entries, so they are kept plain.
pub(super) fn name(table: &Table<'_>, example: &str) -> Option<String> {
    let name = table.required("name", example)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.value.is_empty() || name.value.len() > 64 || !name.value.chars().all(plain) {
        let text = "is no name: use 1 to 64 ASCII letters, digits, `-`, `_` and `.`";
        table.fault(name.start(), format!("`{}` {text}", name.value));
        return None;
    }
    Some(name.value.to_owned())
}

fn source(table: &Table<'_>) -> Option<Source> {
    let text = table.required("source", "\"file:PATH\"")?;
    let source = Source::parse(text.value);
    if source.is_none() {
        let text = format!(
            "`{}` is no source: write `file:PATH`, `https://…` or `oci:REGISTRY/REPOSITORY:TAG`",
            text.value
        );
        table.fault(table.text("source").map_or(0, |at| at.start()), text);
    }
    source
}

fn digest(table: &Table<'_>, source: Option<&Source>) -> Option<Digest> {
    if table.get("digest").is_none() {
        let source = source.map_or_else(|| "SOURCE".to_owned(), ToString::to_string);
        let hint = format!("\"sha256:…\"`; the line to paste is printed by `countersign plugin pin {source}");
        table.missing("digest", &hint);
    }
    table.parsed::<Digest>("digest").map(|at| at.value)
}

fn grants(table: &Table<'_>) -> BTreeSet<Grant> {
    let grants = table.texts("grants");
    grants.iter().filter_map(|text| table.pick("grant", text, &Grant::ALL, Grant::as_str)).collect()
}

/// The table `on_failure`: class of failure to `deny` or `hold`.
pub(super) fn on_failure(table: &Table<'_>) -> FailurePolicy {
    let Some(classes) = table.table("on_failure", "`on_failure`") else { return FailurePolicy::default() };
    let entries = classes.entries();
    let by_class = entries.into_iter().filter_map(|(key, value)| {
        let text = classes.as_text(key.value, value);
        let class = class(&classes, &key)?;
        Some((class, classes.pick(key.value, &text?, &OnFailure::ALL, OnFailure::as_str)?))
    });
    FailurePolicy::new(by_class.collect())
}

fn class(table: &Table<'_>, key: &At<&str>) -> Option<FailureClass> {
    let class = FailureClass::ALL.into_iter().find(|class| class.as_str() == key.value);
    if class.is_none() {
        let listed = choices(FailureClass::ALL.into_iter().map(FailureClass::as_str));
        table.fault(key.start(), format!("`{}` is no class of failure: {listed}", key.value));
    }
    class
}

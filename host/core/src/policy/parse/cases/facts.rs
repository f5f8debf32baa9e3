//! `facts` of a case: what its version has.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::{Layers, number};
use crate::names::{ModelName, Stage, Version, Workspace};
use crate::policy::cases::GivenFacts;
use crate::policy::parse::choices;
use crate::policy::parse::table::Table;

const KEYS: &[&str] = &[
    "workspace",
    "model",
    "version",
    "tags",
    "model_tags",
    "params",
    "metrics",
    "run_tags",
    "run_user",
    "description",
    "model_description",
    "stage",
    "status",
    "source",
    "aliases",
    "stages",
    "missing",
];

/// The facts of the case on top of those of the defaults.
pub(super) fn read(layers: &Layers<'_, '_>) -> GivenFacts {
    let of = |table: &Table<'_>| table.table("facts", "`facts`").map(|facts| given(&facts));
    let over = layers.defaults.and_then(of).unwrap_or_default();
    match of(layers.case) {
        Some(own) => merged(own, over),
        None => over,
    }
}

fn given(table: &Table<'_>) -> GivenFacts {
    table.only(KEYS);
    let text = |key: &str| table.text(key).map(|text| text.value.to_owned());
    let version = table.get("version").and_then(|value| version(table, "version", value));
    GivenFacts {
        workspace: text("workspace").map(Workspace::new),
        model: text("model").map(ModelName::new),
        version,
        tags: map(table, "tags", words),
        model_tags: map(table, "model_tags", words),
        params: map(table, "params", words),
        metrics: map(table, "metrics", words),
        run_tags: map(table, "run_tags", words),
        run_user: text("run_user"),
        description: text("description"),
        model_description: text("model_description"),
        stage: stage(table),
        status: text("status"),
        source: text("source"),
        aliases: map(table, "aliases", self::version),
        stages: map(table, "stages", self::version),
        missing: table.texts("missing").iter().map(|fact| fact.value.to_owned()).collect(),
    }
}

fn merged(own: GivenFacts, over: GivenFacts) -> GivenFacts {
    fn both<V>(own: BTreeMap<String, V>, over: BTreeMap<String, V>) -> BTreeMap<String, V> {
        over.into_iter().chain(own).collect()
    }
    GivenFacts {
        workspace: own.workspace.or(over.workspace),
        model: own.model.or(over.model),
        version: own.version.or(over.version),
        tags: both(own.tags, over.tags),
        model_tags: both(own.model_tags, over.model_tags),
        params: both(own.params, over.params),
        metrics: both(own.metrics, over.metrics),
        run_tags: both(own.run_tags, over.run_tags),
        run_user: own.run_user.or(over.run_user),
        description: own.description.or(over.description),
        model_description: own.model_description.or(over.model_description),
        stage: own.stage.or(over.stage),
        status: own.status.or(over.status),
        source: own.source.or(over.source),
        aliases: both(own.aliases, over.aliases),
        stages: both(own.stages, over.stages),
        missing: over.missing.into_iter().chain(own.missing).collect(),
    }
}

fn map<V>(
    table: &Table<'_>,
    key: &str,
    read: fn(&Table<'_>, &str, &Spanned<DeValue<'_>>) -> Option<V>,
) -> BTreeMap<String, V> {
    let Some(inner) = table.table(key, &format!("`{key}`")) else { return BTreeMap::new() };
    let entries = inner.entries();
    let read = |name: &str, value| Some((name.to_owned(), read(&inner, name, value)?));
    entries.into_iter().filter_map(|(name, value)| read(name.value, value)).collect()
}

/// A text; numbers are kept as they are written, as MLflow keeps them.
fn words(table: &Table<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(is) => Some(is.to_string()),
        _ => {
            table.wrong(key, value, "a text or a number");
            None
        }
    }
}

fn version(table: &Table<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Version> {
    let written = value.get_ref().as_str().and_then(Version::parse);
    let found = written.or_else(|| number(table, key, value).filter(|number| *number > 0).map(Version::new));
    if found.is_none() && value.get_ref().is_integer() {
        table.fault(value.span().start, format!("`{key}` is no version: write a whole number from 1"));
    }
    found
}

fn stage(table: &Table<'_>) -> Option<Stage> {
    let text = table.text("stage")?;
    let stage = Stage::parse(text.value);
    if stage.is_none() {
        let listed = choices(["None", "Staging", "Production", "Archived"]);
        table.fault(text.start(), format!("`{}` is no stage: {listed}", text.value));
    }
    stage
}

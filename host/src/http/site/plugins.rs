//! The plugin catalogue: every plugin of the policy in force, and each on a page of its own.

use axum::extract::{Form, Path, Query};
use axum::response::Response;
use countersign_core::check::{Conclusion, Severity};
use countersign_core::names::PluginName;
use countersign_core::policy::{Gate, Grant, Plugin};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::config_form::{Typed, config_of, fields, typed_of};
use super::policy::toml_of;
use super::{Trouble, Visitor, must_be_ours, page};
use crate::app::{AppError, Generation};
use crate::http::pages::parts::count;
use crate::http::pages::plugin::{ConfigField, PluginCost, PluginPage, PluginUse, Tried, UnstableNote};
use crate::http::pages::plugins::{PluginRow, PluginsPage};
use crate::http::pages::{Chip, Nav};

pub(super) async fn show(visitor: Visitor) -> Response {
    let generation = visitor.app().generation.load_full();
    let rows = generation.policy.plugins().iter().filter_map(|wanted| row(&generation, wanted));
    let shown = PluginsPage { chrome: visitor.chrome(Nav::Plugins), plugins: rows.collect() };
    page(StatusCode::OK, &shown)
}

#[derive(Debug, Deserialize)]
pub(super) struct Prefill {
    /// Whose configuration stands in the form; the first gate's without it.
    gate: Option<String>,
}

pub(super) async fn one(
    visitor: Visitor,
    Path(name): Path<String>,
    Query(prefill): Query<Prefill>,
) -> Result<Response, Trouble> {
    let generation = visitor.app().generation.load_full();
    let named = |gate: &&(String, bool, Value)| prefill.gate.as_ref().is_none_or(|wanted| *wanted == gate.0);
    let configs = uses(&generation, &PluginName::new(name.as_str()));
    let typed = configs.iter().find(named).map(|(_, _, config)| typed_of(config)).unwrap_or_default();
    let shown = build(&visitor, &generation, &name, |schema| (fields(schema, &typed), None));
    Ok(page(StatusCode::OK, &shown.map_err(|error| Trouble::new(&visitor, error))?))
}

/// Only looked at: the policy is a file, and stays as it is.
pub(super) async fn try_config(
    visitor: Visitor,
    Path(name): Path<String>,
    headers: HeaderMap,
    Form(typed): Form<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let trouble = |error: AppError| Trouble::new(&visitor, error);
    must_be_ours(&visitor, &headers).map_err(trouble)?;
    let generation = visitor.app().generation.load_full();
    let typed: Typed = typed.into_iter().collect();
    let plugin = PluginName::new(name.as_str());
    let schema = generation.plugins.get(&plugin).map(|plugin| plugin.manifest().config_schema.clone());
    let schema = schema.ok_or_else(|| trouble(unknown(&name)))?;
    let (config, mut wrong) = config_of(&schema, &typed);
    if wrong.is_empty() {
        wrong = visitor.app().try_config(&generation, &plugin, &config).await.map_err(trouble)?;
    }
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = build(&visitor, &generation, &name, |schema| {
        let (fields, rest) = with_errors(fields(schema, &typed), wrong.clone());
        let tried = if wrong.is_empty() {
            Tried::Good { toml: lines(&generation, &plugin, &config) }
        } else {
            Tried::Bad { errors: rest }
        };
        (fields, Some(tried))
    });
    Ok(page(status, &shown.map_err(trouble)?))
}

fn unknown(name: &str) -> AppError {
    AppError::NotFound(format!("the policy in force has no plugin `{name}`: see the list of plugins"))
}

/// Each error at its field; the rest belong to the whole.
fn with_errors(
    mut fields: Vec<ConfigField>,
    wrong: Vec<(String, String)>,
) -> (Vec<ConfigField>, Vec<String>) {
    let mut rest = Vec::new();
    for (pointer, message) in wrong {
        let name = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        match fields.iter_mut().find(|field| field.name == name) {
            // The schema's own words for "none of these ways" help nobody.
            Some(field) => match field.shape.clone().filter(|_| message.contains("'anyOf'")) {
                Some(shape) => field.error = Some(format!("This does not fit. Wanted: {shape}")),
                None => field.error = Some(message),
            },
            None => rest.push(message),
        }
    }
    (fields, rest)
}

fn lines(generation: &Generation, plugin: &PluginName, config: &Value) -> String {
    let kinds = generation.plugins.get(plugin).map(|plugin| plugin.manifest().kinds.clone());
    let is_check = kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == "check"));
    let (table, required) = if is_check { ("check", "  required = true\n") } else { ("rule", "") };
    format!("  [[gate.{table}]]\n  plugin = \"{plugin}\"\n{required}  config = {}\n", toml_of(config))
}

fn build(
    visitor: &Visitor,
    generation: &Generation,
    name: &str,
    form: impl FnOnce(&Value) -> (Vec<ConfigField>, Option<Tried>),
) -> Result<PluginPage, AppError> {
    let plugin = PluginName::new(name);
    let found = generation.policy.plugin(&plugin).and_then(|wanted| row(generation, wanted));
    let loaded = generation.plugins.get(&plugin);
    let (row, loaded) = found.zip(loaded).ok_or_else(|| unknown(name))?;
    let (fields, tried) = form(&loaded.manifest().config_schema);
    let uses = uses(generation, &plugin).into_iter();
    let uses = uses.map(|(gate, required, config)| PluginUse { gate, required, config: toml_of(&config) });
    let known = visitor.app().found_unstable(&plugin, loaded.digest())?;
    let unstable = known.map(|known| UnstableNote {
        by_itself: known.found.is_by_itself(),
        run: known.found.run,
        entry: known.entry,
        difference: known.found.difference,
        when: visitor.when(known.at),
    });
    Ok(PluginPage {
        chrome: visitor.chrome(Nav::Plugins),
        unstable,
        plugin: row,
        imports: loaded.imports().to_vec(),
        uses: uses.collect(),
        cost: cost(visitor, generation, &plugin).ok_or_else(|| unknown(name))?,
        fields,
        tried,
    })
}

/// Every place in the policy that configures it.
fn uses(generation: &Generation, plugin: &PluginName) -> Vec<(String, bool, Value)> {
    let of = |gate: &Gate| {
        let checks = gate.checks.iter().map(|check| (&check.plugin, check.required, &check.config));
        let rules = gate.rules.iter().map(|rule| (&rule.plugin, true, &rule.config));
        let ours = checks.chain(rules).filter(|(name, _, _)| *name == plugin);
        ours.map(|(_, required, config)| (gate.name.to_string(), required, config.clone()))
            .collect::<Vec<_>>()
    };
    generation.policy.gates().iter().flat_map(of).collect()
}

fn cost(visitor: &Visitor, generation: &Generation, plugin: &PluginName) -> Option<PluginCost> {
    let seen = generation.plugins.get(plugin)?.counters().snapshot();
    let word = |severity: &Severity, number: u64| {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        match severity {
            Severity::Error => count(number, "error", "errors"),
            Severity::Warning => count(number, "warning", "warnings"),
            Severity::Info => count(number, "note", "notes"),
        }
    };
    let happened = |(_, number): &&(Conclusion, u64)| *number > 0;
    let concluded = seen.conclusions.iter().filter(happened);
    let found = seen.findings.iter().filter(|(_, number)| *number > 0);
    let failed = seen.failures.iter().filter(|(_, number)| *number > 0);
    Some(PluginCost {
        since: visitor.when(generation.loaded_at),
        runs: seen.evaluations,
        p50: seen.p50_us.map(duration),
        p95: seen.p95_us.map(duration),
        cpu: duration(seen.cpu_us),
        host_calls: seen.host_calls,
        artifact_bytes: bytes(seen.artifact_bytes),
        conclusions: concluded.map(|(one, number)| (Chip::of_conclusion(*one), *number)).collect(),
        findings: found.map(|(severity, number)| word(severity, *number)).collect(),
        failures: failed.map(|(class, number)| (class.as_str(), *number)).collect(),
    })
}

/// Two digits are enough.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

fn row(generation: &Generation, wanted: &Plugin) -> Option<PluginRow> {
    let manifest = generation.plugins.get(&wanted.name)?.manifest();
    let asked = manifest.capabilities.iter().copied();
    let (granted, withheld): (Vec<_>, Vec<_>) =
        asked.partition(|capability| wanted.grants.contains(capability));
    let words = |list: Vec<Grant>| list.into_iter().map(|grant| grant.as_str().to_owned()).collect();
    let mut gates: Vec<String> = uses(generation, &wanted.name).into_iter().map(|(gate, ..)| gate).collect();
    gates.dedup();
    Some(PluginRow {
        name: wanted.name.to_string(),
        version: manifest.version.clone(),
        description: manifest.description.clone(),
        kinds: manifest.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        source: wanted.source.to_string(),
        digest: wanted.digest.to_string(),
        granted: words(granted),
        withheld: words(withheld),
        reads: manifest.reads.as_ref().map(|reads| reads.names().map(str::to_owned).collect()),
        gates,
        error: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_for_people() {
        assert_eq!([duration(7), duration(1_250), duration(81_000)], ["7 µs", "1.2 ms", "81 ms"]);
        assert_eq!(duration(2_340_000), "2.3 s");
        assert_eq!([bytes(9), bytes(2_050), bytes(5 << 20)], ["9 bytes", "2 KiB", "5 MiB"]);
    }
}

//! The facts as a condition sees them.
//!
//! What could not be established is not shown at all, so that a condition which asks for it cannot be told.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use cel::objects::Key;
use cel::{Context, Env, ExecutionError, Value};
use serde::Serialize;

use crate::action::Action;
use crate::facts::{Facts, Metric, MetricOrigin, Missing, Run, VersionFacts};

/// Entries of all maps and lists together.
const MAX_ENTRIES: usize = 10_000;

/// CEL's own functions and types. Declaring them takes longer than any condition.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Built once per subject; conditions of all tiers share it.
pub(super) struct View {
    variables: Result<Vec<(&'static str, Value)>, String>,
    missing: Vec<Missing>,
    entries: usize,
}

/// Which facts a field is made of; without one of them the field is not shown.
const SOURCES: &[(&str, &[&str])] = &[
    ("run", &["run"]),
    ("metrics", &["run", "logged-model", "metrics"]),
    ("tags", &["model"]),
    ("description", &["model"]),
    ("aliases", &["model"]),
];

#[derive(Serialize, Default)]
struct ModelView<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aliases: Option<Vec<&'a str>>,
}

#[derive(Serialize, Default)]
struct VersionView<'a> {
    number: i64,
    tags: BTreeMap<&'a str, &'a str>,
    description: &'a str,
    stage: &'a str,
    status: &'a str,
    source: &'a str,
    aliases: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<BTreeMap<&'a str, f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunView<'a>>,
}

/// Of a version without a run: empty throughout.
#[derive(Serialize, Default)]
struct RunView<'a> {
    id: &'a str,
    user: &'a str,
    status: &'a str,
    tags: BTreeMap<&'a str, &'a str>,
    params: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize, Default)]
struct ActionView<'a> {
    kind: &'a str,
    target: &'a str,
}

impl View {
    pub(super) fn new(facts: &Facts, action: &Action) -> Self {
        let entries = entries(facts);
        if entries > MAX_ENTRIES {
            let reason = format!(
                "the version has {entries} tags, parameters and metrics, more than the {MAX_ENTRIES} that a \
                 condition may look at"
            );
            return Self { variables: Err(reason), missing: Vec::new(), entries: 0 };
        }
        let action = ActionView { kind: action.kind(), target: action.target().unwrap_or_default() };
        let variables = variables(&model(facts), &version(&facts.version), &action);
        Self { variables, missing: facts.version.missing.clone(), entries }
    }

    /// Facts that say nothing, for rehearsals.
    pub(super) fn empty() -> Self {
        let version = VersionView {
            metrics: Some(BTreeMap::new()),
            run: Some(RunView::default()),
            ..Default::default()
        };
        let (tags, description) = (BTreeMap::new(), Some(""));
        let model = ModelView { name: "", description, tags: Some(&tags), aliases: Some(Vec::new()) };
        Self {
            variables: variables(&model, &version, &ActionView::default()),
            missing: Vec::new(),
            entries: 0,
        }
    }

    /// Tags, parameters and metrics in it.
    pub(super) const fn entries(&self) -> usize {
        self.entries
    }

    /// What an evaluation missed, where that is what went wrong.
    pub(super) fn why_missing(&self, error: &ExecutionError) -> Option<String> {
        let ExecutionError::NoSuchKey(key) = error else { return None };
        let sources = sources(key);
        let missing = self.missing.iter().find(|missing| sources.contains(&missing.fact.as_str()));
        Some(match missing {
            Some(Missing { fact, reason }) => format!("the {fact} could not be read: {reason}"),
            None => format!("there is no `{key}`; where it may be absent, ask first with `'{key}' in …`"),
        })
    }

    /// One fact as JSON; `None`: it is not there, or was not read.
    pub(super) fn fact(&self, path: &[String]) -> Option<String> {
        let (root, members) = path.split_first()?;
        let variables = self.variables.as_ref().ok()?;
        let mut value = &variables.iter().find(|(name, _)| name == root)?.1;
        for member in members {
            let Value::Map(map) = value else { return None };
            value = map.map.get(&Key::from(member.as_str()))?;
        }
        Some(value.json().ok()?.to_string())
    }

    /// # Errors
    /// When there is more than a condition may look at.
    pub(super) fn context(&self) -> Result<Context<'static, 'static>, String> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (name, value) in self.variables.as_ref().map_err(Clone::clone)? {
            context.add_variable_from_value(*name, value.clone());
        }
        Ok(context)
    }
}

fn variables(
    model: &ModelView<'_>,
    version: &VersionView<'_>,
    action: &ActionView<'_>,
) -> Result<Vec<(&'static str, Value)>, String> {
    let value = |value: Result<Value, cel::SerializationError>| value.map_err(|error| error.to_string());
    Ok(vec![
        ("model", value(cel::to_value(model))?),
        ("version", value(cel::to_value(version))?),
        ("action", value(cel::to_value(action))?),
    ])
}

fn model(facts: &Facts) -> ModelView<'_> {
    let name = facts.version.subject.model.as_str();
    if is_missing(&facts.version, "tags") {
        return ModelView { name, ..ModelView::default() };
    }
    ModelView {
        name,
        description: Some(facts.model.description.as_deref().unwrap_or_default()),
        tags: Some(&facts.model.tags),
        aliases: Some(facts.model.aliases.keys().map(String::as_str).collect()),
    }
}

fn version(facts: &VersionFacts) -> VersionView<'_> {
    let known = |field: &str| !is_missing(facts, field);
    VersionView {
        number: i64::from(facts.subject.version.get()),
        tags: texts(&facts.tags),
        description: facts.description.as_deref().unwrap_or_default(),
        stage: facts.stage.as_str(),
        status: &facts.status,
        source: &facts.subject.source,
        aliases: facts.aliases.iter().map(String::as_str).collect(),
        metrics: known("metrics").then(|| metrics(&facts.metrics)),
        run: known("run").then(|| facts.run.as_ref().map(run).unwrap_or_default()),
    }
}

fn run(run: &Run) -> RunView<'_> {
    RunView {
        id: &run.id,
        user: run.user.as_deref().unwrap_or_default(),
        status: &run.status,
        tags: texts(&run.tags),
        params: texts(&run.params),
    }
}

fn texts(map: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// One value per name: the logged model's own before the run's, then the latest by time and step.
fn metrics(all: &[Metric]) -> BTreeMap<&str, f64> {
    let rank = |metric: &Metric| (metric.origin == MetricOrigin::LoggedModel, metric.timestamp, metric.step);
    let mut sorted: Vec<&Metric> = all.iter().collect();
    sorted.sort_by_key(|metric| rank(metric));
    sorted.into_iter().filter_map(|m| Some((m.name.as_str(), m.value.parse().ok()?))).collect()
}

fn sources(field: &str) -> &'static [&'static str] {
    SOURCES.iter().find(|(name, _)| *name == field).map_or(&[], |(_, facts)| facts)
}

fn is_missing(facts: &VersionFacts, field: &str) -> bool {
    facts.missing.iter().any(|missing| sources(field).contains(&missing.fact.as_str()))
}

fn entries(facts: &Facts) -> usize {
    let run = facts.version.run.as_ref().map_or(0, |run| run.params.len() + run.tags.len());
    let version = facts.version.tags.len() + facts.version.aliases.len() + facts.version.metrics.len();
    run + version + facts.model.tags.len() + facts.model.aliases.len()
}

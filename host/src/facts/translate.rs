//! From MLflow's records to facts.

use std::collections::BTreeMap;

use countersign_core::facts::{Dataset, LoggedModel, Metric, MetricOrigin, ModelFacts, Run};
use countersign_core::names::{Stage, Version};
use countersign_core::time::Millis;

use crate::mlflow::types;

pub(super) fn pairs(list: &[types::KeyValue]) -> BTreeMap<String, String> {
    list.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

/// MLflow leaves empty fields out, so an empty text says as much as none.
pub(super) fn text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

pub(super) fn model(model: &types::RegisteredModel) -> ModelFacts {
    let alias = |alias: &types::Alias| Some((alias.alias.clone(), Version::parse(&alias.version)?));
    ModelFacts {
        description: text(&model.description),
        tags: pairs(&model.tags),
        aliases: model.aliases.iter().filter_map(alias).collect(),
        stages: model.latest_versions.iter().filter_map(staged).collect(),
    }
}

/// What MLflow lists under `None` is in no stage.
fn staged(version: &types::ModelVersion) -> Option<(String, Version)> {
    let stage = Stage::parse(&version.current_stage).filter(|stage| *stage != Stage::None)?;
    Some((stage.as_str().to_owned(), Version::parse(&version.version)?))
}

pub(super) fn run(run: &types::Run) -> Run {
    let tags = pairs(&run.data.tags);
    Run {
        id: run.info.run_id.clone(),
        user: text(&run.info.user_id).or_else(|| tags.get("mlflow.user").cloned()),
        status: run.info.status.clone(),
        params: pairs(&run.data.params),
        tags,
        datasets: run.inputs.dataset_inputs.iter().map(dataset).collect(),
    }
}

fn dataset(input: &types::DatasetInput) -> Dataset {
    Dataset {
        name: input.dataset.name.clone(),
        digest: input.dataset.digest.clone(),
        source_type: input.dataset.source_type.clone(),
        source: input.dataset.source.clone(),
        context: pairs(&input.tags).remove("mlflow.data.context"),
    }
}

pub(super) fn logged_model(model: &types::LoggedModel) -> LoggedModel {
    LoggedModel {
        id: model.info.model_id.clone(),
        status: model.info.status.clone(),
        params: pairs(&model.data.params),
        tags: pairs(&model.info.tags),
    }
}

/// The metrics of both, sorted.
pub(super) fn metrics(run: Option<&types::Run>, logged: Option<&types::LoggedModel>) -> Vec<Metric> {
    let of_run = run.map_or(&[][..], |run| &run.data.metrics);
    let of_logged = logged.map_or(&[][..], |model| &model.data.metrics);
    let mut all: Vec<Metric> = of_run.iter().map(|m| metric(m, MetricOrigin::Run)).collect();
    all.extend(of_logged.iter().map(|m| corrected(metric(m, MetricOrigin::LoggedModel), of_run)));
    all.sort_by(|a, b| {
        let key = |m: &Metric| (m.name.clone(), m.origin, m.dataset_name.clone(), m.dataset_digest.clone());
        key(a).cmp(&key(b)).then((a.step, a.timestamp).cmp(&(b.step, b.timestamp)))
    });
    all
}

/// MLflow's logged models forget that a metric was not a number and show it as zero. The run still knows.
fn corrected(metric: Metric, of_run: &[types::Metric]) -> Metric {
    let same = |other: &&types::Metric| {
        (other.key.as_str(), other.step, other.timestamp)
            == (metric.name.as_str(), metric.step, metric.timestamp.get())
    };
    match of_run.iter().find(same) {
        Some(other) if other.value == "NaN" => Metric { value: other.value.clone(), ..metric },
        _ => metric,
    }
}

pub(super) fn metric(metric: &types::Metric, origin: MetricOrigin) -> Metric {
    Metric {
        name: metric.key.clone(),
        value: metric.value.clone(),
        step: metric.step,
        timestamp: Millis::new(metric.timestamp),
        origin,
        dataset_name: text(&metric.dataset_name),
        dataset_digest: text(&metric.dataset_digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric_json(value: &str, timestamp: i64) -> types::Metric {
        let json = format!(r#"{{"key":"auc","value":{value},"timestamp":{timestamp}}}"#);
        serde_json::from_str(&json).unwrap()
    }

    fn check(of_run: &str, of_logged: &str, expect: [&str; 2]) {
        let run = serde_json::json!({"info": {"run_id": "r"}});
        let mut run: types::Run = serde_json::from_value(run).unwrap();
        run.data.metrics.push(metric_json(of_run, 7));
        let logged = serde_json::json!({"info": {"model_id": "m"}});
        let mut logged: types::LoggedModel = serde_json::from_value(logged).unwrap();
        logged.data.metrics.push(metric_json(of_logged, 7));
        let values: Vec<String> = metrics(Some(&run), Some(&logged)).into_iter().map(|m| m.value).collect();
        assert_eq!(values, expect, "{of_run} {of_logged}");
    }

    #[test]
    fn a_metric_that_is_not_a_number_is_not_zero() {
        check("\"NaN\"", "0.0", ["NaN", "NaN"]);
        check("0.5", "0.5", ["0.5", "0.5"]);
        check("0.5", "0.0", ["0.5", "0.0"]);
    }
}

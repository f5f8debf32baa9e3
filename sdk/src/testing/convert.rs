//! From the data of a case to the records of the interface.

use std::collections::BTreeMap;

use crate::types::{
    Action, Conclusion, Dataset, File, KeyValue, LoggedModel, Metric, MetricOrigin, MissingFact,
    ModelVersion, Run, Subject,
};
use crate::{CheckRun, Review, Vote, case};

pub(super) fn version(v: &case::Version) -> ModelVersion {
    ModelVersion {
        subject: Subject {
            workspace: v.workspace.clone().unwrap_or_else(|| "default".to_owned()),
            model: v.model.clone(),
            version: v.version.clone(),
            created_ms: v.created_ms,
            source: v.source.clone(),
            manifest_digest: v.manifest_digest.clone(),
            extensions: Vec::new(),
        },
        description: v.description.clone(),
        stage: v.stage.clone().unwrap_or_else(|| "None".to_owned()),
        status: v.status.clone().unwrap_or_else(|| "READY".to_owned()),
        tags: pairs(&v.tags),
        aliases: v.aliases.clone(),
        run: v.run.as_ref().map(run),
        logged_model: v.logged_model.as_ref().map(logged_model),
        metrics: v.metrics.iter().map(metric).collect(),
        files: v.files.iter().map(file).collect(),
        mlmodel: v.mlmodel.clone(),
        missing: v.missing.iter().map(missing).collect(),
        extensions: v.extensions.iter().map(|(name, json)| (name.clone(), json.to_string())).collect(),
    }
}

pub(super) fn action(a: &case::Action) -> Action {
    Action { kind: a.kind.clone(), target: a.target.clone(), extensions: Vec::new() }
}

pub(super) fn rule_checks(runs: &[case::CheckRun]) -> Result<Vec<CheckRun>, String> {
    let convert = |run: &case::CheckRun| {
        Ok(CheckRun {
            plugin: run.plugin.clone(),
            required: run.required,
            conclusion: run.conclusion.as_deref().map(conclusion).transpose()?,
            summary: run.summary.clone(),
            findings: Vec::new(),
        })
    };
    runs.iter().map(convert).collect()
}

pub(super) fn rule_reviews(reviews: &[case::Review]) -> Result<Vec<Review>, String> {
    let convert = |review: &case::Review| {
        Ok(Review {
            reviewer: review.reviewer.clone(),
            seat: review.seat.clone(),
            vote: vote(&review.vote)?,
            at_ms: review.at_ms,
            extensions: Vec::new(),
        })
    };
    reviews.iter().map(convert).collect()
}

/// The word of a conclusion, as cases and policies spell it.
pub(super) fn word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Pass => "pass",
        Conclusion::Warn => "warn",
        Conclusion::Fail => "fail",
        Conclusion::Skipped => "skipped",
    }
}

fn conclusion(text: &str) -> Result<Conclusion, String> {
    [Conclusion::Pass, Conclusion::Warn, Conclusion::Fail, Conclusion::Skipped]
        .into_iter()
        .find(|c| word(*c) == text)
        .ok_or_else(|| {
            format!("no conclusion `{text}`: give pass, warn, fail or skipped, or leave it out for an error")
        })
}

fn vote(text: &str) -> Result<Vote, String> {
    match text {
        "approve" => Ok(Vote::Approve),
        "reject" => Ok(Vote::Reject),
        "comment" => Ok(Vote::Comment),
        "recuse" => Ok(Vote::Recuse),
        other => Err(format!("no vote `{other}`: give approve, reject, comment or recuse")),
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<KeyValue> {
    map.iter().map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() }).collect()
}

fn run(r: &case::Run) -> Run {
    Run {
        id: r.id.clone(),
        user: r.user.clone(),
        status: r.status.clone().unwrap_or_else(|| "FINISHED".to_owned()),
        params: pairs(&r.params),
        tags: pairs(&r.tags),
        datasets: r.datasets.iter().map(dataset).collect(),
        extensions: Vec::new(),
    }
}

fn dataset(d: &case::Dataset) -> Dataset {
    Dataset {
        name: d.name.clone(),
        digest: d.digest.clone(),
        source_type: d.source_type.clone(),
        source: d.source.clone(),
        context: d.context.clone(),
        extensions: Vec::new(),
    }
}

fn logged_model(m: &case::LoggedModel) -> LoggedModel {
    LoggedModel {
        id: m.id.clone(),
        status: m.status.clone().unwrap_or_else(|| "READY".to_owned()),
        params: pairs(&m.params),
        tags: pairs(&m.tags),
        extensions: Vec::new(),
    }
}

fn metric(m: &case::Metric) -> Metric {
    Metric {
        name: m.name.clone(),
        value: m.value.clone(),
        step: m.step,
        timestamp_ms: m.timestamp_ms,
        origin: match m.origin {
            case::Origin::Run => MetricOrigin::Run,
            case::Origin::LoggedModel => MetricOrigin::LoggedModel,
        },
        dataset_name: m.dataset_name.clone(),
        dataset_digest: m.dataset_digest.clone(),
    }
}

fn file(f: &case::File) -> File {
    File { path: f.path.clone(), size: f.size, digest: f.digest.clone() }
}

fn missing(m: &case::Missing) -> MissingFact {
    MissingFact { name: m.name.clone(), reason: m.reason.clone() }
}

//! Between the records of `wit/` and our own types. Called once per input, not once per evaluation.

use std::collections::BTreeMap;

use countersign_core::action::Action;
use countersign_core::check::{Conclusion, Finding, Report, Ruling, SeatRequirement, Severity};
use countersign_core::facts::{
    Dataset, File, LoggedModel, Metric, MetricOrigin, Missing, Run, Subject, VersionFacts,
};
use countersign_core::names::Seat;
use countersign_core::time::Millis;

use super::bindings::{history, rules, types as wit};
use super::sources::{AccessError, AliasHolding, PastDecision};

pub(super) fn version(facts: &VersionFacts) -> wit::ModelVersion {
    wit::ModelVersion {
        subject: subject(&facts.subject),
        description: facts.description.clone(),
        stage: facts.stage.to_string(),
        status: facts.status.clone(),
        tags: pairs(&facts.tags),
        aliases: facts.aliases.clone(),
        run: facts.run.as_ref().map(run),
        logged_model: facts.logged_model.as_ref().map(logged_model),
        metrics: facts.metrics.iter().map(metric).collect(),
        files: facts.files.iter().map(file).collect(),
        mlmodel: facts.mlmodel.clone(),
        missing: facts.missing.iter().map(missing).collect(),
        extensions: Vec::new(),
    }
}

fn subject(subject: &Subject) -> wit::Subject {
    wit::Subject {
        workspace: subject.workspace.to_string(),
        model: subject.model.to_string(),
        version: subject.version.to_string(),
        created_ms: subject.created.get(),
        source: subject.source.clone(),
        manifest_digest: subject.manifest.map(|digest| digest.to_string()),
        extensions: Vec::new(),
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<wit::KeyValue> {
    map.iter().map(|(key, value)| wit::KeyValue { key: key.clone(), value: value.clone() }).collect()
}

fn run(run: &Run) -> wit::Run {
    wit::Run {
        id: run.id.clone(),
        user: run.user.clone(),
        status: run.status.clone(),
        params: pairs(&run.params),
        tags: pairs(&run.tags),
        datasets: run.datasets.iter().map(dataset).collect(),
        extensions: Vec::new(),
    }
}

fn logged_model(model: &LoggedModel) -> wit::LoggedModel {
    wit::LoggedModel {
        id: model.id.clone(),
        status: model.status.clone(),
        params: pairs(&model.params),
        tags: pairs(&model.tags),
        extensions: Vec::new(),
    }
}

fn dataset(dataset: &Dataset) -> wit::Dataset {
    wit::Dataset {
        name: dataset.name.clone(),
        digest: dataset.digest.clone(),
        source_type: dataset.source_type.clone(),
        source: dataset.source.clone(),
        context: dataset.context.clone(),
        extensions: Vec::new(),
    }
}

pub(super) fn holding(held: AliasHolding) -> history::AliasHolding {
    history::AliasHolding {
        alias: held.alias,
        since_ms: held.since.get(),
        until_ms: held.until.map(Millis::get),
        bypassed: held.bypassed,
    }
}

pub(super) fn decision(made: PastDecision) -> history::Decision {
    let (kind, target, state) = (made.kind, made.target, made.state);
    history::Decision { kind, target, state, opened_ms: made.opened.get(), extensions: Vec::new() }
}

pub(super) fn metric(metric: &Metric) -> wit::Metric {
    wit::Metric {
        name: metric.name.clone(),
        value: metric.value.clone(),
        step: metric.step,
        timestamp_ms: metric.timestamp.get(),
        origin: match metric.origin {
            MetricOrigin::Run => wit::MetricOrigin::Run,
            MetricOrigin::LoggedModel => wit::MetricOrigin::LoggedModel,
        },
        dataset_name: metric.dataset_name.clone(),
        dataset_digest: metric.dataset_digest.clone(),
    }
}

fn file(file: &File) -> wit::File {
    wit::File {
        path: file.path.clone(),
        size: file.size,
        digest: file.digest.map(|digest| digest.to_string()),
    }
}

fn missing(missing: &Missing) -> wit::MissingFact {
    wit::MissingFact { name: missing.fact.clone(), reason: missing.reason.clone() }
}

pub(super) fn action(action: &Action) -> wit::Action {
    wit::Action {
        kind: action.kind().to_owned(),
        target: action.target().map(str::to_owned),
        extensions: Vec::new(),
    }
}

pub(super) const fn severity_out(severity: Severity) -> wit::Severity {
    match severity {
        Severity::Info => wit::Severity::Info,
        Severity::Warning => wit::Severity::Warning,
        Severity::Error => wit::Severity::Error,
    }
}

/// `None` for [`Conclusion::Error`], which the interface writes as an absent conclusion.
pub(super) const fn conclusion_out(conclusion: Conclusion) -> Option<wit::Conclusion> {
    match conclusion {
        Conclusion::Pass => Some(wit::Conclusion::Pass),
        Conclusion::Warn => Some(wit::Conclusion::Warn),
        Conclusion::Fail => Some(wit::Conclusion::Fail),
        Conclusion::Skipped => Some(wit::Conclusion::Skipped),
        Conclusion::Error => None,
    }
}

pub(super) fn finding_out(finding: &Finding) -> wit::Finding {
    wit::Finding {
        code: finding.code.clone(),
        severity: severity_out(finding.severity),
        message: finding.message.clone(),
        measured: finding.measured.clone(),
        comparator: finding.comparator.clone(),
        threshold: finding.threshold.clone(),
        sample_size: finding.sample_size,
        segment: finding.segment.clone(),
        remediation: finding.remediation.clone(),
        extensions: finding.extensions.clone(),
    }
}

pub(super) fn report(report: wit::Report) -> Report {
    Report {
        conclusion: match report.conclusion {
            wit::Conclusion::Pass => Conclusion::Pass,
            wit::Conclusion::Warn => Conclusion::Warn,
            wit::Conclusion::Fail => Conclusion::Fail,
            wit::Conclusion::Skipped => Conclusion::Skipped,
        },
        summary: report.summary,
        findings: report.findings.into_iter().map(finding).collect(),
        extensions: report.extensions,
    }
}

fn finding(finding: wit::Finding) -> Finding {
    Finding {
        code: finding.code,
        severity: match finding.severity {
            wit::Severity::Info => Severity::Info,
            wit::Severity::Warning => Severity::Warning,
            wit::Severity::Error => Severity::Error,
        },
        message: finding.message,
        measured: finding.measured,
        comparator: finding.comparator,
        threshold: finding.threshold,
        sample_size: finding.sample_size,
        segment: finding.segment,
        remediation: finding.remediation,
        extensions: finding.extensions,
    }
}

pub(super) fn ruling(ruling: rules::Ruling) -> Ruling {
    let seat = |wanted: rules::SeatRequirement| SeatRequirement {
        seat: Seat::new(wanted.seat),
        count: wanted.count,
        reason: wanted.reason,
    };
    Ruling {
        summary: ruling.summary,
        seats: ruling.seats.into_iter().map(seat).collect(),
        denials: ruling.denials.into_iter().map(finding).collect(),
    }
}

impl From<AccessError> for wit::AccessError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound(text) => Self::NotFound(text),
            AccessError::Denied(text) => Self::Denied(text),
            AccessError::Budget(text) => Self::Budget(text),
            AccessError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

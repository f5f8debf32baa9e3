//! The recorded values that count, and what is wrong with them before any bound is looked at.

use countersign_sdk::prelude::*;

use crate::MetricThreshold;

/// One value that counts, and where it comes from.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) number: Decimal,
    /// As recorded.
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// Two values from the same place can be compared between versions.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) origin: MetricOrigin,
    pub(crate) dataset: Option<String>,
    pub(crate) digest: Option<String>,
}

/// All finite values that count, the smallest first.
#[derive(Debug)]
pub(crate) struct Values(Vec<Value>);

impl Values {
    /// A value that is not finite becomes a finding of its own; one that is no number at all makes a verdict
    /// impossible.
    pub(crate) fn of(
        version: &ModelVersion,
        config: &MetricThreshold,
        findings: &mut Findings,
    ) -> Result<Self, CannotJudge> {
        let mut values = Vec::new();
        for metric in version.metrics_named(&config.metric).filter(|m| counts(m, config)) {
            match metric.decimal() {
                Ok(number) => {
                    values.push(Value { number, text: metric.value.clone(), place: Place::of(metric) })
                }
                Err(DecimalError::NotFinite(text)) => findings.push(not_finite(metric, &text)),
                Err(error) => return Err(CannotJudge::new(format!("metric `{}`: {error}", metric.name))),
            }
        }
        values.sort_by(|a, b| a.number.cmp(&b.number));
        let values = Self(values);
        findings.extend(values.ambiguous(config));
        Ok(values)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    pub(crate) fn smallest(&self) -> Option<&Value> {
        self.0.first()
    }

    pub(crate) fn largest(&self) -> Option<&Value> {
        self.0.last()
    }

    /// One value, or the range: for a sentence.
    pub(crate) fn text(&self) -> String {
        match (self.smallest(), self.largest()) {
            (Some(low), Some(high)) if low.number != high.number => format!("{} to {}", low.text, high.text),
            (Some(low), _) => low.text.clone(),
            (None, _) => "not recorded".to_owned(),
        }
    }

    fn ambiguous(&self, config: &MetricThreshold) -> Option<Finding> {
        let (low, high) = (self.smallest()?, self.largest()?);
        (low.number != high.number).then(|| {
            let message = format!(
                "`{}` has {} values, from {} ({}) to {} ({}); the worst one counts for each bound",
                config.metric,
                self.0.len(),
                low.text,
                low.place.words(),
                high.text,
                high.place.words(),
            );
            Finding::info("metric-ambiguous", message)
                .remediation("Name a `dataset` or an `origin` in the configuration of this check.")
        })
    }
}

impl Place {
    fn of(metric: &Metric) -> Self {
        Self {
            origin: metric.origin,
            dataset: metric.dataset_name.clone(),
            digest: metric.dataset_digest.clone(),
        }
    }

    /// `the run, dataset "holdout"`
    pub(crate) fn words(&self) -> String {
        let origin = match self.origin {
            MetricOrigin::Run => "the run",
            MetricOrigin::LoggedModel => "the logged model",
        };
        match &self.dataset {
            Some(dataset) => format!("{origin}, dataset \"{dataset}\""),
            None => origin.to_owned(),
        }
    }
}

/// The metric is not there at all.
pub(crate) fn missing(version: &ModelVersion, config: &MetricThreshold) -> Finding {
    let elsewhere = version.metrics_named(&config.metric).count();
    let message = match (&config.dataset, elsewhere) {
        (_, 0) => format!("metric `{}` is not recorded for this version", config.metric),
        (Some(dataset), n) => {
            format!("metric `{}` has {n} values, but none on the dataset `{dataset}`", config.metric)
        }
        (None, n) => format!("metric `{}` has {n} values, but none from the wanted origin", config.metric),
    };
    Finding::error("metric-missing", message)
        .remediation(format!("Log `{}` with the run or the logged model, then ask again.", config.metric))
}

fn counts(metric: &Metric, config: &MetricThreshold) -> bool {
    let on_dataset =
        config.dataset.as_ref().is_none_or(|wanted| metric.dataset_name.as_ref() == Some(wanted));
    on_dataset && config.origin.admits(metric.origin)
}

fn not_finite(metric: &Metric, text: &str) -> Finding {
    let message = format!("metric `{}` of {} is {text}", metric.name, Place::of(metric).words());
    with_segment(Finding::error("metric-not-finite", message).measured(text), &Place::of(metric))
        .remediation("Find out why the evaluation produced no number; log a finite value.")
}

pub(crate) fn with_segment(finding: Finding, place: &Place) -> Finding {
    match &place.dataset {
        Some(dataset) => finding.segment(dataset.clone()),
        None => finding,
    }
}

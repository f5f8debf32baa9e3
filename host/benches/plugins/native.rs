//! What `metric-threshold` does with the bench's configuration, without a sandbox.

use std::collections::BTreeMap;

use countersign::plugins::CheckRecord;
use countersign_core::check::{Conclusion, Finding, Outcome, Report, Severity};
use countersign_core::facts::Metric;

pub fn check(record: &CheckRecord) -> Outcome {
    let config: BTreeMap<String, String> = serde_json::from_str(&record.config).unwrap();
    let value = |metric: &&Metric| metric.name == config["metric"];
    let measured = record.version.metrics.iter().find(value).map(|metric| metric.value.clone());
    let decimal = |text: &str| text.parse::<f64>().unwrap();
    let enough = measured.as_deref().is_some_and(|value| decimal(value) >= decimal(&config["min"]));
    let finding = Finding {
        code: "metric-below-min".to_owned(),
        severity: Severity::Error,
        message: "auc is below its minimum".to_owned(),
        measured,
        comparator: Some(">=".to_owned()),
        threshold: config.get("min").cloned(),
        sample_size: None,
        segment: None,
        remediation: None,
        extensions: Vec::new(),
    };
    let conclusion = if enough { Conclusion::Pass } else { Conclusion::Fail };
    let findings = if enough { Vec::new() } else { vec![finding] };
    Outcome::Reported(Report {
        conclusion,
        summary: "auc is 0.91".to_owned(),
        findings,
        extensions: Vec::new(),
    })
}

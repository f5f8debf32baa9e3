use countersign_sdk::testing::{self, Failures, Given};
use countersign_sdk::{Finding, Report};

use crate::MetricThreshold;

#[test]
fn cases() -> Result<(), Failures> {
    testing::check_cases::<MetricThreshold>("cases")
}

fn judged(given: Given, config: &str) -> Report {
    given.config(config).check::<MetricThreshold>().unwrap()
}

fn only(report: &Report) -> &Finding {
    assert_eq!(report.findings.len(), 1, "{report:?}");
    &report.findings[0]
}

#[test]
fn a_bound_is_met_by_the_equal_value_and_by_no_smaller_one() {
    let check = |value: &str, min: &str, expect: bool| {
        let report = judged(
            testing::version("m", "1").metric("auc", value),
            &format!(r#"{{"metric":"auc","min":"{min}"}}"#),
        );
        assert_eq!(report.findings.is_empty(), expect, "{value} against {min}");
    };
    check("0.85", "0.850", true);
    check("0.84999999999999999999", "0.85", false);
    check("8.5e-1", "0.85", true);
    check("-1", "-1.0", true);
    check("1e400", "1e399", true);
}

#[test]
fn a_finding_carries_measured_comparator_and_threshold() {
    let report = judged(testing::version("m", "1").metric("auc", "0.80"), r#"{"metric":"auc","min":"0.85"}"#);
    let finding = only(&report);
    let (measured, comparator, threshold) = (&finding.measured, &finding.comparator, &finding.threshold);
    assert_eq!(finding.code, "metric-below-min");
    assert_eq!(
        (measured.as_deref(), comparator.as_deref(), threshold.as_deref()),
        (Some("0.80"), Some(">="), Some("0.85"))
    );
    assert_eq!(report.summary, "`auc` is 0.80 (the run), below the minimum of 0.85");
}

#[test]
fn the_floor_of_a_percentage_is_exact() {
    let champion = testing::version("m", "1").alias("champion").metric("auc", "0.9");
    let config = r#"{"metric":"auc","relative":{"to":"champion","max_drop_percent":"2.5"}}"#;
    let check = |value: &str, expect: bool| {
        let given = testing::version("m", "2").metric("auc", value).other(champion.clone());
        assert_eq!(judged(given, config).findings.is_empty(), expect, "{value}");
    };
    check("0.8775", true);
    check("0.8774999999999999", false);
}

//! The fixed bounds. With several values the worst one counts: the smallest for `min`, the largest for `max`.

use countersign_sdk::prelude::*;

use crate::MetricThreshold;
use crate::values::{Value, Values, with_segment};

pub(crate) fn check(values: &Values, config: &MetricThreshold, findings: &mut Findings) {
    if let (Some(min), Some(worst)) = (&config.min, values.smallest())
        && worst.number < *min
    {
        let finding = outside("metric-below-min", "below the minimum", worst, min, config);
        findings.push(finding.threshold(">=", min));
    }
    if let (Some(max), Some(worst)) = (&config.max, values.largest())
        && worst.number > *max
    {
        let finding = outside("metric-above-max", "above the maximum", worst, max, config);
        findings.push(finding.threshold("<=", max));
    }
}

fn outside(code: &str, words: &str, worst: &Value, bound: &Decimal, config: &MetricThreshold) -> Finding {
    let message =
        format!("`{}` is {} ({}), {words} of {bound}", config.metric, worst.text, worst.place.words());
    with_segment(Finding::error(code, message).measured(&worst.text), &worst.place)
}

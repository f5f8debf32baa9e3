//! Holds a metric of a model version against fixed bounds and against the current champion. All arithmetic is
//! exact: values are compared as the decimals that were recorded.

mod bounds;
mod config;
mod relative;
mod values;

use countersign_sdk::prelude::*;

pub use config::MetricThreshold;
use values::Values;

impl Check for MetricThreshold {
    fn problems(&self) -> Vec<ConfigError> {
        self.contradictions()
    }

    fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge> {
        let version = &input.version;
        version.require(self.origin.facts())?;
        let mut findings = Findings::new();
        let values = Values::of(version, self, &mut findings)?;
        if values.is_empty() {
            if findings.is_empty() {
                findings.push(values::missing(version, self));
            }
            return Ok(findings.report(""));
        }
        bounds::check(&values, self, &mut findings);
        if let Some(relative) = &self.relative {
            relative::check(input, &values, self, relative, &mut findings)?;
        }
        Ok(findings.report(format!("{} is {}", self.metric, values.text())))
    }
}

countersign_sdk::check!(MetricThreshold);

#[cfg(test)]
mod tests;

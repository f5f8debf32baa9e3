//! in-toto's "Test Result": the check runs of a request, as one invocation of a suite.

use serde::Serialize;

use super::Resource;
use crate::check::{CheckRun, Conclusion};
use crate::request::PromotionRequest;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    result: &'static str,
    /// The plugins and their configurations.
    configuration: Vec<Resource>,
    passed_tests: Vec<String>,
    warned_tests: Vec<String>,
    failed_tests: Vec<String>,
}

impl TestResult {
    /// `None` where nothing was checked: that is not a pass.
    pub(super) fn of(request: &PromotionRequest) -> Option<Self> {
        let runs = &request.check_runs;
        if runs.is_empty() {
            return None;
        }
        let that = |which: fn(Conclusion) -> bool| -> Vec<String> {
            let found = runs.iter().filter(|run| which(run.outcome.conclusion()));
            found.map(|run| name(run, runs)).collect()
        };
        let failed_tests = that(|found| matches!(found, Conclusion::Fail | Conclusion::Error));
        let warned_tests = that(|found| found == Conclusion::Warn);
        let unmet = runs.iter().any(|run| run.required && !run.outcome.conclusion().satisfies());
        let result = match (unmet || !failed_tests.is_empty(), warned_tests.is_empty()) {
            (true, _) => "FAILED",
            (false, false) => "WARNED",
            (false, true) => "PASSED",
        };
        let passed_tests = that(|found| found == Conclusion::Pass);
        Some(Self {
            result,
            configuration: runs.iter().flat_map(|run| configuration(run, runs)).collect(),
            passed_tests,
            warned_tests,
            failed_tests,
        })
    }
}

fn configuration(run: &CheckRun, runs: &[CheckRun]) -> [Resource; 2] {
    let name = name(run, runs);
    [
        Resource::new(format!("{name}: plugin"), run.plugin_digest),
        Resource::new(format!("{name}: configuration"), run.config_digest),
    ]
}

/// The plugin; where it ran more than once, with which configuration.
pub(super) fn name(run: &CheckRun, runs: &[CheckRun]) -> String {
    let same = runs.iter().filter(|other| other.plugin == run.plugin).count();
    if same > 1 { format!("{}@{}", run.plugin, run.config_digest.short()) } else { run.plugin.to_string() }
}

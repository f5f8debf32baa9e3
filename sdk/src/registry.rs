//! The registry as it was when the facts were taken. Read only.

use crate::types::{AccessError, Metric, ModelVersion};

#[cfg(target_arch = "wasm32")]
use crate::bindings::check::countersign::plugin::registry as source;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::fixture as source;

/// One version with its run, metrics and files. `version` is decimal.
///
/// # Errors
/// When there is no such version, or it may not or could not be read.
pub fn version(model: &str, version: &str) -> Result<ModelVersion, AccessError> {
    source::get_version(model, version)
}

/// The version that holds an alias now.
///
/// # Errors
/// When the registry may not or could not be read.
pub fn version_by_alias(model: &str, alias: &str) -> Result<Option<ModelVersion>, AccessError> {
    source::version_by_alias(model, alias)
}

/// The newest version that is in a stage now.
///
/// # Errors
/// When the registry may not or could not be read.
pub fn version_in_stage(model: &str, stage: &str) -> Result<Option<ModelVersion>, AccessError> {
    source::version_in_stage(model, stage)
}

/// Every recorded value of one metric of one run, oldest first.
///
/// # Errors
/// When the run may not or could not be read.
pub fn metric_history(run_id: &str, metric: &str) -> Result<Vec<Metric>, AccessError> {
    source::metric_history(run_id, metric)
}

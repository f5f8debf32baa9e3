//! What Countersign itself has recorded about a version. Read only: what it never saw is not here, and not proved.

use crate::types::AccessError;

pub use crate::bindings::check::countersign::plugin::history::{AliasHolding, Decision};

#[cfg(target_arch = "wasm32")]
use crate::bindings::check::countersign::plugin::history as source;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::past as source;

/// Every time during which a version held an alias without a break, oldest first. `version` is decimal.
///
/// # Errors
/// When the records may not or could not be read.
pub fn alias_holdings(model: &str, version: &str) -> Result<Vec<AliasHolding>, AccessError> {
    source::alias_holdings(model, version)
}

/// The requests to promote a version and where they stand, oldest first.
///
/// # Errors
/// When the records may not or could not be read.
pub fn decisions(model: &str, version: &str) -> Result<Vec<Decision>, AccessError> {
    source::decisions(model, version)
}

//! Write a Countersign check or approval rule in about twenty lines of Rust.
//!
//! A check is a struct that serde fills from the gate's configuration, an implementation of [`Check`], and
//! one line, [`check!`], that makes a component of it:
//!
//! ```
//! use countersign_sdk::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Owned {
//!     tag: String,
//! }
//!
//! impl Check for Owned {
//!     fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge> {
//!         let mut findings = Findings::new();
//!         if input.version.tag(&self.tag).is_none() {
//!             findings.push(Finding::error("owner-missing", format!("no tag `{}` names an owner", self.tag)));
//!         }
//!         Ok(findings.report("the version has an owner"))
//!     }
//! }
//!
//! countersign_sdk::check!(Owned);
//! ```
//!
//! Natively (in tests) the capabilities answer from a fixture that [`testing`] builds; nothing else differs.

// The macros and the generated code name this crate by its outer name, also from inside.
extern crate self as countersign_sdk;

#[cfg(all(target_arch = "wasm32", feature = "arena"))]
mod allocator;
pub mod artifacts;
#[doc(hidden)]
pub mod bindings;
#[cfg(not(target_arch = "wasm32"))]
pub mod case;
mod decimal;
mod export;
mod facts;
pub mod history;
pub mod log;
pub mod registry;
mod report;
#[doc(hidden)]
pub mod run;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod traits;

pub use bindings::check::countersign::plugin::types;
pub use bindings::check::exports::countersign::plugin::checks::Input as CheckInput;
pub use bindings::rule::exports::countersign::plugin::rules::{
    CheckRun, Input as RuleInput, Review, Ruling, SeatRequirement, Vote,
};
pub use decimal::{Decimal, DecimalError};
pub use report::Findings;
pub use serde;
pub use serde_json;
pub use traits::{CannotJudge, Check, Rule};
pub use types::{
    AccessError, Action, Conclusion, ConfigError, Finding, Metric, MetricOrigin, ModelVersion, Report,
    Severity,
};

/// What nearly every plugin needs.
pub mod prelude {
    pub use crate::{
        AccessError, CannotJudge, Check, CheckInput, Conclusion, ConfigError, Decimal, DecimalError, Finding,
        Findings, Metric, MetricOrigin, ModelVersion, Report, Rule, RuleInput, Ruling, SeatRequirement,
        Severity, Vote, artifacts, history, log, registry,
    };
    pub use serde::Deserialize;
}

#[doc(hidden)]
pub mod rt {
    //! The runtime of the generated code, for the export macros.
    pub use wit_bindgen::rt::*;
}

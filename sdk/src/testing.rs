//! Native tests of a plugin: build a model version, attach files and other versions, call the check.
//!
//! ```
//! use countersign_sdk::{prelude::*, testing};
//! # #[derive(Deserialize)]
//! # struct Owned { tag: String }
//! # impl Check for Owned {
//! #     fn check(&self, input: &CheckInput) -> Result<Report, CannotJudge> {
//! #         let mut findings = Findings::new();
//! #         if input.version.tag(&self.tag).is_none() {
//! #             findings.push(Finding::error("owner-missing", "no owner"));
//! #         }
//! #         Ok(findings.report("owned"))
//! #     }
//! # }
//! let given = testing::version("fraud", "7").tag("owner", "ada").metric("auc", "0.91");
//! let report = given.config(r#"{"tag": "owner"}"#).check::<Owned>().unwrap();
//! assert_eq!(report.conclusion, Conclusion::Pass);
//! ```
//!
//! The capabilities answer from what the builder was given; the plugin's own code is the code that ships. This
//! is not compiled into components.

mod build;
mod cases;
mod convert;
pub(crate) mod fixture;
pub(crate) mod past;

pub use build::{Given, version};
pub use cases::{Failures, check_cases, rule_cases};
pub use fixture::logged;

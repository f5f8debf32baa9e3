//! The audit document of one model: everything that was decided about it, on what evidence, and what of it a text
//! asks for.
//!
//! Two kinds of things are kept apart throughout. *Verified* is what the ledger proves and what Countersign itself
//! computed: check runs, signatures, digests. *Asserted* is what clients wrote and nobody checked: descriptions,
//! tags, who a run says trained it. This module must not know: the store, pages, what people are called.

mod asserted;
mod decisions;
mod document;
mod exceptions;
mod gaps;
mod pack;
mod selector;

#[cfg(test)]
mod tests;

pub use self::asserted::{Asserted, Claim, DatasetClaim, MetricClaim};
pub use self::decisions::{Decision, Findings, Happening, Separation, Signer};
pub use self::document::{Audit, LedgerSeen, Made, PolicySeen, Range, Verified, VersionSeen};
pub use self::exceptions::{Exceptions, Round, WaiverSeen};
pub use self::pack::{Answered, Clause, ClauseAnswer, Cover, Pack, PackError};
pub use self::selector::{Basis, Found, Selector};

use crate::digest::Digest;

/// Evidence by its digest, where it is at hand.
pub type Blobs<'a> = &'a dyn Fn(Digest) -> Option<Vec<u8>>;

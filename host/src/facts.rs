//! Reading a version's facts from the upstream: in parallel, with one deadline, and cached by what can change.
//!
//! Must not know what a gate makes of them. Only a version that cannot be read at all is an error; any other piece
//! that could not be had is named in [`VersionFacts::missing`](countersign_core::facts::VersionFacts::missing).

pub mod cache;
pub mod collect;
pub mod digests;
mod error;
mod files;
mod history;
mod kept;
mod progress;
mod shown;
mod snapshot;
mod source;
mod translate;

pub use cache::{Changed, FactsCache, Subject};
pub use collect::{Collector, Limits};
pub use error::FactsError;
pub use progress::Progress;
pub use snapshot::Snapshot;

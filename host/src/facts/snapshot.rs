//! What one collection has found: facts that nobody changes any more, and what is made of them once.

use std::sync::{Arc, OnceLock};

use countersign_core::canonical::{self, CanonicalError};
use countersign_core::digest::Digest;
use countersign_core::facts::Facts;

use super::progress::Progress;
use super::shown::Shown;
use crate::mlflow::artifacts::Location;

/// Facts, and where the files that they name can be read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub facts: Arc<Facts>,
    pub artifacts: Option<Location>,
    /// Of files that were not read to their end by the deadline.
    pub(super) reading: Option<Progress>,
    written: OnceLock<Written>,
    pub(super) shown: Shown,
}

/// A snapshot's facts as canonical JSON, `[version, model]`, and what they hash to. Written once: a warm write would
/// otherwise spend most of its time on it.
#[derive(Debug, Clone)]
struct Written {
    json: Arc<[u8]>,
    /// Where the version ends.
    version_end: usize,
    facts: Digest,
    /// Not every check reads all of it.
    version: OnceLock<Digest>,
}

impl Snapshot {
    #[must_use]
    pub fn new(facts: Facts, artifacts: Option<Location>) -> Self {
        let (facts, written, shown) = (Arc::new(facts), OnceLock::new(), Shown::default());
        Self { facts, artifacts, reading: None, written, shown }
    }

    /// [`Facts::digest`].
    ///
    /// # Errors
    /// When a number in the facts has no canonical form.
    pub fn facts_digest(&self) -> Result<Digest, CanonicalError> {
        Ok(self.written()?.facts)
    }

    /// The digest of the version's facts alone.
    ///
    /// # Errors
    /// As [`Self::facts_digest`].
    pub fn version_digest(&self) -> Result<Digest, CanonicalError> {
        let written = self.written()?;
        Ok(*written.version.get_or_init(|| Digest::of(written.version_json())))
    }

    /// The canonical JSON of the version's facts.
    ///
    /// # Errors
    /// As [`Self::facts_digest`].
    pub fn version_json(&self) -> Result<&[u8], CanonicalError> {
        Ok(self.written()?.version_json())
    }

    /// Facts that have become others, with digests of their own.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Facts)) {
        change(Arc::make_mut(&mut self.facts));
        self.written = OnceLock::new();
        self.shown = Shown::default();
    }

    fn written(&self) -> Result<&Written, CanonicalError> {
        if let Some(known) = self.written.get() {
            return Ok(known);
        }
        let mut json = b"[".to_vec();
        canonical::append(&self.facts.version, &mut json)?;
        let version_end = json.len();
        json.push(b',');
        canonical::append(&self.facts.model, &mut json)?;
        json.push(b']');
        let facts = Digest::of(&json);
        let version = OnceLock::new();
        Ok(self.written.get_or_init(|| Written { json: json.into(), version_end, facts, version }))
    }
}

impl Written {
    fn version_json(&self) -> &[u8] {
        self.json.get(1..self.version_end).unwrap_or_default()
    }
}

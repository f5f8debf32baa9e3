//! What checks are shown of a snapshot: written once for each list of parts that they read, because a warm write asks
//! again every time.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::canonical::{self, CanonicalError};
use countersign_core::digest::Digest;
use countersign_core::reads::Reads;

use super::snapshot::Snapshot;

/// More lists than this are forgotten all at once: a policy has a few plugins.
const MAX_SHOWN: usize = 64;

/// By what is read. Clones are one: they are of the same facts.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown(Arc<Mutex<Parts>>);

type Parts = Vec<(Reads, Arc<Part>)>;

#[derive(Debug)]
struct Part {
    json: Vec<u8>,
    digest: Digest,
}

impl Snapshot {
    /// The digest of what a check is shown that reads these parts: of all the version's facts where it says nothing.
    ///
    /// # Errors
    /// As [`Self::facts_digest`].
    pub fn shown_digest(&self, reads: Option<&Reads>) -> Result<Digest, CanonicalError> {
        match reads {
            None => self.version_digest(),
            Some(reads) => Ok(self.part(reads)?.digest),
        }
    }

    /// The canonical JSON of the same.
    ///
    /// # Errors
    /// As [`Self::facts_digest`].
    pub fn shown_json(&self, reads: Option<&Reads>) -> Result<Cow<'_, [u8]>, CanonicalError> {
        match reads {
            None => Ok(Cow::Borrowed(self.version_json()?)),
            Some(reads) => Ok(Cow::Owned(self.part(reads)?.json.clone())),
        }
    }

    fn part(&self, reads: &Reads) -> Result<Arc<Part>, CanonicalError> {
        let known =
            self.shown.lock().iter().find(|(known, _)| known == reads).map(|(_, part)| Arc::clone(part));
        if let Some(known) = known {
            return Ok(known);
        }
        let json = canonical::to_vec(&reads.of(&self.facts.version))?;
        let part = Arc::new(Part { digest: Digest::of(&json), json });
        let mut shown = self.shown.lock();
        if shown.len() >= MAX_SHOWN {
            shown.clear();
        }
        shown.push((reads.clone(), Arc::clone(&part)));
        Ok(part)
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::facts::Facts;
    use serde_json::json;

    use super::*;

    fn snapshot() -> Snapshot {
        let version = json!({
            "subject": {
                "workspace": "default", "model": "credit", "version": "7", "created": 1, "source": "s",
                "manifest": null,
            },
            "description": "first", "stage": "None", "status": "READY", "tags": {"owner": "ana"}, "aliases": ["beta"],
            "run": null, "logged_model": null, "metrics": [], "files": [], "mlmodel": null, "missing": [],
        });
        let model = json!({"description": null, "tags": {}, "aliases": {"beta": "7"}});
        let facts = json!({"taken_at": 1, "version": version, "model": model});
        Snapshot::new(serde_json::from_value::<Facts>(facts).unwrap(), None)
    }

    /// Whether a check that reads these parts is shown the same after its description and its aliases have changed.
    fn check(reads: Option<&[&str]>, expect: bool) {
        let names = reads.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let reads = names.map(|names| Reads::try_from(names).unwrap());
        let mut snapshot = snapshot();
        let before = (snapshot.shown_digest(reads.as_ref()).unwrap(), snapshot.clone());
        snapshot.change(|facts| {
            facts.version.description = Some("second".to_owned());
            facts.version.aliases.clear();
        });
        let after = snapshot.shown_digest(reads.as_ref()).unwrap();
        assert_eq!(after == before.0, expect, "{reads:?}");
        assert_eq!(before.1.shown_digest(reads.as_ref()).unwrap(), before.0, "the snapshot of before stays");
        for snapshot in [&snapshot, &snapshot, &before.1] {
            let json = snapshot.shown_json(reads.as_ref()).unwrap();
            assert_eq!(Digest::of(&json), snapshot.shown_digest(reads.as_ref()).unwrap());
        }
    }

    #[test]
    fn what_is_not_read_changes_nothing() {
        check(None, false);
        check(Some(&["description"]), false);
        check(Some(&["aliases"]), false);
        check(Some(&["tags", "metrics"]), true);
        check(Some(&[]), true);
    }
}

//! Why the facts of a version could not be had.

use std::time::Duration;

use super::cache::Subject;
use crate::mlflow::ReadError;

/// Only what cannot be read at all: the version, its model, which version is meant, or which bytes it has.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FactsError {
    #[error("{subject} is not in the registry")]
    NotFound { subject: Subject },
    #[error("take the facts of {subject}")]
    Unavailable { subject: Subject, source: ReadError },
    #[error(
        "MLflow did not tell the facts of {subject} within {} seconds: large files are read on meanwhile, so call again; \
         `deadline` under `[facts]` can be longer", limit.as_secs()
    )]
    Late { subject: Subject, limit: Duration },
    #[error("nobody can say which bytes {subject} has: {fact}: {reason}")]
    Unread { subject: Subject, fact: String, reason: String },
    #[error("nobody can say yet which bytes {subject} has: its files are being read, {progress}; call again")]
    Reading { subject: Subject, progress: String },
    #[error(transparent)]
    Read(#[from] ReadError),
}

pub(super) fn failure(subject: &Subject, error: ReadError) -> FactsError {
    let subject = subject.clone();
    if error.is_not_found() {
        FactsError::NotFound { subject }
    } else {
        FactsError::Unavailable { subject, source: error }
    }
}

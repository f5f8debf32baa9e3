//! The artifact manifest of a version: every file below its location, with its digest.

use std::sync::Arc;

use countersign_core::facts::{self, File, Missing};
use countersign_core::names::Workspace;
use countersign_core::time::Millis;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cache::Subject;
use super::collect::Shared;
use super::digests::{Content, FileKey, How};
use super::error::FactsError;
use super::progress::Progress;
use super::snapshot::Snapshot;
use crate::mlflow::ReadError;
use crate::mlflow::artifacts::Location;
use crate::mlflow::types::FileInfo;

/// The longest `MLmodel` that becomes a fact, in bytes.
const MAX_MLMODEL: usize = 1 << 20;
/// The most files of one version.
const MAX_FILES: usize = 10_000;
/// How deep directories may lie in each other.
const MAX_DEPTH: usize = 32;

const LATE: &str = "list the files: the deadline passed; try again";

impl Snapshot {
    /// Refuses where a file is there of which nobody knows the bytes. Files that MLflow cannot list at all are another
    /// matter: the facts say so, and it stays so.
    ///
    /// # Errors
    /// [`FactsError::Reading`] while it is being read; [`FactsError::Unread`] with the first file that is not.
    pub fn bytes_known(&self) -> Result<(), FactsError> {
        let version = &self.facts.version;
        let is_unread = |missing: &&Missing| missing.fact.starts_with("artifact:") || missing.reason == LATE;
        let mut unread = version.missing.iter().filter(is_unread);
        let subject = || {
            let facts::Subject { workspace, model, version, .. } = version.subject.clone();
            Subject { workspace, model, version }
        };
        // What will not be read by waiting is told before what will.
        match (unread.clone().find(|missing| missing.reason != READING), unread.next(), &self.reading) {
            (None, None, _) => Ok(()),
            (None, Some(_), Some(progress)) => {
                Err(FactsError::Reading { subject: subject(), progress: progress.to_string() })
            }
            (Some(Missing { fact, reason }), ..) | (None, Some(Missing { fact, reason }), None) => {
                let (fact, reason) = (fact.clone(), reason.clone());
                Err(FactsError::Unread { subject: subject(), fact, reason })
            }
        }
    }
}

const READING: &str = "read the file: the deadline passed; it is still being read, so try again";

/// What the files of a version say.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Sorted by path.
    pub(super) files: Vec<File>,
    /// False when some are not even listed: then the manifest has no digest.
    pub(super) complete: bool,
    pub(super) mlmodel: Option<String>,
    pub(super) missing: Vec<Missing>,
    pub(super) progress: Progress,
}

/// What is known of one file, when everybody has waited long enough.
type Digested = (FileKey, FileInfo, Result<Content, String>);

pub(super) async fn collect(
    shared: &Arc<Shared>,
    (workspace, location): (&Workspace, &Location),
    now: Millis,
    deadline: Instant,
) -> Files {
    let listed = match tokio::time::timeout_at(deadline, list(shared, workspace, location)).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(error)) => return unlisted(error.reason()),
        Err(_) => return unlisted(LATE.to_owned()),
    };
    let key = |file: FileInfo| {
        let path = file.path.clone();
        (FileKey { workspace: workspace.clone(), location: location.clone(), path }, file)
    };
    digest_all(shared, listed.into_iter().map(key).collect(), now, deadline).await
}

pub(super) fn unlisted(reason: String) -> Files {
    Files { missing: vec![Missing { fact: "artifacts".to_owned(), reason }], ..Files::default() }
}

async fn list(
    shared: &Shared,
    workspace: &Workspace,
    location: &Location,
) -> Result<Vec<FileInfo>, ReadError> {
    let mut files = Vec::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        for entry in shared.client.list_artifacts(workspace, location, &directory).await? {
            let deep = entry.path.split('/').count() > MAX_DEPTH;
            if files.len() + directories.len() >= MAX_FILES || deep {
                let detail =
                    format!("more than {MAX_FILES} files, or directories more than {MAX_DEPTH} deep");
                return Err(ReadError::Malformed { what: "the list of files".to_owned(), detail });
            }
            if entry.is_dir {
                directories.push(entry.path);
            } else {
                files.push(entry);
            }
        }
    }
    Ok(files)
}

/// A file whose reading outlasts the deadline is missing now, but goes on being read: its digest is known the
/// next time.
async fn digest_all(
    shared: &Arc<Shared>,
    listed: Vec<(FileKey, FileInfo)>,
    now: Millis,
    deadline: Instant,
) -> Files {
    let mut tasks = JoinSet::new();
    for file in listed {
        tasks.spawn(digest_one(Arc::clone(shared), file, now, deadline));
    }
    let mut found = Files { complete: true, ..Files::default() };
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((key, file, content)) => {
                found.watch(shared, &key, &file, &content);
                found.add(file, content);
            }
            Err(error) => {
                found.complete = false;
                found.missing.push(Missing { fact: "artifacts".to_owned(), reason: error.to_string() });
            }
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.missing.sort_by(|a, b| a.fact.cmp(&b.fact));
    found
}

async fn digest_one(
    shared: Arc<Shared>,
    (key, file): (FileKey, FileInfo),
    now: Millis,
    deadline: Instant,
) -> Digested {
    let keep = if file.path == "MLmodel" { MAX_MLMODEL } else { 0 };
    let read = key.clone();
    let how = How { keep, now };
    let reading = tokio::spawn(async move { shared.digests.of(&shared.client, &read, how).await });
    let content = match tokio::time::timeout_at(deadline, reading).await {
        Ok(Ok(Ok(content))) => Ok(content),
        Ok(Ok(Err(error))) => Err(error.reason()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(READING.to_owned()),
    };
    (key, file, content)
}

impl Files {
    fn watch(&mut self, shared: &Shared, key: &FileKey, file: &FileInfo, content: &Result<Content, String>) {
        let listed = u64::try_from(file.file_size).unwrap_or(0);
        match content {
            Ok(content) => self.progress.done(content.size),
            Err(reason) if reason == READING => {
                self.progress.under_way(shared.digests.under_way(key), listed)
            }
            Err(_) => {}
        }
    }

    fn add(&mut self, file: FileInfo, content: Result<Content, String>) {
        let listed = u64::try_from(file.file_size).unwrap_or(0);
        let (digest, size) = match content {
            Ok(content) => {
                if file.path == "MLmodel" {
                    self.add_mlmodel(content.bytes);
                }
                (Some(content.digest), content.size)
            }
            Err(reason) => {
                self.missing.push(Missing { fact: format!("artifact:{}", file.path), reason });
                (None, listed)
            }
        };
        self.files.push(File { path: file.path, size, digest });
    }

    fn add_mlmodel(&mut self, bytes: Option<Vec<u8>>) {
        let text = bytes.ok_or_else(|| format!("it is longer than {} KiB", MAX_MLMODEL >> 10));
        match text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())) {
            Ok(text) => self.mlmodel = Some(text),
            Err(reason) => self.missing.push(Missing { fact: "mlmodel".to_owned(), reason }),
        }
    }
}

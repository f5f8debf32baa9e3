//! One collection: what is read, in which order, and what becomes of what could not be read.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_core::canonical::{self, CanonicalError};
use countersign_core::digest::Digest;
use countersign_core::facts::{self, Facts, Missing, ModelFacts, VersionFacts, manifest_digest};
use countersign_core::names::{ModelName, Stage, Version};
use countersign_core::time::Millis;
use tokio::time::Instant;

use super::cache::Subject;
use super::digests::Digests;
use super::files::{self, Files};
use super::shown::Shown;
use super::translate;
use crate::mlflow::artifacts::Location;
use crate::mlflow::types;
use crate::mlflow::{Client, ReadError};

/// `models:/NAME/VERSION` may lead to another such source; more steps than this are taken for a circle.
const MAX_COPIES: usize = 8;

/// How long a collection may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(60) }
    }
}

/// Facts, and where the files that they name can be read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub facts: Arc<Facts>,
    pub artifacts: Option<Location>,
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

/// Only what cannot be read at all: the version, its model, or which version is meant.
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
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Takes facts. Remembers file digests, and nothing else.
#[derive(Debug, Clone)]
pub struct Collector {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) digests: Digests,
    pub(super) limits: Limits,
}

impl Collector {
    #[must_use]
    pub fn new(client: Client, limits: Limits) -> Self {
        Self { shared: Arc::new(Shared { client, digests: Digests::new(), limits }) }
    }

    #[must_use]
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// Reads everything about a version. `now` is written into the facts.
    ///
    /// # Errors
    /// See [`FactsError`].
    pub async fn collect(&self, subject: &Subject, now: Millis) -> Result<Snapshot, FactsError> {
        let limit = self.shared.limits.deadline;
        let deadline = Instant::now() + limit;
        let Subject { workspace, model, version } = subject;
        let client = &self.shared.client;
        let heads = async {
            tokio::try_join!(client.version(workspace, model, *version), client.model(workspace, model))
        };
        let uri = client.download_uri(workspace, model, *version);
        let (heads, uri) =
            tokio::join!(tokio::time::timeout_at(deadline, heads), tokio::time::timeout_at(deadline, uri));
        let late = || FactsError::Late { subject: subject.clone(), limit };
        let (head, model) = heads.map_err(|_| late())?.map_err(|error| failure(subject, error))?;
        let uri = uri.map_err(|_| "the deadline passed".to_owned()).and_then(|u| u.map_err(|e| e.reason()));
        let around = Around { shared: &self.shared, subject, deadline };
        let (version, artifacts) = around.version(&head, uri).await;
        let facts = Facts { taken_at: now, version, model: self::model(&model) };
        Ok(Snapshot::new(facts, artifacts))
    }
}

impl Snapshot {
    #[must_use]
    pub fn new(facts: Facts, artifacts: Option<Location>) -> Self {
        Self { facts: Arc::new(facts), artifacts, written: OnceLock::new(), shown: Shown::default() }
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

pub(super) fn model(model: &types::RegisteredModel) -> ModelFacts {
    translate::model(model)
}

pub(super) fn failure(subject: &Subject, error: ReadError) -> FactsError {
    let subject = subject.clone();
    if error.is_not_found() {
        FactsError::NotFound { subject }
    } else {
        FactsError::Unavailable { subject, source: error }
    }
}

/// What one collection has at hand.
pub(super) struct Around<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) subject: &'a Subject,
    pub(super) deadline: Instant,
}

/// A piece: found, absent by right, or missing.
type Piece<T> = Result<Option<T>, String>;

impl Around<'_> {
    pub(super) async fn version(
        &self,
        head: &types::ModelVersion,
        uri: Result<String, String>,
    ) -> (VersionFacts, Option<Location>) {
        let (run, logged) =
            tokio::join!(self.run(&head.run_id), self.logged_model(head, uri.as_deref().ok()));
        let location = uri.and_then(|uri| self.locate(&uri, run.as_ref().ok(), logged.as_ref().ok()));
        let files = match &location {
            Ok(location) => {
                files::collect(self.shared, &self.subject.workspace, location, self.deadline).await
            }
            Err(reason) => files::unlisted(reason.clone()),
        };
        let mut missing = Vec::new();
        let run = take("run", run, &mut missing);
        let logged = take("logged-model", logged, &mut missing);
        (self.assemble(head, run.as_ref(), logged.as_ref(), files, missing), location.ok())
    }

    async fn run(&self, id: &str) -> Piece<types::Run> {
        if id.is_empty() {
            return Ok(None);
        }
        self.in_time(self.shared.client.run(&self.subject.workspace, id)).await.map(Some)
    }

    async fn logged_model(&self, head: &types::ModelVersion, uri: Option<&str>) -> Piece<types::LoggedModel> {
        let Some(id) = self.logged_model_id(&head.source, uri).await? else { return Ok(None) };
        self.in_time(self.shared.client.logged_model(&self.subject.workspace, &id)).await.map(Some)
    }

    /// A copy's source is `models:/NAME/VERSION`: the chain is followed to the logged model at its start.
    async fn logged_model_id(&self, source: &str, uri: Option<&str>) -> Result<Option<String>, String> {
        let mut source = source.to_owned();
        for _ in 0..MAX_COPIES {
            let Some(rest) = source.strip_prefix("models:/") else { return Ok(id_in_uri(uri)) };
            let Some((name, version)) = rest.trim_start_matches('/').rsplit_once('/') else {
                return Ok(Some(rest.to_owned()));
            };
            let Some(version) = Version::parse(version) else { return Ok(id_in_uri(uri)) };
            let name = ModelName::new(name);
            let copied = self.shared.client.version(&self.subject.workspace, &name, version);
            source = match self.in_time(copied).await {
                Ok(copied) => copied.source,
                // The version that was copied from may be gone; where its files lie often tells as much.
                Err(reason) => return id_in_uri(uri).map(Some).ok_or(reason),
            };
        }
        Err(format!("its source leads through more than {MAX_COPIES} copies"))
    }

    fn locate(
        &self,
        uri: &str,
        run: Option<&Option<types::Run>>,
        logged: Option<&Option<types::LoggedModel>>,
    ) -> Result<Location, String> {
        if let Some(location) = Location::proxied(uri) {
            return Ok(location);
        }
        if let Some(location) = run.and_then(Option::as_ref).and_then(|run| below_run(uri, run)) {
            return Ok(location);
        }
        match logged.and_then(Option::as_ref) {
            Some(logged) if logged.info.artifact_uri.trim_end_matches('/') == uri.trim_end_matches('/') => {
                Ok(Location::LoggedModel { id: logged.info.model_id.clone() })
            }
            _ => Err(format!(
                "MLflow cannot list the files at `{uri}`: they are not a run's or a logged model's"
            )),
        }
    }

    async fn in_time<T>(&self, read: impl Future<Output = Result<T, ReadError>>) -> Result<T, String> {
        match tokio::time::timeout_at(self.deadline, read).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(error.reason()),
            Err(_) => Err("the deadline passed".to_owned()),
        }
    }

    fn assemble(
        &self,
        head: &types::ModelVersion,
        run: Option<&types::Run>,
        logged: Option<&types::LoggedModel>,
        files: Files,
        mut missing: Vec<Missing>,
    ) -> VersionFacts {
        missing.extend(files.missing);
        let stage = Stage::parse(&head.current_stage);
        if stage.is_none() && !head.current_stage.is_empty() {
            let reason = format!("`{}` is not a stage that we know", head.current_stage);
            missing.push(Missing { fact: "stage".to_owned(), reason });
        }
        let mut aliases = head.aliases.clone();
        aliases.sort();
        VersionFacts {
            subject: facts::Subject {
                workspace: self.subject.workspace.clone(),
                model: self.subject.model.clone(),
                version: self.subject.version,
                created: Millis::new(head.creation_timestamp),
                source: head.source.clone(),
                manifest: manifest_digest(&files.files).filter(|_| files.complete),
            },
            description: translate::text(&head.description),
            stage: stage.unwrap_or(Stage::None),
            status: head.status.clone(),
            tags: translate::pairs(&head.tags),
            aliases,
            run: run.map(translate::run),
            logged_model: logged.map(translate::logged_model),
            metrics: translate::metrics(run, logged),
            files: files.files,
            mlmodel: files.mlmodel,
            missing,
        }
    }
}

fn take<T>(fact: &str, piece: Piece<T>, missing: &mut Vec<Missing>) -> Option<T> {
    match piece {
        Ok(found) => found,
        Err(reason) => {
            missing.push(Missing { fact: fact.to_owned(), reason });
            None
        }
    }
}

/// MLflow keeps a logged model's files in `…/models/m-<id>/artifacts`.
fn id_in_uri(uri: Option<&str>) -> Option<String> {
    let (_, rest) = uri?.rsplit_once("/models/")?;
    rest.split('/').next().filter(|id| id.starts_with("m-")).map(str::to_owned)
}

/// The place of a `runs:/` URI, or of one that lies below the run's own artifacts.
fn below_run(uri: &str, run: &types::Run) -> Option<Location> {
    let id = &run.info.run_id;
    let base = run.info.artifact_uri.trim_end_matches('/');
    let by_id =
        uri.strip_prefix("runs:/").and_then(|rest| rest.trim_start_matches('/').strip_prefix(id.as_str()));
    let root = by_id.or_else(|| uri.strip_prefix(base).filter(|_| !base.is_empty()))?;
    let root = root.strip_prefix('/').or_else(|| root.is_empty().then_some(""))?.trim_matches('/');
    match Location::proxied(base) {
        Some(proxied) => proxied.proxied_path(root).map(|root| Location::Proxied { root }),
        None => Some(Location::Run { id: id.clone(), root: root.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, artifact_uri: &str, expect: Option<Location>) {
        let info = types::RunInfo {
            run_id: "r1".to_owned(),
            user_id: String::new(),
            status: String::new(),
            artifact_uri: artifact_uri.to_owned(),
        };
        let run = types::Run { info, data: types::RunData::default(), inputs: types::RunInputs::default() };
        assert_eq!(below_run(uri, &run), expect, "{uri} {artifact_uri}");
    }

    #[test]
    fn places_below_a_run() {
        let proxied = |root: &str| Some(Location::Proxied { root: root.to_owned() });
        let run = |root: &str| Some(Location::Run { id: "r1".to_owned(), root: root.to_owned() });
        check("runs:/r1/model", "mlflow-artifacts:/1/r1/artifacts", proxied("1/r1/artifacts/model"));
        check("runs:/r1", "mlflow-artifacts:/1/r1/artifacts", proxied("1/r1/artifacts"));
        check("runs:/r1/model", "s3://b/r1/artifacts", run("model"));
        check("s3://b/r1/artifacts/model", "s3://b/r1/artifacts", run("model"));
        check("runs:/r12/model", "s3://b/r1/artifacts", None);
        check("s3://b/r1/artifacts2/model", "s3://b/r1/artifacts", None);
        check("s3://other/model", "s3://b/r1/artifacts", None);
    }

    #[test]
    fn ids_in_uris() {
        assert_eq!(id_in_uri(Some("mlflow-artifacts:/1/models/m-7/artifacts")).as_deref(), Some("m-7"));
        assert_eq!(id_in_uri(Some("s3://b/models/credit/artifacts")), None);
        assert_eq!(id_in_uri(None), None);
    }
}

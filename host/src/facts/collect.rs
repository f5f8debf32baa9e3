//! One collection: what is read, in which order, and what becomes of what could not be read.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::facts::{self, Facts, Missing, ModelFacts, VersionFacts, manifest_digest};
use countersign_core::names::{ModelName, Stage, Version};
use countersign_core::time::Millis;
use tokio::time::Instant;

use super::cache::Subject;
use super::digests::Digests;
use super::error::{FactsError, failure};
use super::files::{self, Files};
use super::progress::Progress;
use super::snapshot::Snapshot;
use super::translate;
use crate::mlflow::artifacts::Location;
use crate::mlflow::types;
use crate::mlflow::{Client, ReadError};
use crate::store::Store;

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

/// Takes facts. Remembers digests of files, over a restart too where it has a store, and nothing else.
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
        Self { shared: Arc::new(Shared { client, digests: Digests::default(), limits }) }
    }

    /// As [`Collector::new`], with the digests of files that are kept in a store. For a runtime: they are written by a
    /// task of their own.
    #[must_use]
    pub fn keeping(client: Client, limits: Limits, store: Arc<dyn Store>) -> Self {
        let digests = Digests::kept_in(store, client.base());
        Self { shared: Arc::new(Shared { client, digests, limits }) }
    }

    /// Resolves when the store has all digests that are known by now.
    pub async fn kept(&self) {
        self.shared.digests.written().await;
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
        let around = Around { shared: &self.shared, subject, now, deadline };
        let (version, files) = around.version(&head, uri).await;
        Ok(files.seen(Facts { taken_at: now, version, model: self::model(&model) }))
    }
}

pub(super) fn model(model: &types::RegisteredModel) -> ModelFacts {
    translate::model(model)
}

/// What one collection has at hand.
pub(super) struct Around<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) subject: &'a Subject,
    pub(super) now: Millis,
    pub(super) deadline: Instant,
}

/// Where files lie, and how far they are read.
pub(super) struct Seen {
    artifacts: Option<Location>,
    reading: Option<Progress>,
}

impl Seen {
    pub(super) fn seen(self, facts: Facts) -> Snapshot {
        let mut snapshot = Snapshot::new(facts, self.artifacts);
        snapshot.reading = self.reading;
        snapshot
    }
}

/// A piece: found, absent by right, or missing.
type Piece<T> = Result<Option<T>, String>;

impl Around<'_> {
    pub(super) async fn version(
        &self,
        head: &types::ModelVersion,
        uri: Result<String, String>,
    ) -> (VersionFacts, Seen) {
        let (run, logged) =
            tokio::join!(self.run(&head.run_id), self.logged_model(head, uri.as_deref().ok()));
        let location = uri.and_then(|uri| self.locate(&uri, run.as_ref().ok(), logged.as_ref().ok()));
        let mut files = match &location {
            Ok(location) => {
                let place = (&self.subject.workspace, location);
                files::collect(self.shared, place, self.now, self.deadline).await
            }
            Err(reason) => files::unlisted(reason.clone()),
        };
        let reading = Some(std::mem::take(&mut files.progress)).filter(Progress::is_under_way);
        let mut missing = Vec::new();
        let run = take("run", run, &mut missing);
        let logged = take("logged-model", logged, &mut missing);
        let seen = Seen { artifacts: location.ok(), reading };
        (self.assemble(head, run.as_ref(), logged.as_ref(), files, missing), seen)
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

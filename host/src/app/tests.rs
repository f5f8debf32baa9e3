//! The workflow as people meet it: a whole app in front of an MLflow that knows one model and its aliases.

mod anchor;
mod attest;
mod backtest;
mod changes;
mod crash;
mod difference;
mod digests;
mod discussion;
mod evidence_file;
mod exceptions;
mod expiry;
mod files;
mod formats;
mod glance;
mod listed;
mod lists;
mod mlflow;
mod notices;
mod old_store;
mod orders;
mod redecided;
mod retention;
mod schemas;
mod several;
mod stages;
mod standing;
mod tier_drift;
mod transitions;
mod workflow;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Json, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use countersign_core::action::{Action, Placed};
use countersign_core::entry::Entry;
use countersign_core::names::{PersonId, Version};
use countersign_core::request::{PromotionRequest, RequestId};
use countersign_core::review::Vote;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::testing::app_with;
use super::{App, AppError, NewReview};
use crate::auth::{Caller, Identity, Method};
use crate::clock::ManualClock;

const PEOPLE: [&str; 7] = ["ana", "ruth", "omar", "lea", "dora", "otto", "olga"];

const POLICY: &str = r#"
[[seat]]
name = "risk"
members = ["ruth", "omar", "ana"]

[[seat]]
name = "legal"
members = ["lea", "ruth"]
veto = true

[[delegation]]
from = "omar"
to = "dora"
seat = "risk"
starts = "2026-11-01"
ends = "2027-01-01"

[[tier]]
name = "low"

[waivers]
seat = "risk"
max = "30d"

[break_glass]
members = ["otto"]
lasts = "1h"
reviewed_by = "risk"

[[gate]]
name = "production"
mode = "enforce"
models = ["*"]
guards = [{ alias = "champion" }]
on_approval = "permit"
expires = "10d"

  [gate.approvals.low]
  seats = { risk = 2 }
  expires = "90d"
"#;

/// What MLflow holds, and whether it is well.
#[derive(Default)]
struct Registry {
    aliases: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// By version.
    stages: BTreeMap<String, String>,
    model_tags: BTreeMap<String, String>,
    description: String,
    /// Under every version.
    files: BTreeMap<String, Vec<u8>>,
    /// When they changed, in seconds; MLflow tells of no other.
    changed: BTreeMap<String, u64>,
    /// Those that were read whole, one after another.
    read: Vec<String>,
    /// One of them, which cannot be read.
    unread: Option<String>,
    /// Whether somebody has gone round us.
    round: bool,
    ill: bool,
    /// It goes away after the head of its answer to a write.
    breaks_off: bool,
    /// Versions are not there any more.
    gone: bool,
    writes: usize,
}

type Shared = Arc<Mutex<Registry>>;

struct World {
    app: Arc<App>,
    clock: Arc<ManualClock>,
    registry: Shared,
    _files: TempDir,
}

async fn version(
    State(registry): State<Shared>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let registry = registry.lock().unwrap();
    if registry.gone {
        return (StatusCode::NOT_FOUND, Json(json!({"error_code": "RESOURCE_DOES_NOT_EXIST"})));
    }
    let (tags, stages, description) = (&registry.tags, &registry.stages, &registry.description);
    let held = registry.aliases.iter().filter(|(_, held)| **held == asked["version"]);
    let aliases: Vec<&String> = held.map(|(alias, _)| alias).collect();
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let found = json!({"model_version": {
        "name": asked["name"], "version": asked["version"], "creation_timestamp": 1, "status": "READY",
        "tags": tags, "description": description, "aliases": aliases,
        "current_stage": stages.get(&asked["version"]).map_or("None", String::as_str),
    }});
    (StatusCode::OK, Json(found))
}

async fn transition(State(registry): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    let mut registry = registry.lock().unwrap();
    if body["archive_existing_versions"] == true {
        let (stage, version) = (text("stage"), text("version"));
        for (other, held) in &mut registry.stages {
            if *other != version && *held == stage {
                "Archived".clone_into(held);
            }
        }
    }
    registry.stages.insert(text("version"), text("stage"));
    Json(json!({"model_version": body}))
}

async fn model(State(registry): State<Shared>) -> Json<Value> {
    Json(json!({"registered_model": mlflow::shown(&registry.lock().unwrap())}))
}

async fn create(Json(body): Json<Value>) -> Json<Value> {
    Json(json!({"model_version": {"name": body["name"], "version": "8", "creation_timestamp": 1}}))
}

async fn set_alias(State(registry): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut registry = registry.lock().unwrap();
    if registry.ill {
        let error = Json(json!({"error_code": "INTERNAL_ERROR"}));
        return (StatusCode::INTERNAL_SERVER_ERROR, error).into_response();
    }
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    registry.aliases.insert(text("alias"), text("version"));
    registry.writes += 1;
    if registry.breaks_off {
        // The head is on its way as soon as the body is waited for.
        let gone = futures_util::stream::once(async {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            Err::<bytes::Bytes, _>(std::io::Error::other("gone"))
        });
        return ([(CONTENT_LENGTH, "2")], axum::body::Body::from_stream(gone)).into_response();
    }
    Json(json!({})).into_response()
}

async fn delete_alias(State(registry): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    registry.lock().unwrap().aliases.remove(body["alias"].as_str().unwrap());
    Json(json!({}))
}

/// MLflow's address, from now on.
async fn serve(registry: &Shared) -> String {
    let alias = axum::routing::post(set_alias).delete(delete_alias);
    let served = Router::new()
        .route("/api/2.0/mlflow/model-versions/get", get(version))
        .route("/api/2.0/mlflow/model-versions/create", axum::routing::post(create))
        .route("/api/2.0/mlflow/registered-models/get", get(model))
        .route("/api/2.0/mlflow/registered-models/alias", alias)
        .route("/api/2.0/mlflow/model-versions/transition-stage", axum::routing::post(transition))
        .merge(mlflow::more())
        .with_state(Arc::clone(registry));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, served).await });
    upstream
}

impl World {
    async fn new(policy: &str) -> Self {
        let registry = Shared::default();
        let upstream = serve(&registry).await;
        let (app, clock, files) = app_with(policy, &upstream, &PEOPLE).await;
        app.keep_plugins(&app.generation.load()).await.unwrap();
        Self { app, clock, registry, _files: files }
    }

    /// Ana asks for `champion` to be version 7.
    async fn asked(&self) -> PromotionRequest {
        self.app.open(&caller("ana"), placed()).await.unwrap()
    }

    async fn vote(
        &self,
        who: &str,
        vote: Vote,
        why: &str,
        id: RequestId,
    ) -> Result<PromotionRequest, AppError> {
        self.vote_in(who, None, vote, why, id).await
    }

    async fn vote_in(
        &self,
        who: &str,
        seat: Option<&str>,
        vote: Vote,
        why: &str,
        id: RequestId,
    ) -> Result<PromotionRequest, AppError> {
        let subject_digest = self.app.request(id)?.binding;
        let (seat, rationale) = (seat.map(Into::into), why.to_owned());
        self.app.review(&caller(who), id, NewReview { vote, seat, rationale, subject_digest }).await
    }

    /// Ruth and Omar approve.
    async fn approved(&self) -> PromotionRequest {
        let id = self.asked().await.id;
        self.signed(id, "this time").await
    }

    /// Ruth and Omar approve a request; nobody says the same twice.
    async fn signed(&self, id: RequestId, why: &str) -> PromotionRequest {
        self.vote("omar", Vote::Approve, &format!("the holdout holds {why}"), id).await.unwrap();
        self.vote_in("ruth", Some("risk"), Vote::Approve, &format!("drift is small {why}"), id).await.unwrap()
    }

    async fn asked_for(&self, version: u32) -> PromotionRequest {
        let mut placed = placed();
        if let Action::SetAlias { version: of, .. } = &mut placed.action {
            *of = Version::new(version);
        }
        self.app.open(&caller("ana"), placed).await.unwrap()
    }

    fn champion(&self) -> Option<String> {
        self.registry.lock().unwrap().aliases.get("champion").cloned()
    }

    fn state(&self, id: RequestId) -> &'static str {
        self.app.request(id).unwrap().state.as_str()
    }

    /// The entries of these kinds, oldest first.
    fn told(&self, kinds: &[&str]) -> Vec<Entry> {
        let records = self.app.entries(None, 1_000).unwrap();
        let entries = records.iter().rev().map(|record| App::entry_of(record).unwrap());
        entries.filter(|entry| kinds.contains(&entry.kind())).collect()
    }

    /// What `ledger verify` says of separation of duties.
    async fn breaches(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.app.ledger.export(&mut out, &mut |_| {}).await.unwrap();
        let found = crate::ledger::export::verify(&mut out.as_slice(), None, &mut |_| {}).unwrap();
        let found: Vec<String> = found.breaches.into_iter().map(|breach| breach.reason).collect();
        self.agree(&found).await;
        found
    }
}

fn placed() -> Placed {
    let (model, alias) = ("credit".into(), "champion".into());
    Placed {
        workspace: "default".into(),
        action: Action::SetAlias { model, alias, version: Version::new(7) },
    }
}

fn caller(name: &str) -> Caller {
    let (person, name) = (PersonId::new(name), name.to_owned());
    Caller::Known(Identity { person, name, machine: false, groups: Vec::new(), method: Method::Session })
}

fn refused<T: std::fmt::Debug>(result: Result<T, AppError>, kind: &str, words: &str) {
    let error = result.unwrap_err();
    let found = match &error {
        AppError::Forbidden(_) => "forbidden",
        AppError::Conflict(_) => "conflict",
        AppError::Invalid(_) => "invalid",
        AppError::NotFound(_) => "not-found",
        _ => "other",
    };
    assert_eq!(found, kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

//! Promotion requests: list, open, show, look into, review, withdraw, renew, apply.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use countersign_core::action::{Action, Placed};
use countersign_core::check::CheckRun;
use countersign_core::difference::Change;
use countersign_core::digest::Digest;
use countersign_core::names::{ModelName, PluginName, Seat, Workspace};
use countersign_core::request::RequestId;
use countersign_core::review::Vote;
use countersign_core::search::SearchError;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::answers::RequestAnswer;
use super::taken::{Asked, Sent};
use super::{Authenticated, Problem, reader, writer};
use crate::app::{App, AppError, NewReview, RequestFilter, Word};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    model: Option<String>,
    /// As in the inbox's box.
    #[serde(default)]
    q: String,
    /// The last id of the page before.
    after: Option<RequestId>,
    limit: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct Listed {
    requests: Vec<RequestAnswer>,
    /// Give it as `after` for the next page.
    next: Option<RequestId>,
}

/// What a check found, once for each configuration that it ran with.
#[derive(Serialize)]
pub(super) struct Evidence {
    check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct NewRequest {
    #[serde(default)]
    workspace: Option<String>,
    action: Action,
}

/// Without `Debug`: it may hold a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct ReviewBody {
    vote: Vote,
    #[serde(default)]
    seat: Option<Seat>,
    rationale: String,
    subject_digest: Digest,
    /// Where the tier asks for it again.
    #[serde(default)]
    password: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Listed>, Problem> {
    reader(&app, &auth)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let model = query.model.map(ModelName::new);
    let search = query.q.parse().map_err(|error: SearchError| AppError::Invalid(format!("`q`: {error}")))?;
    let filter = RequestFilter {
        state: query.state,
        model,
        search,
        after: query.after,
        limit,
        ..RequestFilter::default()
    };
    let page = app.request_page(&filter)?;
    let requests = page.requests.into_iter().map(|request| RequestAnswer::new(&app, request)).collect();
    Ok(Json(Listed { requests, next: page.next }))
}

pub(super) async fn open(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    headers: HeaderMap,
    Sent(new): Sent<NewRequest>,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let workspace = Workspace::new(new.workspace.unwrap_or_else(|| "default".to_owned()));
    let request = app.open(&caller, Placed { workspace, action: new.action }).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
) -> Result<Json<RequestAnswer>, Problem> {
    reader(&app, &auth)?;
    let request = app.request(parse_id(&id)?)?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

#[derive(Serialize)]
pub(super) struct Differs {
    /// `null` where nobody has approved yet.
    changes: Option<Vec<Change>>,
}

pub(super) async fn difference(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
) -> Result<Json<Differs>, Problem> {
    reader(&app, &auth)?;
    let request = app.request(parse_id(&id)?)?;
    Ok(Json(Differs { changes: app.difference(&request)? }))
}

pub(super) async fn review(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Extension(peer): Extension<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Sent(body): Sent<ReviewBody>,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let ReviewBody { vote, seat, rationale, subject_digest, password } = body;
    let new = NewReview { vote, seat, rationale, subject_digest };
    let proof = app.people.auth().proof(&headers, password, peer.ip());
    let request = Box::pin(app.sign(&caller, parse_id(&id)?, new, proof)).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let request = app.withdraw(&caller, parse_id(&id)?).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

pub(super) async fn renew(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let request = app.renew(&caller, parse_id(&id)?).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

pub(super) async fn evidence(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path((id, plugin)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Evidence>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let check_runs = app.open_evidence(&caller, parse_id(&id)?, &PluginName::new(plugin)).await?;
    Ok(Json(Evidence { check_runs }))
}

pub(super) async fn apply(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let request = app.apply(&caller, parse_id(&id)?).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

/// Why an approval is suspended, resumed or revoked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct ReasonBody {
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct SampleBody {
    word: SampleWord,
    rationale: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::http) enum SampleWord {
    Confirm,
    Object,
}

pub(super) type Spoken =
    (State<Arc<App>>, Extension<Authenticated>, Path<String>, HeaderMap, Sent<ReasonBody>);

/// Suspended, resumed, revoked.
pub(super) async fn speak(
    (State(app), Extension(auth), Path(id), headers, Sent(body)): Spoken,
    word: Word,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let request = app.set_standing(&caller, parse_id(&id)?, word, &body.reason).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

pub(super) async fn sample(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Sent(body): Sent<SampleBody>,
) -> Result<Json<RequestAnswer>, Problem> {
    let caller = writer(&app, &auth, &headers)?;
    let confirmed = body.word == SampleWord::Confirm;
    let request = app.review_sample(&caller, parse_id(&id)?, confirmed, &body.rationale).await?;
    Ok(Json(RequestAnswer::new(&app, request)))
}

pub(in crate::http) fn parse_id(text: &str) -> Result<RequestId, AppError> {
    text.parse().map_err(|_| AppError::NotFound(format!("`{text}` is not a request's id")))
}

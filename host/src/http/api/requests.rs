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
use serde::{Deserialize, Serialize};

use super::answers::RequestAnswer;
use super::taken::{Asked, Sent, Writer};
use super::{Answer, Authenticated, reader};
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
) -> Answer<Listed> {
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

pub(super) async fn open(by: Writer, Sent(new): Sent<NewRequest>) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let workspace = Workspace::new(new.workspace.unwrap_or_else(|| "default".to_owned()));
    let request = by.app.open(&caller, Placed { workspace, action: new.action }).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
    Path(id): Path<String>,
) -> Answer<RequestAnswer> {
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
) -> Answer<Differs> {
    reader(&app, &auth)?;
    let request = app.request(parse_id(&id)?)?;
    Ok(Json(Differs { changes: app.difference(&request)? }))
}

pub(super) async fn review(
    by: Writer,
    Extension(peer): Extension<SocketAddr>,
    Path(id): Path<String>,
    Sent(body): Sent<ReviewBody>,
) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let ReviewBody { vote, seat, rationale, subject_digest, password } = body;
    let new = NewReview { vote, seat, rationale, subject_digest };
    let proof = by.app.people.auth().proof(&by.headers, password, peer.ip());
    let request = Box::pin(by.app.sign(&caller, parse_id(&id)?, new, proof)).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
}

pub(super) async fn withdraw(by: Writer, Path(id): Path<String>) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let request = by.app.withdraw(&caller, parse_id(&id)?).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
}

pub(super) async fn renew(by: Writer, Path(id): Path<String>) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let request = by.app.renew(&caller, parse_id(&id)?).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
}

pub(super) async fn evidence(by: Writer, Path((id, plugin)): Path<(String, String)>) -> Answer<Evidence> {
    let caller = by.caller()?;
    let check_runs = by.app.open_evidence(&caller, parse_id(&id)?, &PluginName::new(plugin)).await?;
    Ok(Json(Evidence { check_runs }))
}

pub(super) async fn apply(by: Writer, Path(id): Path<String>) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let request = by.app.apply(&caller, parse_id(&id)?).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
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

pub(super) type Spoken = (Writer, Path<String>, Sent<ReasonBody>);

/// Suspended, resumed, revoked.
pub(super) async fn speak((by, Path(id), Sent(body)): Spoken, word: Word) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let request = by.app.set_standing(&caller, parse_id(&id)?, word, &body.reason).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
}

pub(super) async fn sample(
    by: Writer,
    Path(id): Path<String>,
    Sent(body): Sent<SampleBody>,
) -> Answer<RequestAnswer> {
    let caller = by.caller()?;
    let confirmed = body.word == SampleWord::Confirm;
    let request = by.app.review_sample(&caller, parse_id(&id)?, confirmed, &body.rationale).await?;
    Ok(Json(RequestAnswer::new(&by.app, request)))
}

pub(in crate::http) fn parse_id(text: &str) -> Result<RequestId, AppError> {
    text.parse().map_err(|_| AppError::NotFound(format!("`{text}` is not a request's id")))
}

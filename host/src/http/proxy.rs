//! Requests to MLflow: who calls, what it would change, and then through, governed or refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use countersign_core::classify::{self, Classified, Head, Refusal, Routed};
use countersign_core::policy::Mode;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tracing::Instrument as _;

use super::databricks;
use super::error::{self, Shape};
use super::front::{Broken, Front, Lane};
use super::negotiate::{self, Challenge};
use crate::app::{Answer, App, AppError, Call, Passage};
use crate::auth::{AuthError, Caller};
use crate::mlflow::{Body, ProxyError, Upstream};
use crate::telemetry::{RequestOutcome, Route};

/// The longest body of a governed write, in bytes. The largest real ones carry a description of 5,000 characters.
pub(super) const GOVERNED_BODY: usize = 1 << 20;

pub(super) async fn answer(lane: &Lane, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let front = &*lane.front;
    if let Err(refused) = lane.upstream.origins().check(&head) {
        return text(StatusCode::FORBIDDEN, refused.to_string());
    }
    let caller = match admit(front, &head, peer).await {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    front.app.people.auth().strip(&mut head.headers);
    let routed = {
        let values =
            |name: &str| head.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
        classify::route(&spelling(&head, &values), &front.manners.static_prefix)
    };
    match routed {
        Routed::PassThrough => {
            let document = front.injection.as_ref().filter(|injection| injection.is_wanted(&head));
            document.into_iter().for_each(|injection| injection.ask(&mut head.headers));
            let response = stream(front, &lane.upstream, head, body, peer).await;
            match document {
                Some(injection) => injection.insert(response).await,
                None => response,
            }
        }
        Routed::Watched(touch) => {
            let response = stream(front, &lane.upstream, head, body, peer).await;
            front.app.registry.touched(&touch);
            response
        }
        Routed::Databricks(asked) => {
            let front = Arc::clone(&lane.front);
            let span = tracing::info_span!("request", request.id = %front.request_id(&head.headers));
            let work =
                async move { Box::pin(databricks::answer(&front, asked, head, body, &caller, peer)).await };
            lane.in_house(work.instrument(span)).await.unwrap_or_else(|Broken| broke_down())
        }
        Routed::Refused(refusal) if enforces(&front.app) => spelt_oddly(front, &refusal),
        // A spelling that no client sends: where nothing is enforced, MLflow may judge it.
        Routed::Refused(_) => stream(front, &lane.upstream, head, body, peer).await,
        Routed::Governed(classified) => {
            Box::pin(governed_by_path(lane, head, body, *classified, caller, peer)).await
        }
        Routed::NeedsBody(route) => {
            let (front, upstream) = (Arc::clone(&lane.front), Arc::clone(&lane.upstream));
            let span = tracing::info_span!("request", request.id = %front.request_id(&head.headers));
            let work =
                async move { governed_by_body(&front, upstream, head, body, &route, caller, peer).await };
            Lane::apart(work.instrument(span)).await.unwrap_or_else(|Broken| broke_down())
        }
    }
}

/// Who calls. Strangers may ask whether the server is well, and read where the operator allows it.
async fn admit(front: &Front, head: &Parts, peer: SocketAddr) -> Result<Caller, Box<Response<Body>>> {
    let auth = front.app.people.auth();
    let caller = auth.authenticate(&head.headers, peer.ip()).await;
    let known = match caller {
        Ok(caller) => caller,
        Err(error) => return Err(Box::new(unauthenticated(front, head, &error))),
    };
    let reads = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) || reads_by_post(head);
    if !reads && known.may_be_forged(&head.headers, &front.app.public_url) {
        return Err(Box::new(text(StatusCode::FORBIDDEN, "Cross-origin request blocked".to_owned())));
    }
    let open = auth.lets_strangers_pass() || is_health(head.uri.path());
    if known.identity().is_some() || open || (reads && front.manners.anonymous_reads) {
        return Ok(known);
    }
    Err(Box::new(challenged(front, head, auth.how_to_sign_in())))
}

/// MLflow asks some questions by POST, because they are long.
fn reads_by_post(head: &Parts) -> bool {
    const QUESTIONS: [&str; 5] =
        ["search", "get-latest-versions", "graphql", "search-datasets", "get-history-bulk"];
    let last = head.uri.path().rsplit('/').next().unwrap_or_default();
    head.method == Method::POST && QUESTIONS.contains(&last)
}

fn is_health(path: &str) -> bool {
    path.ends_with("/health") || path.ends_with("/version")
}

fn unauthenticated(front: &Front, head: &Parts, error: &AuthError) -> Response<Body> {
    if error.is_callers() {
        return challenged(front, head, &error.to_string());
    }
    error::mlflow(StatusCode::SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE", &error.to_string(), None)
}

fn challenged(front: &Front, head: &Parts, why: &str) -> Response<Body> {
    front.app.metrics.request(Route::PassThrough, RequestOutcome::Unauthenticated);
    let auth = front.app.people.auth();
    let base = auth.has_login_page().then(|| front.base());
    let audience = negotiate::audience(&head.method, &head.uri, &head.headers);
    match negotiate::challenge(audience, &head.uri, base, auth.challenge(), why) {
        Challenge::SignIn { location } => {
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = StatusCode::SEE_OTHER;
            error::header(&mut response, http::header::LOCATION, &location);
            response
        }
        Challenge::Unauthorized { www_authenticate, body } => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            error::header(&mut response, http::header::WWW_AUTHENTICATE, &www_authenticate);
            error::header(&mut response, http::header::CONTENT_TYPE, "application/json");
            response
        }
    }
}

async fn stream(
    front: &Front,
    upstream: &Upstream,
    head: Parts,
    body: Incoming,
    peer: SocketAddr,
) -> Response<Body> {
    let head_only = head.method == Method::HEAD;
    match upstream.stream(Request::from_parts(head, body), &front.peer(peer)).await {
        Ok(response) => {
            front.app.metrics.request(Route::PassThrough, RequestOutcome::Forwarded);
            response
        }
        Err(error) => failed(&front.app, &error, head_only),
    }
}

fn failed(app: &App, error: &ProxyError, head_only: bool) -> Response<Body> {
    app.metrics.request(Route::PassThrough, RequestOutcome::UpstreamFailed);
    let (status, code) = match error {
        ProxyError::Upstream(_) => (StatusCode::BAD_GATEWAY, "TEMPORARILY_UNAVAILABLE"),
        ProxyError::NeedsLength => (StatusCode::PAYLOAD_TOO_LARGE, "INVALID_PARAMETER_VALUE"),
        ProxyError::BrokenRequest(_) | ProxyError::NoPath => {
            (StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE")
        }
    };
    tracing::warn!(error = %error::chain(error), "request not passed on");
    let message = format!("Countersign could not {}. Try again, or ask its operator", error::chain(error));
    let response = error::mlflow(status, code, &message, None);
    if head_only { response.map(|_| Body::Empty) } else { response }
}

/// The request line as it came, with access to the headers.
pub(super) fn spelling<'a>(head: &'a Parts, headers: &'a dyn Fn(&str) -> Vec<&'a [u8]>) -> Head<'a> {
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Head { method: head.method.as_str(), target, headers }
}

/// Writes of files: governed by where they go, and never read by us.
async fn governed_by_path(
    lane: &Lane,
    head: Parts,
    body: Incoming,
    classified: Classified,
    caller: Caller,
    peer: SocketAddr,
) -> Response<Body> {
    let front = Arc::clone(&lane.front);
    let span = tracing::info_span!("request", request.id = %front.request_id(&head.headers));
    let (headers, from) = (head.headers.clone(), front.peer(peer));
    let upstream = Arc::clone(&lane.upstream);
    let call = Call { caller, classified, headers, peer: from, received: None, upstream };
    let work = async move { Box::pin(front.app.govern(call)).await };
    match Lane::apart(work.instrument(span)).await {
        Ok(Ok(Answer::Untouched)) => stream(&lane.front, &lane.upstream, head, body, peer).await,
        Ok(Ok(Answer::Lets(passage))) => {
            let_through(lane, *passage, Request::from_parts(head, body), peer).await
        }
        Ok(answered) => ruled(&lane.front, answered),
        Err(Broken) => broke_down(),
    }
}

/// Files that may be written: their bytes go from the client to MLflow as they come.
async fn let_through(
    lane: &Lane,
    passage: Passage,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Body> {
    let app = &lane.front.app;
    match app.write_files(passage, &lane.upstream, request, &lane.front.peer(peer)).await {
        Ok(response) => {
            app.metrics.request(Route::Governed, RequestOutcome::Forwarded);
            response
        }
        Err(error) => failed(app, &error, false),
    }
}

async fn governed_by_body(
    front: &Front,
    upstream: Arc<Upstream>,
    head: Parts,
    body: Incoming,
    route: &classify::Route,
    caller: Caller,
    peer: SocketAddr,
) -> Response<Body> {
    let began = Instant::now();
    let received = match Limited::new(body, GOVERNED_BODY).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            let message = format!("the body of this write could not be read: {error}. Send at most 1 MiB");
            return error::mlflow(StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE", &message, None);
        }
    };
    let classified = {
        let values =
            |name: &str| head.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
        classify::classify(route, &spelling(&head, &values), &received)
    };
    match classified {
        Ok(classified) => {
            let (headers, received) = (head.headers, Some(received));
            let peer = front.peer(peer);
            let call = Call { caller, classified, headers, peer, received, upstream: Arc::clone(&upstream) };
            let answer = match Box::pin(front.app.govern(call)).await {
                Ok(Answer::Forwarded(response)) if route.is_databricks() => {
                    in_envelope(&upstream, response).await
                }
                answered => answered,
            };
            tracing::debug!(duration_ms = began.elapsed().as_millis(), "governed write answered");
            ruled(front, answer)
        }
        Err(refusal) if enforces(&front.app) => spelt_oddly(front, &refusal),
        Err(_) => pass_bytes(front, &upstream, head, received, peer).await,
    }
}

async fn in_envelope(upstream: &Upstream, response: Response<Body>) -> Result<Answer, AppError> {
    let response = databricks::in_envelope(upstream.whole(response).await?);
    Ok(Answer::Forwarded(response.map(Body::Whole)))
}

fn ruled(front: &Front, answer: Result<Answer, AppError>) -> Response<Body> {
    let metrics = &front.app.metrics;
    match answer {
        Ok(Answer::Untouched | Answer::Lets(_)) => {
            error::mlflow(StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE", "this write has no body", None)
        }
        Ok(Answer::Forwarded(response)) => {
            metrics.request(Route::Governed, RequestOutcome::Forwarded);
            response
        }
        Ok(Answer::Refused(refusal)) => {
            metrics.request(Route::Governed, RequestOutcome::Refused);
            let details = serde_json::to_value(&refusal).ok();
            error::mlflow(StatusCode::FORBIDDEN, "PERMISSION_DENIED", &refusal.message, details)
        }
        Err(error) => {
            metrics.request(Route::Governed, RequestOutcome::Failed);
            error::respond(&error, Shape::Mlflow)
        }
    }
}

fn spelt_oddly(front: &Front, refusal: &Refusal) -> Response<Body> {
    front.app.metrics.request(Route::Governed, RequestOutcome::Invalid);
    tracing::info!(refusal.code = refusal.code(), decision = "invalid", "governed write in an odd spelling");
    error::mlflow(StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE", &refusal.to_string(), None)
}

fn enforces(app: &App) -> bool {
    app.generation.load().policy.gates().iter().any(|gate| gate.mode == Mode::Enforce)
}

async fn pass_bytes(
    front: &Front,
    upstream: &Upstream,
    head: Parts,
    received: Bytes,
    peer: SocketAddr,
) -> Response<Body> {
    let request = Request::from_parts(head, Body::Whole(received));
    match upstream.stream(request, &front.peer(peer)).await {
        Ok(response) => response,
        Err(error) => failed(&front.app, &error, false),
    }
}

pub(super) fn broke_down() -> Response<Body> {
    tracing::error!("request not answered");
    let message = "Countersign failed while it answered this request. Try again, or ask its operator";
    error::mlflow(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message, None)
}

fn text(status: StatusCode, message: String) -> Response<Body> {
    let mut response = Response::new(Body::from(message));
    *response.status_mut() = status;
    error::header(&mut response, http::header::CONTENT_TYPE, "text/plain; charset=utf-8");
    response
}

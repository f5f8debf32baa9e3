//! The front door: what is ours goes to our router, everything else on its way to MLflow.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{OUR_PATH, api, proxy, site};
use crate::app::App;
use crate::auth::{AuthError, Caller};
use crate::mlflow::{Body, Caller as Peer, Credentials};

const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// What the front door needs to know besides the app.
#[derive(Debug, Clone)]
pub struct Manners {
    /// MLflow's `--static-prefix`; empty for none.
    pub static_prefix: String,
    /// Whether strangers may read.
    pub anonymous_reads: bool,
    /// The name of our session cookie.
    pub session_cookie: &'static str,
}

/// Everything that answers on the main listener.
pub struct Front {
    pub(super) app: Arc<App>,
    pub(super) manners: Manners,
    ours: Router,
    base: String,
}

impl Front {
    #[must_use]
    pub fn new(app: Arc<App>, manners: Manners) -> Self {
        let base = format!("{}{OUR_PATH}", manners.static_prefix);
        let own = Router::new()
            .nest("/api", api::router(Arc::clone(&app)))
            .merge(api::webhooks(Arc::clone(&app)))
            .merge(site::router(Arc::clone(&app), base.clone()));
        let ours = Router::new().nest(&base, own).merge(site::inbox(Arc::clone(&app), base.clone()));
        Self { app, manners, ours, base }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let given = request.headers().get(REQUEST_ID).cloned();
        let mut response = if self.is_ours(request.uri().path()) {
            let id = self.request_id(request.headers());
            let span = tracing::info_span!("request", request.id = %id);
            self.answer_ourselves(request, peer).instrument(span).await
        } else {
            proxy::answer(self, request, peer).await
        };
        // Only one that was given is given back: a response that passes through stays as MLflow made it.
        if let Some(id) = given {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    fn is_ours(&self, path: &str) -> bool {
        path.strip_prefix(self.base.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The id under which a request goes through the log: the caller's own, or a fresh one.
    pub(super) fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| id.len() <= 128);
        let fresh = || self.app.clock.new_id().map(|id| id.to_string()).unwrap_or_default();
        given.map_or_else(fresh, str::to_owned)
    }

    async fn answer_ourselves(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        if head.uri.path() == self.base {
            return redirect(&format!("{}/", self.base));
        }
        head.extensions.insert(peer);
        let caller = self.app.people.auth().authenticate(&head.headers, peer.ip()).await;
        head.extensions.insert(Arc::new(caller));
        let request = Request::from_parts(head, axum::body::Body::new(body));
        match self.ours.clone().oneshot(request).await {
            Ok(response) => response.map(Body::from),
            Err(never) => match never {},
        }
    }

    /// Who calls MLflow, and what they may show it of themselves.
    pub(super) fn peer(&self, peer: SocketAddr) -> Peer {
        let auth = self.app.people.auth();
        let credentials = if auth.keeps_credentials() {
            Credentials::Ours { session_cookie: self.manners.session_cookie }
        } else {
            Credentials::Keep
        };
        Peer { peer: peer.ip(), peer_is_trusted: auth.trusts(peer.ip()), credentials }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }
}

/// Who calls, as our router's handlers find it.
pub(super) type Authenticated = Arc<Result<Caller, AuthError>>;

fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = http::HeaderValue::from_str(to) {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    response
}

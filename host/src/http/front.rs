//! The front door: what is ours goes to our router, everything else on its way to MLflow.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{OUR_PATH, api, assets, proxy, site};
use crate::app::{App, Doctor};
use crate::auth::{AuthError, Caller};
use crate::inject::Injection;
use crate::mlflow::{Body, Caller as Peer, Credentials, Upstream};

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
    /// Whether MLflow's own pages show where versions stand.
    pub inject: bool,
}

/// Everything that answers on the main listener.
pub struct Front {
    pub(super) app: Arc<App>,
    pub(super) manners: Manners,
    /// What is put into MLflow's document.
    pub(super) injection: Option<Injection>,
    ours: Router,
    base: String,
}

/// The front door as one thread has it, with connections to MLflow of its own.
pub(super) struct Lane {
    pub(super) front: Arc<Front>,
    pub(super) upstream: Arc<Upstream>,
    /// The runtime of the rest of the house.
    house: Handle,
}

/// A panic ended it; the panic's own line is in the log.
#[derive(Debug)]
pub(super) struct Broken;

// === impl Lane ===

impl Lane {
    pub(super) fn new(front: Arc<Front>, house: Handle) -> Self {
        Self { upstream: Arc::new(front.app.proxy.another()), front, house }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let given = request.headers().get(REQUEST_ID).cloned();
        let mut response = if self.front.is_ours(request.uri().path()) {
            let front = Arc::clone(&self.front);
            let work = async move { front.answer_ourselves(request, peer).await };
            self.in_house(work).await.unwrap_or_else(|Broken| proxy::broke_down())
        } else {
            proxy::answer(self, request, peer).await
        };
        // Only one that was given is given back: a response that passes through stays as MLflow made it.
        if let Some(id) = given {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    /// Works in the task of the client's connection, so that a governed write wakes nobody on its way. What breaks,
    /// breaks alone; a client that leaves takes the work along.
    pub(super) async fn apart<T>(work: impl Future<Output = T>) -> Result<T, Broken> {
        // Nothing of the work is looked at again once it has broken.
        AssertUnwindSafe(Box::pin(work)).catch_unwind().await.map_err(|_| Broken)
    }

    /// Works on the rest of the house's threads: whoever only passes through must not wait for what takes longer.
    /// A client that leaves takes the work along.
    pub(super) async fn in_house<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Broken> {
        AbortOnDropHandle::new(self.house.spawn(work)).await.map_err(|_| Broken)
    }
}

// === impl Front ===

impl Front {
    #[must_use]
    pub fn new(app: Arc<App>, manners: Manners, doctor: Option<Doctor>) -> Self {
        let base = format!("{}{OUR_PATH}", manners.static_prefix);
        let own = Router::new()
            .nest("/api", api::router(Arc::clone(&app)))
            .merge(api::webhooks(Arc::clone(&app)))
            .merge(site::router(Arc::clone(&app), base.clone(), doctor));
        let ours = Router::new().nest(&base, own).merge(site::inbox(Arc::clone(&app), base.clone()));
        // The module finds its style by its own address.
        let (module, style) = (&assets::module().file_name, &assets::module_sheet().file_name);
        let script = format!("{}/assets/{module}?{style}", OUR_PATH.trim_start_matches('/'));
        let injection = manners.inject.then(|| Injection::new(&manners.static_prefix, &script));
        Self { app, manners, injection, ours, base }
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
        let span = tracing::info_span!("request", request.id = %self.request_id(request.headers()));
        self.route_ours(request, peer).instrument(span).await
    }

    async fn route_ours(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        if head.uri.path() == self.base {
            return redirect(&format!("{}/", self.base));
        }
        // Whoever was answered a moment ago finds here what they were told.
        if let Err(error) = self.app.settled().await {
            tracing::warn!(%error, "outcomes of the last writes not seen on disk");
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

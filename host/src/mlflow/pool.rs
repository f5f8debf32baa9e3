//! Kept connections to an upstream that speaks plain HTTP.
//!
//! A pool belongs to the threads of one runtime: connections do their waiting where they were opened. It knows nothing
//! of headers; the requests that it is given are as the upstream shall see them.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::uri::Uri;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::runtime::Handle;
use tower::ServiceExt as _;

use super::body::{Body, BoxError};
use super::connection::{Connection, Failed};
use super::relayed::Relayed;

/// Idle connections, and how to open one more.
pub(super) struct Pool {
    connector: HttpConnector,
    upstream: Uri,
    idle_timeout: Duration,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one used last is at the back and used next, so that those at the front get old.
    connections: VecDeque<(Instant, Connection)>,
    /// Somebody looks for those that have become too old.
    watched: bool,
}

/// Why there was no response.
#[derive(Debug)]
pub(super) enum PoolError {
    /// The request never left.
    Unreachable(BoxError),
    Broken(BoxError),
}

// === impl Pool ===

impl Pool {
    /// `upstream` needs a scheme and an authority only.
    pub(super) fn new(connector: HttpConnector, upstream: Uri, idle_timeout: Duration) -> Self {
        Self { connector, upstream, idle_timeout, idle: Mutex::default() }
    }

    /// An empty pool to the same upstream.
    pub(super) fn another(&self) -> Self {
        Self::new(self.connector.clone(), self.upstream.clone(), self.idle_timeout)
    }

    /// One exchange; `request` has its target in origin form. Tried again only when a kept connection turned out to
    /// be closed before a byte of the request was written to it.
    pub(super) async fn request(
        self: &Arc<Self>,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, PoolError> {
        let uploading = request.body().is_streamed();
        while let Some(mut kept) = self.take() {
            request = match kept.exchange(request).await {
                Ok(response) => return Ok(self.relay(response, kept, uploading)),
                Err(Failed::NotSent(back)) => *back,
                Err(Failed::Broken(error)) => return Err(PoolError::Broken(error.into())),
            };
        }
        let mut fresh = self.open().await.map_err(PoolError::Unreachable)?;
        match fresh.exchange(request).await {
            Ok(response) => Ok(self.relay(response, fresh, uploading)),
            Err(Failed::NotSent(_)) => Err(PoolError::Unreachable("it was closed at once".into())),
            Err(Failed::Broken(error)) => Err(PoolError::Broken(error.into())),
        }
    }

    async fn open(&self) -> Result<Connection, BoxError> {
        let stream = self.connector.clone().oneshot(self.upstream.clone()).await?;
        Ok(Connection::open(stream).await?)
    }

    /// Most answers have arrived as a whole and need their connection no longer. Of the others, one that came before
    /// its request had ended must not wait for its reader: a client may read only when it has sent everything.
    fn relay(
        self: &Arc<Self>,
        response: Response<Incoming>,
        connection: Connection,
        uploading: bool,
    ) -> Response<Body> {
        if connection.is_idle() {
            self.keep(connection);
            response.map(Body::Streamed)
        } else if uploading {
            tokio::spawn(Arc::clone(self).finish(connection));
            response.map(Body::Streamed)
        } else {
            response.map(|body| Body::Relayed(Box::new(Relayed::new(body, connection, self))))
        }
    }

    /// An idle connection that is still open.
    fn take(&self) -> Option<Connection> {
        loop {
            let (since, mut connection) = self.idle().connections.pop_back()?;
            if since.elapsed() < self.idle_timeout && connection.is_still_idle() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request, unless it has ended or is still in use.
    pub(super) fn keep(self: &Arc<Self>, connection: Connection) {
        if !connection.is_idle() {
            return;
        }
        connection.rest();
        let mut idle = self.idle();
        idle.connections.push_back((Instant::now(), connection));
        if !idle.watched
            && let Ok(runtime) = Handle::try_current()
        {
            idle.watched = true;
            runtime.spawn(watch(Arc::downgrade(self), self.idle_timeout));
        }
    }

    /// Drives a connection until its exchange is over, both ways.
    async fn finish(self: Arc<Self>, mut connection: Connection) {
        poll_fn(|cx| {
            connection.drive(cx);
            if connection.has_ended() || connection.is_idle() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.keep(connection);
    }

    /// Closes those that nobody has used for too long. False when none is left to look after.
    fn sweep(&self) -> bool {
        let mut idle = self.idle();
        while idle.connections.front().is_some_and(|(since, _)| since.elapsed() >= self.idle_timeout) {
            idle.connections.pop_front();
        }
        idle.watched = !idle.connections.is_empty();
        idle.watched
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps until the pool is empty or gone.
async fn watch(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

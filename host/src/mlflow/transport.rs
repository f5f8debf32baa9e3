//! How requests get to the upstream: over connections of ours where it speaks plain HTTP, else through hyper's client.

use std::sync::Arc;

use http::uri::{PathAndQuery, Scheme, Uri};
use http::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as TlsPool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::Body;
use super::pool::{Pool, PoolError};
use super::{Base, Settings};

#[derive(Debug, Clone)]
pub(super) enum Transport {
    Plain(Arc<Pool>),
    Tls(TlsPool<HttpsConnector<HttpConnector>, Body>),
}

// === impl Transport ===

impl Transport {
    pub(super) fn new(settings: &Settings) -> Result<Self, std::io::Error> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        if settings.base.scheme == Scheme::HTTP {
            let upstream =
                settings.base.uri(PathAndQuery::from_static("/")).map_err(std::io::Error::other)?;
            return Ok(Self::Plain(Arc::new(Pool::new(tcp, upstream, settings.idle_timeout))));
        }
        let pool = TlsPool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .set_host(false)
            .build(tls(tcp)?);
        Ok(Self::Tls(pool))
    }

    /// The same way with connections of its own, for the threads of another runtime.
    pub(super) fn another(&self) -> Self {
        match self {
            Self::Plain(pool) => Self::Plain(Arc::new(pool.another())),
            Self::Tls(pool) => Self::Tls(pool.clone()),
        }
    }

    /// The form of a request's target that [`Self::send`] takes.
    pub(super) fn target(&self, base: &Base, path_and_query: PathAndQuery) -> Result<Uri, http::Error> {
        match self {
            Self::Plain(_) => base.target(path_and_query).map(Uri::from),
            Self::Tls(_) => base.uri(path_and_query),
        }
    }

    /// One exchange. Tried again only when a kept connection turned out to be closed before a byte of the request
    /// was written to it.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, PoolError> {
        match self {
            Self::Plain(pool) => pool.request(request).await,
            Self::Tls(pool) => match pool.request(request).await {
                Ok(response) => Ok(response.map(Body::Streamed)),
                Err(error) if error.is_connect() => Err(PoolError::Unreachable(error.into())),
                Err(error) => Err(PoolError::Broken(error.into())),
            },
        }
    }
}

/// Root certificates are read only for an upstream that needs them: a small image may have none.
fn tls(tcp: HttpConnector) -> Result<HttpsConnector<HttpConnector>, std::io::Error> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    Ok(builder.https_only().enable_http1().wrap_connector(tcp))
}

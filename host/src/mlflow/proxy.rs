//! The streaming reverse proxy: bytes in, bytes out, constant memory, nothing understood.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ORIGIN, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::{Body, BoxError};
use super::headers::{self, Caller, Fixed};
use super::{Base, Origins, Settings};

/// The longest chunked request body, in bytes, that is gathered to give it a length.
pub const MAX_GATHERED: usize = 16 << 20;

/// The MLflow server, for requests that are not ours.
#[derive(Debug, Clone)]
pub struct Upstream {
    pool: Pool<HttpsConnector<HttpConnector>, Body>,
    base: Base,
    fixed: Fixed,
    origins: Origins,
    response_timeout: Duration,
}

/// Why the upstream gave no response. [`UpstreamError::may_have_acted`] tells whether the request may have had
/// its effect all the same.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("reach the MLflow server: no connection to {base}")]
    Unreachable { base: String, source: BoxError },
    #[error("get an answer from the MLflow server at {base} within {} seconds", waited.as_secs())]
    Timeout { base: String, waited: Duration },
    #[error("get a whole answer from the MLflow server at {base}")]
    Broken { base: String, source: BoxError },
}

impl UpstreamError {
    /// False only when the request certainly never left.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

/// Why a request was not answered by the upstream.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Answer 413: MLflow would read the body as empty.
    #[error(
        "take a request body of unknown length over {} MiB: MLflow reads such bodies as empty; send `Content-Length`",
        MAX_GATHERED >> 20
    )]
    NeedsLength,
    /// Answer 400.
    #[error("read the request body")]
    BrokenRequest(#[source] BoxError),
    /// Answer 400.
    #[error("pass on a request without a path")]
    NoPath,
}

impl Upstream {
    /// `public` is the URL at which clients find us.
    ///
    /// # Errors
    /// When the machine's root certificates cannot be read, and the upstream needs them.
    pub fn new(settings: &Settings, public: &Base, origins: Origins) -> Result<Self, std::io::Error> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .set_host(false)
            .build(connector(tcp, &settings.base.scheme)?);
        Ok(Self {
            pool,
            fixed: Fixed::new(&settings.base, settings.credentials.clone(), public),
            base: settings.base.clone(),
            origins,
            response_timeout: settings.response_timeout,
        })
    }

    /// Passes a request on and its response back, both as they come.
    ///
    /// # Errors
    /// See [`ProxyError`]. Once this has returned a response, a failing upstream shows as an error of its body.
    pub async fn stream<B>(&self, request: Request<B>, caller: &Caller) -> Result<Response<Body>, ProxyError>
    where
        B: Into<Body>,
    {
        let (mut head, body) = request.into_parts();
        let path = std::mem::take(&mut head.uri).into_parts().path_and_query.ok_or(ProxyError::NoPath)?;
        let body = with_length(&head.method, path.path(), &mut head.headers, body.into()).await?;
        if self.origins.is_ours(&head.headers) {
            head.headers.remove(ORIGIN);
        }
        headers::outbound(&mut head.headers, &self.fixed, caller);
        head.uri = self.base.uri(path).map_err(|_| ProxyError::NoPath)?;
        head.version = http::Version::HTTP_11;
        Ok(self.send(Request::from_parts(head, body)).await?)
    }

    /// One exchange. The pool tries again only when a kept connection turned out to be closed before a byte of
    /// the request was written to it.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let uploading = matches!(request.body(), Body::Streamed(_) | Body::Boxed(_));
        let answer = self.pool.request(request);
        let answer = if uploading {
            answer.await
        } else {
            let late =
                |_| UpstreamError::Timeout { base: self.base.to_string(), waited: self.response_timeout };
            tokio::time::timeout(self.response_timeout, answer).await.map_err(late)?
        };
        let mut response = answer.map_err(|e| self.failure(e))?;
        headers::strip_hop_by_hop(response.headers_mut());
        *response.version_mut() = http::Version::HTTP_11;
        Ok(response.map(Body::Streamed))
    }

    fn failure(&self, error: hyper_util::client::legacy::Error) -> UpstreamError {
        let base = self.base.to_string();
        if error.is_connect() {
            UpstreamError::Unreachable { base, source: error.into() }
        } else {
            UpstreamError::Broken { base, source: error.into() }
        }
    }

    pub(super) fn broken(&self, source: BoxError) -> UpstreamError {
        UpstreamError::Broken { base: self.base.to_string(), source }
    }

    pub(super) const fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    pub(super) const fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    #[must_use]
    pub const fn base(&self) -> &Base {
        &self.base
    }

    #[must_use]
    pub const fn origins(&self) -> &Origins {
        &self.origins
    }
}

/// Root certificates are read only for an upstream that needs them: a small image may have none.
fn connector(tcp: HttpConnector, scheme: &Scheme) -> Result<HttpsConnector<HttpConnector>, std::io::Error> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = if *scheme == Scheme::HTTPS {
        HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?
    } else {
        let config = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?;
        let none = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        HttpsConnectorBuilder::new().with_tls_config(none)
    };
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}

/// Gives a body of unknown length one. MLflow's Flask routes take a chunked body for an empty one; its artifact
/// routes do not, and there the bytes go on as they come.
async fn with_length(
    method: &Method,
    path: &str,
    headers: &mut HeaderMap,
    body: Body,
) -> Result<Body, ProxyError> {
    if body.is_end_stream() {
        return Ok(Body::Empty);
    }
    // RFC 9112 §6.3: with both, the length is a lie, and two readers that believe different ones can be led apart.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    if headers.contains_key(CONTENT_LENGTH) || takes_chunks(method, path) {
        return Ok(body);
    }
    let gathered = Limited::new(body, MAX_GATHERED).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            ProxyError::NeedsLength
        } else {
            ProxyError::BrokenRequest(error)
        }
    })?;
    let bytes: Bytes = gathered.to_bytes();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(Body::Whole(bytes))
}

fn takes_chunks(method: &Method, path: &str) -> bool {
    *method == Method::PUT && path.contains("/mlflow-artifacts/artifacts/")
}

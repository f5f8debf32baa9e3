//! The streaming reverse proxy: bytes in, bytes out, constant memory, nothing understood.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ORIGIN, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body as _;

use super::body::{Body, BoxError};
use super::headers::{self, Caller, Fixed};
use super::pool::PoolError;
use super::transport::Transport;
use super::{Base, Origins, Settings};

/// The longest chunked request body, in bytes, that is gathered to give it a length.
pub const MAX_GATHERED: usize = 16 << 20;

/// The MLflow server, for requests that are not ours.
#[derive(Debug, Clone)]
pub struct Upstream {
    transport: Transport,
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
        Ok(Self {
            transport: Transport::new(settings)?,
            fixed: Fixed::new(&settings.base, settings.credentials.clone(), public),
            base: settings.base.clone(),
            origins,
            response_timeout: settings.response_timeout,
        })
    }

    /// The same upstream for the threads of another runtime: nothing is shared, so that they need not meet.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { transport: self.transport.another(), fixed: self.fixed.another(), ..self.clone() }
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
        head.uri = self.target(path).map_err(|_| ProxyError::NoPath)?;
        head.version = http::Version::HTTP_11;
        Ok(self.send(Request::from_parts(head, body)).await?)
    }

    pub(super) fn target(&self, path_and_query: PathAndQuery) -> Result<Uri, http::Error> {
        self.transport.target(&self.base, path_and_query)
    }

    /// One exchange.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        let uploading = request.body().is_streamed();
        let answer = self.transport.send(request);
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
        Ok(response)
    }

    fn failure(&self, error: PoolError) -> UpstreamError {
        match error {
            PoolError::Unreachable(source) => {
                UpstreamError::Unreachable { base: self.base.to_string(), source }
            }
            PoolError::Broken(source) => self.broken(source),
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

//! Carrying a governed write out: our own spelling of it, never the client's bytes.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Limited};

use super::body::Body;
use super::headers::{self, Caller};
use super::proxy::{Upstream, UpstreamError};
use super::withheld::Withheld;

/// The longest response that is read whole, in bytes. MLflow answers a registry write with one version or model.
const MAX_RESPONSE: usize = 8 << 20;

/// A request in the one spelling that we send.
#[derive(Debug, Clone)]
pub struct Canonical {
    pub method: Method,
    pub path_and_query: PathAndQuery,
    pub content_type: HeaderValue,
    pub body: Bytes,
}

impl Upstream {
    /// Sends a governed write and reads the whole response. `client` are the headers of the request that it came
    /// in; what describes its body is replaced. Whoever calls this has used up a permit for it.
    ///
    /// # Errors
    /// See [`UpstreamError`]: unless the upstream was unreachable, the write may have had its effect.
    pub async fn forward_canonical(
        &self,
        request: Canonical,
        client: &HeaderMap,
        caller: &Caller,
    ) -> Result<Response<Bytes>, UpstreamError> {
        let request = self.assemble(request, client, caller)?;
        self.whole(self.send(request).await?).await
    }

    /// As [`Upstream::forward_canonical`]: the head goes ahead, the body when it is let go, and the response comes
    /// when its own head is here.
    pub(super) async fn forward_withheld(
        &self,
        request: Canonical,
        until: Withheld,
        (client, caller): (&HeaderMap, &Caller),
    ) -> Result<Response<Body>, UpstreamError> {
        let request = self.kept_back(self.assemble(request, client, caller)?, until).await?;
        self.in_time(self.send(request)).await?
    }

    /// Reads the rest of a response.
    ///
    /// # Errors
    /// When it breaks off, or takes too long.
    pub async fn whole(&self, response: Response<Body>) -> Result<Response<Bytes>, UpstreamError> {
        let (head, body) = response.into_parts();
        let collected = self.in_time(Limited::new(body, MAX_RESPONSE).collect()).await?;
        let body = collected.map_err(|error| self.broken(error))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, UpstreamError> {
        let waited = self.response_timeout();
        let late = |_| UpstreamError::Timeout { base: self.base().to_string(), waited };
        tokio::time::timeout(waited, work).await.map_err(late)
    }

    async fn kept_back(
        &self,
        request: Request<Body>,
        until: Withheld,
    ) -> Result<Request<Body>, UpstreamError> {
        let (head, body) = request.into_parts();
        let Body::Whole(bytes) = body else { return Ok(Request::from_parts(head, body)) };
        let unsent = |source| UpstreamError::Unreachable { base: self.base().to_string(), source };
        Ok(Request::from_parts(head, until.over(bytes).await.map_err(unsent)?))
    }

    fn assemble(
        &self,
        request: Canonical,
        client: &HeaderMap,
        caller: &Caller,
    ) -> Result<Request<Body>, UpstreamError> {
        let mut headers = client.clone();
        // First, or a client's `Connection: content-type` would take ours away.
        headers::strip_hop_by_hop(&mut headers);
        describe_body(&mut headers, &request);
        headers::outbound(&mut headers, self.fixed(), caller);
        let uri = self.target(request.path_and_query);
        let uri =
            uri.map_err(|e| UpstreamError::Unreachable { base: self.base().to_string(), source: e.into() })?;
        let mut sent = Request::new(Body::Whole(request.body));
        *sent.method_mut() = request.method;
        *sent.uri_mut() = uri;
        *sent.headers_mut() = headers;
        Ok(sent)
    }
}

/// Every header about the client's own body goes; the response must come as plain JSON that can be read.
fn describe_body(headers: &mut HeaderMap, request: &Canonical) {
    let about_the_body: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("content-") || name.as_str() == "trailer")
        .cloned()
        .collect();
    for name in about_the_body {
        headers.remove(name);
    }
    headers.remove(ACCEPT_ENCODING);
    headers.remove(ORIGIN);
    headers.insert(CONTENT_TYPE, request.content_type.clone());
    headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
}

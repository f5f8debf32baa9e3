//! The upstream: an unmodified MLflow server.
//!
//! Only this module spells MLflow's JSON. It knows nothing of policy, permits or the ledger: whoever forwards a
//! governed write through [`Upstream::forward_canonical`] has shown a permit to `app` first.

use std::time::Duration;

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};

pub mod artifacts;
pub mod body;
pub mod carry_out;
pub mod client;
mod connection;
pub mod forward;
pub mod headers;
pub mod origin;
mod pool;
pub mod proxy;
mod relayed;
mod transport;
pub mod types;
pub mod webhook;
pub mod withheld;

pub use body::{Body, BoxError};
pub use carry_out::created_version;
pub use client::{Client, ReadError};
pub use forward::Canonical;
pub use headers::{Caller, Credentials};
pub use origin::Origins;
pub use proxy::{ProxyError, Upstream, UpstreamError};

/// The header that names a workspace. MLflow ignores it unless workspaces are enabled.
pub const WORKSPACE_HEADER: &str = "x-mlflow-workspace";

/// A read by POST that MLflow's checks of Host and Origin look at as they do at a write: what `doctor` tries.
pub const GUARDED_READ: &str = "/api/2.0/mlflow/experiments/search";

/// How the upstream is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    pub base: Base,
    /// What MLflow was started with as `--static-prefix`; empty for none.
    pub static_prefix: String,
    /// `Authorization` of our own calls, and of calls for callers that we signed in ourselves.
    pub credentials: Option<HeaderValue>,
    pub connect_timeout: Duration,
    /// For one whole call of our own, except for reading artifacts.
    pub read_timeout: Duration,
    /// From the end of a forwarded request to the head of its response. Not applied while a caller uploads.
    pub response_timeout: Duration,
    /// How long an unused connection is kept. Must be shorter than the upstream's own keep-alive timeout
    /// (uvicorn's default is five seconds), or requests meet connections that are just being closed.
    pub idle_timeout: Duration,
}

impl Settings {
    /// Settings with the default timeouts.
    #[must_use]
    pub fn new(base: Base) -> Self {
        Self {
            base,
            static_prefix: String::new(),
            credentials: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(4),
        }
    }
}

/// Where the upstream is, taken apart once.
#[derive(Debug, Clone)]
pub struct Base {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// The authority as a header value.
    pub(crate) host: HeaderValue,
    /// The path before MLflow's own, without a slash at its end; mostly empty.
    pub(crate) path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the URL of an MLflow server: write one such as `http://127.0.0.1:5000`")]
pub struct BaseError(String);

impl std::str::FromStr for Base {
    type Err = BaseError;

    fn from_str(text: &str) -> Result<Self, BaseError> {
        let error = || BaseError(text.to_owned());
        let parts = text.parse::<Uri>().map_err(|_| error())?.into_parts();
        let scheme = parts.scheme.filter(|s| *s == Scheme::HTTP || *s == Scheme::HTTPS).ok_or_else(error)?;
        let authority = parts.authority.filter(|a| !a.as_str().contains('@')).ok_or_else(error)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| error())?;
        let path =
            parts.path_and_query.as_ref().map_or("", PathAndQuery::path).trim_end_matches('/').to_owned();
        if parts.path_and_query.is_some_and(|p| p.query().is_some()) {
            return Err(error());
        }
        Ok(Self { scheme, authority, host, path })
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl Base {
    /// The upstream's URI for a path and query of ours.
    pub(crate) fn uri(&self, path_and_query: PathAndQuery) -> Result<Uri, http::Error> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(self.target(path_and_query)?);
        Ok(Uri::from_parts(parts)?)
    }

    /// The same without scheme and authority: what a request line carries.
    pub(crate) fn target(&self, path_and_query: PathAndQuery) -> Result<PathAndQuery, http::Error> {
        match self.path.as_str() {
            "" => Ok(path_and_query),
            path => Ok(PathAndQuery::try_from(format!("{path}{path_and_query}"))?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(text.parse::<Base>().ok().map(|b| b.to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn bases() {
        check("http://127.0.0.1:5000", Some("http://127.0.0.1:5000"));
        check("https://mlflow.example/team/", Some("https://mlflow.example/team"));
        check("mlflow:5000", None);
        check("ftp://mlflow", None);
        check("http://me:secret@mlflow", None);
        check("http://mlflow/?a=b", None);
    }

    #[test]
    fn joins_paths() {
        let base: Base = "http://h:1/p".parse().unwrap();
        assert_eq!(base.uri("/a?b=c".parse().unwrap()).unwrap(), "http://h:1/p/a?b=c");
    }
}

//! Our own calls to MLflow: reads for facts, and webhooks. Nothing here writes to the registry.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_core::names::Workspace;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::uri::Scheme;
use http::{HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;

use super::types::{ErrorBody, User};
use super::{Settings, WORKSPACE_HEADER};

mod reads;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A connection to MLflow for our own calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    prefix: Arc<str>,
    credentials: Option<HeaderValue>,
    read_timeout: Duration,
}

/// Why a read gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    #[error("find {what}: MLflow says: {message}")]
    NotFound { what: String, message: String },
    #[error(
        "read {what}: MLflow wants credentials that it was not given (status {status}); set `token_file`, or `username` \
         and `password_file`, under `[upstream]`"
    )]
    Unauthorized { what: String, status: u16 },
    #[error("read {what}: MLflow refused it with status {status}: {message}")]
    Refused { what: String, status: u16, message: String },
    #[error("read {what}: MLflow did not answer")]
    Unavailable { what: String, source: Arc<reqwest::Error> },
    #[error("read {what}: MLflow's answer is not what we know: {detail}")]
    Malformed { what: String, detail: String },
}

impl ReadError {
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// As one line, with the cause that `Display` leaves to the chain.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Unavailable { source, .. } => {
                let mut text = format!("{self}: {source}");
                let mut cause = std::error::Error::source(source.as_ref());
                while let Some(error) = cause {
                    text.push_str(": ");
                    text.push_str(&error.to_string());
                    cause = error.source();
                }
                text
            }
            other => other.to_string(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("make an HTTP client for the MLflow server")]
pub struct ClientError(#[from] reqwest::Error);

/// One page of a search, and the token of the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// Whom MLflow takes a caller for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    Known(User),
    /// Wrong or missing credentials.
    Rejected,
    /// MLflow has no accounts: it was not started with `--app-name basic-auth` or the like.
    NoAccounts,
}

/// A call about to be made.
pub(super) struct Call<'a> {
    pub(super) what: String,
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) workspace: Option<&'a Workspace>,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<serde_json::Value>,
}

impl<'a> Call<'a> {
    pub(super) fn get(what: String, path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { what, method: Method::GET, path, workspace: None, query, body: None }
    }

    pub(super) fn within(mut self, workspace: &'a Workspace) -> Self {
        self.workspace = Some(workspace);
        self
    }
}

impl Client {
    /// # Errors
    /// When the machine's root certificates cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        // Fails only if a provider is set already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder();
        if settings.base.scheme != Scheme::HTTPS {
            // Nothing to verify; reading the machine's root certificates would take a quarter of a start.
            http = http.tls_certs_only([]);
        }
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(settings.idle_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            base: settings.base.to_string().into(),
            prefix: settings.static_prefix.trim_end_matches('/').into(),
            credentials: settings.credentials.clone(),
            read_timeout: settings.read_timeout,
        })
    }

    /// Which MLflow this is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ReadError> {
        let what = call.what.clone();
        let bytes = self.bytes(call).await?;
        parse(&what, &bytes)
    }

    async fn bytes(&self, call: Call<'_>) -> Result<Bytes, ReadError> {
        let what = call.what.clone();
        let response = self.send(call, self.credentials.as_ref()).await?;
        accept(&what, response).await
    }

    async fn send(
        &self,
        call: Call<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, ReadError> {
        let what = call.what.clone();
        let request = self.request(call, authorization).timeout(self.read_timeout);
        request.send().await.map_err(|e| unavailable(&what, e))
    }

    /// A request with our credentials and without a limit of time, for bodies that are streamed.
    pub(super) fn unbounded(&self, call: Call<'_>) -> reqwest::RequestBuilder {
        self.request(call, self.credentials.as_ref())
    }

    fn request(&self, call: Call<'_>, authorization: Option<&HeaderValue>) -> reqwest::RequestBuilder {
        let mut request = self.http.request(call.method, format!("{}{}", self.base, call.path));
        let query: Vec<_> = call.query.iter().filter(|(_, value)| !value.is_empty()).collect();
        if !query.is_empty() {
            request = request.query(&query);
        }
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        // MLflow answers a header that it does not expect with an error, so the default workspace has none.
        if let Some(workspace) = call.workspace.filter(|w| !matches!(w.as_str(), "" | "default")) {
            request = request.header(WORKSPACE_HEADER, workspace.as_str());
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        request
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// The body of a successful answer; everything else is an error.
async fn accept(what: &str, mut response: reqwest::Response) -> Result<Bytes, ReadError> {
    let response = match response.status() {
        status if status.is_success() => &mut response,
        _ => return Err(refused(what, response).await),
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unavailable(what, e))? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            let detail = format!("it is longer than {} MiB", MAX_ANSWER >> 20);
            return Err(ReadError::Malformed { what: what.to_owned(), detail });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// What an unsuccessful answer says. MLflow calls a missing alias an invalid parameter.
pub(super) async fn refused(what: &str, response: reqwest::Response) -> ReadError {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let error = serde_json::from_str::<ErrorBody>(&text).ok();
    let code = error.as_ref().map(|e| e.error_code.clone()).unwrap_or_default();
    let message = error.map_or_else(|| text.chars().take(300).collect(), |e| e.message);
    let what = what.to_owned();
    match status {
        StatusCode::UNAUTHORIZED => ReadError::Unauthorized { what, status: status.as_u16() },
        _ if code == "RESOURCE_DOES_NOT_EXIST" || status == StatusCode::NOT_FOUND => {
            ReadError::NotFound { what, message }
        }
        _ => ReadError::Refused { what, status: status.as_u16(), message },
    }
}

pub(super) fn unavailable(what: &str, error: reqwest::Error) -> ReadError {
    ReadError::Unavailable { what: what.to_owned(), source: Arc::new(error.without_url()) }
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(bytes)
        .map_err(|e| ReadError::Malformed { what: what.to_owned(), detail: e.to_string() })
}

fn token(token: Option<String>) -> Option<String> {
    token.filter(|text| !text.is_empty())
}

/// One path segment, percent-encoded.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

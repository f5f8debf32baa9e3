//! Using up a permit: the only way in which a governed write leaves this process.

use bytes::Bytes;
use countersign_core::action::{Action, Placed};
use countersign_core::classify::{CanonicalBody, CanonicalRequest};
use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::permit::Permit;
use countersign_core::time::Millis;
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use serde::Deserialize;

use super::body::Body;
use super::forward::Canonical;
use super::headers::{Caller, Credentials};
use super::proxy::{ProxyError, Upstream, UpstreamError};
use super::withheld::Withheld;
use super::{WORKSPACE_HEADER, types};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A write of files that was allowed and waits for its bytes. It is made once.
#[must_use = "files that may be written and never are"]
pub struct Upload {
    permit: Permit,
    /// Our spelling of where it goes.
    to: String,
}

impl Upload {
    pub fn allowed(permit: Permit, to: String) -> Self {
        Self { permit, to }
    }
}

impl Upstream {
    /// Makes the write that was allowed, and uses the permit up.
    ///
    /// # Errors
    /// See [`UpstreamError`]; unless the upstream was unreachable, the write may have had its effect.
    pub async fn carry_out(
        &self,
        permit: Permit,
        request: Canonical,
        client: &HeaderMap,
        caller: &Caller,
    ) -> Result<Response<Bytes>, UpstreamError> {
        drop(permit);
        self.forward_canonical(request, client, caller).await
    }

    /// As [`Upstream::carry_out`], for a write whose announcement is on its way to the disk: its head goes ahead, its
    /// body, without which nothing can be done, when it is let go. Of the response, what comes after its head is
    /// still to be read.
    ///
    /// # Errors
    /// As [`Upstream::carry_out`]; also when it is called off.
    pub async fn carry_out_once(
        &self,
        until: Withheld,
        permit: Permit,
        request: Canonical,
        from: (&HeaderMap, &Caller),
    ) -> Result<Response<Body>, UpstreamError> {
        drop(permit);
        self.forward_withheld(request, until, from).await
    }

    /// As [`Upstream::carry_out`], for files: their bytes decide nothing, and go through as they come.
    ///
    /// # Errors
    /// As [`Upstream::stream`].
    pub async fn carry_out_streamed<B: Into<Body>>(
        &self,
        upload: Upload,
        mut request: Request<B>,
        caller: &Caller,
    ) -> Result<Response<Body>, ProxyError> {
        let Upload { permit, to } = upload;
        *request.uri_mut() = to.parse::<Uri>().map_err(|_| ProxyError::NoPath)?;
        drop(permit);
        self.stream(request, caller).await
    }

    /// As [`Upstream::carry_out`], for a write that we make on our own account.
    ///
    /// # Errors
    /// As [`Upstream::carry_out`].
    pub async fn carry_out_ourselves(
        &self,
        permit: Permit,
        request: Canonical,
        workspace: &Workspace,
    ) -> Result<Response<Bytes>, UpstreamError> {
        let mut headers = HeaderMap::new();
        if let (false, Ok(name)) =
            (workspace.as_str() == "default", HeaderValue::from_str(workspace.as_str()))
        {
            headers.insert(WORKSPACE_HEADER, name);
        }
        let caller = Caller {
            peer: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            peer_is_trusted: false,
            credentials: Credentials::Ours { session_cookie: "" },
        };
        self.carry_out(permit, request, &headers, &caller).await
    }
}

impl Canonical {
    /// The write as we spell it; `None` for one whose body is streamed.
    #[must_use]
    pub fn of(request: &CanonicalRequest) -> Option<Self> {
        let body = match &request.body {
            CanonicalBody::Json(json) => Bytes::from(json.clone()),
            CanonicalBody::Empty => Bytes::new(),
            CanonicalBody::AsSent => return None,
        };
        Self::with_body(request, JSON, body)
    }

    /// The write in the client's own bytes: for one that no gate has a word in.
    #[must_use]
    pub fn as_received(request: &CanonicalRequest, headers: &HeaderMap, body: Bytes) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE).cloned().unwrap_or(JSON);
        Self::with_body(request, content_type, body)
    }

    /// A write of our own: setting an alias or moving to a stage.
    #[must_use]
    pub fn of_action(placed: &Placed) -> Option<Self> {
        let (path, body) = match &placed.action {
            Action::SetAlias { model, alias, version } => (
                "/api/2.0/mlflow/registered-models/alias",
                serde_json::json!({ "name": model, "alias": alias, "version": version }),
            ),
            Action::TransitionStage { model, version, stage, archive_existing } => (
                "/api/2.0/mlflow/model-versions/transition-stage",
                serde_json::json!({
                    "name": model,
                    "version": version,
                    "stage": stage,
                    "archive_existing_versions": archive_existing,
                }),
            ),
            _ => return None,
        };
        Some(Self {
            method: Method::POST,
            path_and_query: PathAndQuery::from_static(path),
            content_type: JSON,
            body: Bytes::from(body.to_string()),
        })
    }

    fn with_body(request: &CanonicalRequest, content_type: HeaderValue, body: Bytes) -> Option<Self> {
        Some(Self {
            method: Method::from_bytes(request.method.as_bytes()).ok()?,
            path_and_query: PathAndQuery::try_from(request.path_and_query.as_str()).ok()?,
            content_type,
            body,
        })
    }
}

/// A version that MLflow says it has created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedVersion {
    pub model: ModelName,
    pub version: Version,
    pub created: Millis,
}

/// Reads the answer to `model-versions/create`.
#[must_use]
pub fn created_version(answer: &[u8]) -> Option<CreatedVersion> {
    #[derive(Deserialize)]
    struct Answer {
        model_version: types::ModelVersion,
    }
    let Answer { model_version: found } = serde_json::from_slice(answer).ok()?;
    Some(CreatedVersion {
        model: ModelName::new(found.name),
        version: Version::parse(&found.version)?,
        created: Millis::new(found.creation_timestamp),
    })
}

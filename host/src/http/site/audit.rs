//! The audit document of a model: as a page for paper, and as canonical JSON.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use countersign_core::names::ModelName;
use http::{HeaderValue, StatusCode};

use super::{Trouble, Visitor};
use crate::http::api::{AuditQuery, audit_document};
use crate::http::pages::audit::{content_security_policy, render};

pub(super) async fn show(
    visitor: Visitor,
    Path(name): Path<String>,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Trouble> {
    let app = Arc::clone(&visitor.site.app);
    let made = audit_document(app, &query, ModelName::new(name)).await;
    let audit = made.map_err(|error| Trouble::new(&visitor, error))?;
    let mut response = (StatusCode::OK, axum::response::Html(render(&audit))).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy()) {
        headers.insert(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(http::header::CACHE_CONTROL, "no-store");
    set(http::header::REFERRER_POLICY, "same-origin");
    set(http::header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    Ok(response)
}

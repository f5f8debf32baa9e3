//! MLflow's answers in Databricks' envelope: the same members under another name.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

/// What MLflow calls a thing, and what Databricks does.
const NAMES: [(&str, &str); 2] =
    [("model_version", "model_version_databricks"), ("registered_model", "registered_model_databricks")];

/// MLflow's answer to a write with its member renamed; anything else as it is.
pub(in crate::http) fn in_envelope(response: Response<Bytes>) -> Response<Bytes> {
    if response.status() != StatusCode::OK {
        return response;
    }
    let mut response = response.map(|body| renamed(&body).unwrap_or(body));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// `None` for what is no JSON object.
pub(super) fn renamed(answer: &[u8]) -> Option<Bytes> {
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    let members = answer.as_object_mut()?;
    for (ours, theirs) in NAMES {
        if let Some(member) = members.remove(ours) {
            members.insert(theirs.to_owned(), member);
        }
    }
    serde_json::to_vec(&answer).ok().map(Bytes::from)
}

//! The headers that a governed request may carry.

use super::{Head, Refusal};
use crate::names::Workspace;

const DEFAULT_WORKSPACE: &str = "default";

/// MLflow never decodes a body: an encoded one is noise to it and a hiding place from us.
pub(super) fn not_encoded(head: &Head<'_>) -> Result<(), Refusal> {
    match single(head, "content-encoding")? {
        None => Ok(()),
        Some(value) if value.eq_ignore_ascii_case(b"identity") => Ok(()),
        Some(value) => Err(wrong("content-encoding", value, "identity")),
    }
}

/// MLflow asks for JSON on POST and PUT only and reads any body as JSON on PATCH and DELETE; its clients name
/// the type wherever there is a body.
pub(super) fn json(head: &Head<'_>, may_lack: bool) -> Result<(), Refusal> {
    match single(head, "content-type")? {
        Some(value) if is_json(value) => Ok(()),
        None if may_lack => Ok(()),
        value => Err(wrong("content-type", value.unwrap_or_default(), "application/json")),
    }
}

/// The workspace in which the request acts.
pub(super) fn workspace(head: &Head<'_>) -> Result<Workspace, Refusal> {
    // A WSGI server cannot tell `_` from `-` in a header's name.
    if !(head.headers)("x_mlflow_workspace").is_empty() {
        return Err(Refusal::RepeatedHeader { header: "x-mlflow-workspace" });
    }
    match single(head, "x-mlflow-workspace")? {
        None | Some([]) => Ok(Workspace::new(DEFAULT_WORKSPACE)),
        Some(value) => name(value).map(Workspace::new),
    }
}

/// Whether this is the workspace that requests act in when they name none.
pub(super) fn is_default(workspace: &Workspace) -> bool {
    workspace.as_str() == DEFAULT_WORKSPACE
}

/// MLflow's rule for the name of a workspace: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63 characters.
fn name(value: &[u8]) -> Result<&str, Refusal> {
    let letters = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let edges = value.first() != Some(&b'-') && value.last() != Some(&b'-');
    match std::str::from_utf8(value) {
        Ok(text) if value.len() <= 63 && edges && value.iter().all(letters) => Ok(text),
        _ => Err(wrong("x-mlflow-workspace", value, "the name of a workspace: a-z, 0-9 and inner hyphens")),
    }
}

fn single<'a>(head: &Head<'a>, header: &'static str) -> Result<Option<&'a [u8]>, Refusal> {
    match (head.headers)(header).as_slice() {
        [] => Ok(None),
        [value] => Ok(Some(value.trim_ascii())),
        _ => Err(Refusal::RepeatedHeader { header }),
    }
}

/// `application/json`, and no charset but UTF-8.
fn is_json(value: &[u8]) -> bool {
    let mut parts = value.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let media_type = parts.next().unwrap_or_default();
    let is_utf_8 = |part: &[u8]| {
        part.eq_ignore_ascii_case(b"charset=utf-8") || part.eq_ignore_ascii_case(b"charset=\"utf-8\"")
    };
    media_type.eq_ignore_ascii_case(b"application/json") && parts.all(is_utf_8)
}

fn wrong(header: &'static str, found: &[u8], expected: &'static str) -> Refusal {
    Refusal::Header { header, found: String::from_utf8_lossy(found).into_owned(), expected }
}

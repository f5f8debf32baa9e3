//! Where a request writes files.
//!
//! MLflow decodes an artifact path again and again until nothing changes, and drops what `urlparse` drops on
//! the way (`validate_path_is_safe`, `utils/uri.py`), so `MLmodel%3F` writes the file `MLmodel`. A path that
//! would come out as another one is refused.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{CanonicalBody, CanonicalRequest, Classified, Head, Refusal, head};
use crate::action::{Action, ArtifactPlace, FileWrite, Placed};
use crate::names::Workspace;

/// What a query value must encode: everything but unreserved characters (RFC 3986 §2.3) and `/`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The path below MLflow's artifact root, as received, when this writes there.
pub(super) fn below_root<'a>(method: &str, path: &'a str) -> Option<&'a str> {
    let inner = path.strip_prefix("/ajax-api").or_else(|| path.strip_prefix("/api"))?;
    let inner = inner.strip_prefix("/2.0/mlflow-artifacts/")?;
    match method {
        "PUT" | "DELETE" => inner.strip_prefix("artifacts/"),
        // The body names the file once more, of which MLflow uses the last segment: it stays below the path.
        "POST" => {
            let (step, tail) = inner.strip_prefix("mpu/")?.split_once('/')?;
            ["create", "complete", "abort"].contains(&step).then_some(tail)
        }
        _ => None,
    }
}

/// A write below the artifact root.
pub(super) fn root(head: &Head<'_>, tail: &str) -> Result<Classified, Refusal> {
    if head.target.contains('?') {
        return Err(Refusal::Query { path: head.target.to_owned() });
    }
    let workspace = head::workspace(head)?;
    let path = in_workspace(&workspace, decoded(tail.strip_suffix('/').unwrap_or(tail))?);
    let (method, how) = match head.method {
        "PUT" => ("PUT", FileWrite::Write),
        "DELETE" => ("DELETE", FileWrite::Delete),
        _ => ("POST", FileWrite::Parts),
    };
    let action = Action::WriteArtifact { place: ArtifactPlace::Root { path }, how };
    Ok(streamed(workspace, action, method, head.target.to_owned()))
}

/// `POST /ajax-api/2.0/mlflow/upload-artifact?run_uuid=…&path=…`: MLflow takes the first of two parameters of
/// one name, others the last.
pub(super) fn upload(head: &Head<'_>, path: &str, query: Option<&str>) -> Result<Classified, Refusal> {
    let pairs: Option<Vec<(&str, &str)>> =
        query.unwrap_or_default().split('&').map(|pair| pair.split_once('=')).collect();
    let (run, file) = match pairs.as_deref() {
        Some([("run_uuid", run), ("path", file)] | [("path", file), ("run_uuid", run)]) => (*run, *file),
        _ => return Err(Refusal::UploadQuery),
    };
    if run.is_empty() || !run.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Refusal::UploadQuery);
    }
    let file = decoded(&file.replace('+', " "))?;
    let target = format!("{path}?run_uuid={run}&path={}", utf8_percent_encode(&file, QUERY));
    let place = ArtifactPlace::Run { run_id: run.to_owned(), path: file };
    let action = Action::WriteArtifact { place, how: FileWrite::Write };
    Ok(streamed(head::workspace(head)?, action, "POST", target))
}

/// Decodes once and accepts only what a second reading leaves alone.
fn decoded(path: &str) -> Result<String, Refusal> {
    let odd = |why| Refusal::ArtifactPath { path: path.to_owned(), why };
    normal(&percent_decode_str(path).decode_utf8().map_err(|_| odd("is not UTF-8"))?)
}

/// The path, if it is one that nothing normalises.
pub(super) fn normal(path: &str) -> Result<String, Refusal> {
    let odd = |why| Err(Refusal::ArtifactPath { path: path.to_owned(), why });
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return odd("has empty, `.` or `..` segments");
    }
    if path.chars().any(|c| c.is_control() || matches!(c, '\\' | '?' | '#' | ';')) {
        return odd("holds a control character or one of \\ ? # ;");
    }
    if percent_decode_str(path).ne(path.bytes()) {
        return odd("is percent-encoded more than once");
    }
    if path.starts_with(char::is_whitespace) || path.split('/').next().is_some_and(|s| s.contains(':')) {
        return odd("begins with white space or a URI scheme");
    }
    Ok(path.to_owned())
}

/// MLflow keeps the files of every workspace but the default one below `workspaces/NAME/`, and adds that where
/// a client leaves it out (`_get_workspace_scoped_repo_path_if_enabled`).
fn in_workspace(workspace: &Workspace, path: String) -> String {
    if head::is_default(workspace) || path.starts_with("workspaces/") {
        path
    } else {
        format!("workspaces/{workspace}/{path}")
    }
}

fn streamed(workspace: Workspace, action: Action, method: &'static str, target: String) -> Classified {
    let canonical = CanonicalRequest { method, path_and_query: target, body: CanonicalBody::AsSent };
    Classified { placed: Placed { workspace, action }, canonical }
}

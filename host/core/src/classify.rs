//! What a request to MLflow would change: from its spelling to an [`Action`](crate::action::Action).
//!
//! The one place that spells MLflow's paths. It works in two steps, because only governed requests are
//! buffered: [`route`] looks at the request line, [`classify`] at the headers and the body. Both are total.
//!
//! MLflow accepts many more spellings of a write than any client sends: its path is decoded before it is
//! routed, repeated slashes and a method's case are forgiven, a body may be UTF-16, hold a key twice or be JSON
//! inside a JSON string. Two readers of such a request may differ, and the difference is a way round a gate.
//! So a governed write has one spelling here, and any other is a [`Refusal`]; what is sent on is written anew
//! from what was understood.
//!
//! This module must not know: policies, gates, MLflow's answers.

mod artifact;
mod body;
mod databricks;
mod head;
mod path;
mod refusal;
mod registry;
mod routes;
#[cfg(test)]
mod tests;

use crate::action::Placed;
use crate::names::Workspace;
pub use databricks::Databricks;
pub use refusal::Refusal;
pub use registry::Route;
use routes::Known;

/// The parts of a request that come before its body.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// As received: case matters.
    pub method: &'a str,
    /// Path and query as received, undecoded. Begins with `/`.
    pub target: &'a str,
    /// All values of a header in the order of arrival; the name is given in lower case.
    pub headers: &'a dyn Fn(&str) -> Vec<&'a [u8]>,
}

/// What the request line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed {
    /// Neither governed nor able to change what we know of a version: stream it through.
    PassThrough,
    /// Not governed, but what we remember of its target is stale once it has been answered.
    Watched(Touch),
    /// Governed, whatever its body: a file to stream, or nothing.
    Governed(Box<Classified>),
    /// Governed: buffer the body (1 MiB is plenty) and ask [`classify`].
    NeedsBody(Route),
    /// A call that MLflow does not have: ours to answer.
    Databricks(Databricks),
    /// Would be governed, were it spelt as clients do.
    Refused(Refusal),
}

/// What an ungoverned write may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// Any run, and the metrics of any logged model: which one is in the body, which nobody reads.
    Runs,
    /// One logged model: its status, tags, params or its being there.
    LoggedModel { model_id: String },
    /// Some logged model, spelt so that we cannot tell which.
    LoggedModels,
}

/// A governed write that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    pub placed: Placed,
    pub canonical: CanonicalRequest,
}

/// What to send upstream instead of the client's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalRequest {
    pub method: &'static str,
    pub path_and_query: String,
    pub body: CanonicalBody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanonicalBody {
    /// Send this with `Content-Type: application/json` and its `Content-Length`, without `Content-Encoding`.
    Json(Vec<u8>),
    /// Send no body.
    Empty,
    /// The body decides nothing: stream it through with the client's own headers.
    AsSent,
}

/// Which kind of request this is, from its first line alone. `static_prefix` is MLflow's `--static-prefix`,
/// or the empty string.
#[must_use]
pub fn route(head: &Head<'_>, static_prefix: &str) -> Routed {
    let (path, query) = path::split(head.target);
    let inner = path::without_prefix(path, static_prefix);
    if let Some(call) = databricks::known(head.method, path, inner) {
        return Routed::Databricks(call);
    }
    if is_read(head.method) {
        return Routed::PassThrough;
    }
    let known = match artifact::below_root(head.method, inner) {
        Some(tail) => Some(Known::Artifact(tail)),
        None => path::plain(inner).and_then(|segments| routes::known(head.method, &segments)),
    };
    match known {
        Some(known) => settle(head, path, query, known),
        None => look_alike(head, inner),
    }
}

/// What a governed request would change, and the one spelling in which to send it on.
///
/// # Errors
/// A [`Refusal`] when headers or body are spelt in a way that no client of MLflow uses.
pub fn classify(route: &Route, head: &Head<'_>, body: &[u8]) -> Result<Classified, Refusal> {
    head::not_encoded(head)?;
    head::json(head, body.is_empty() && route.may_be_empty())?;
    let workspace = head::workspace(head)?;
    let (action, body) = route.read(body)?;
    let canonical =
        CanonicalRequest { method: route.method(), path_and_query: route.path().to_owned(), body };
    Ok(Classified { placed: Placed { workspace, action }, canonical })
}

/// The workspace in which a request acts.
///
/// # Errors
/// A [`Refusal`] when it is named twice, or is no name.
pub fn workspace(head: &Head<'_>) -> Result<Workspace, Refusal> {
    head::workspace(head)
}

/// MLflow upper-cases the method, so any case of these reads.
fn is_read(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS"].iter().any(|read| method.eq_ignore_ascii_case(read))
}

fn settle(head: &Head<'_>, path: &str, query: Option<&str>, known: Known<'_>) -> Routed {
    let outcome = match known {
        Known::Open => return Routed::PassThrough,
        Known::Touch(touch) => return Routed::Watched(touch),
        Known::Json(operation, id) => match query {
            Some(_) => Err(Refusal::Query { path: path.to_owned() }),
            None => return Routed::NeedsBody(Route::new(operation, path, id)),
        },
        Known::Artifact(tail) => artifact::root(head, tail),
        Known::Upload => artifact::upload(head, path, query),
        Known::WorkspaceDelete(name) => Err(Refusal::WorkspaceDelete { name: name.to_owned() }),
    };
    match outcome {
        Ok(classified) => Routed::Governed(Box::new(classified)),
        Err(refusal) => Routed::Refused(refusal),
    }
}

/// No known route as it stands. If MLflow, or a proxy between, could still take it for one, it is refused.
fn look_alike(head: &Head<'_>, path: &str) -> Routed {
    let method = head.method.to_ascii_uppercase();
    let folded = path::folded(path);
    if let Some(canonical) = routes::hidden(&method, &folded) {
        let found = format!("{} {}", head.method, head.target);
        return Routed::Refused(Refusal::Spelling { found, canonical: format!("{method} {canonical}") });
    }
    if routes::names_governed(&method, &folded) {
        let (method, target) = (head.method.to_owned(), head.target.to_owned());
        return Routed::Refused(Refusal::UnknownRegistryWrite { method, target });
    }
    routes::touch_hint(&folded).map_or(Routed::PassThrough, Routed::Watched)
}

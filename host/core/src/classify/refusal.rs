//! Why a governed write was not understood, and how a client spells it.
//!
//! All of them are the client's to mend: HTTP 400.

use std::fmt;

/// A write that would be governed, in a spelling that no client of MLflow uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "`{} {}` may change the model registry in a way that Countersign does not know: use one of MLflow's own \
         routes below /api/2.0/mlflow/registered-models, /model-versions, /webhooks or /api/2.0/mlflow-artifacts",
        Shown(method),
        Shown(target)
    )]
    UnknownRegistryWrite { method: String, target: String },
    #[error(
        "`{}` is an odd spelling of `{}`: send it like that, without percent-encodings, repeated or closing slashes \
         or another case",
        Shown(found),
        Shown(canonical)
    )]
    Spelling { found: String, canonical: String },
    #[error("`{}` takes no query: put its parameters into a JSON body and send the path alone", Shown(path))]
    Query { path: String },
    #[error(
        "deleting workspace `{}` deletes or moves every model in it, so it cannot pass a gate: delete or move \
         its models one by one first",
        Shown(name)
    )]
    WorkspaceDelete { name: String },
    #[error("header `{header}` came more than once: send it once")]
    RepeatedHeader { header: &'static str },
    #[error("header `{header}` is `{}`: send `{expected}`", Shown(found))]
    Header { header: &'static str, found: String, expected: &'static str },
    #[error(
        "artifact path `{}` {why}: send a relative path of plain names, each percent-encoded once",
        Shown(path)
    )]
    ArtifactPath { path: String, why: &'static str },
    #[error("`upload-artifact` takes exactly the query parameters `run_uuid` and `path`, once each")]
    UploadQuery,
    #[error("the body is not JSON in UTF-8 ({why}): send one plain JSON object")]
    NotJson { why: String },
    #[error("the body is not a JSON object: send one object, not wrapped in a string or a list")]
    NotAnObject,
    #[error("the body holds `{}` more than once: send each key once", Shown(key))]
    RepeatedKey { key: String },
    #[error(
        "the body holds `{}`, which is not a field of this call: send only {known}, in this spelling",
        Shown(key)
    )]
    UnknownKey { key: String, known: String },
    #[error("the body lacks `{key}`: add it")]
    MissingKey { key: &'static str },
    #[error("`{key}` is not {expected}: send it as {expected}")]
    Type { key: &'static str, expected: &'static str },
    #[error(
        "version `{}` is not a whole number from 1 in decimal digits: send it as the registry prints it",
        Shown(found)
    )]
    Version { found: String },
    #[error("stage `{}` is not one of None, Staging, Production, Archived: send one of these", Shown(found))]
    Stage { found: String },
}

impl Refusal {
    /// A stable word for logs, metrics and machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownRegistryWrite { .. } => "unknown-registry-write",
            Self::Spelling { .. } => "spelling",
            Self::Query { .. } => "query",
            Self::WorkspaceDelete { .. } => "workspace-delete",
            Self::RepeatedHeader { .. } => "repeated-header",
            Self::Header { .. } => "header",
            Self::ArtifactPath { .. } => "artifact-path",
            Self::UploadQuery => "upload-query",
            Self::NotJson { .. } => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::RepeatedKey { .. } => "repeated-key",
            Self::UnknownKey { .. } => "unknown-key",
            Self::MissingKey { .. } => "missing-key",
            Self::Type { .. } => "type",
            Self::Version { .. } => "version",
            Self::Stage { .. } => "stage",
        }
    }
}

/// A client's text, safe to print: escaped, and cut where it gets long.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 120;
        let cut: String = self.0.chars().take(LONGEST).collect();
        let rest = if cut.len() < self.0.len() { "…" } else { "" };
        write!(f, "{}{rest}", cut.escape_debug())
    }
}

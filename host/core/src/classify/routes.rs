//! MLflow's routes that write to what we govern or remember.
//!
//! Derived from MLflow's own table: `tests/fixtures/mlflow-routes-*.txt`, where a test finds every route again.

use super::Touch;
use super::path::Folded;
use super::registry::Operation;

/// A route that we know.
pub(super) enum Known<'a> {
    /// Governed; what it does is in a JSON body. With the id in its path, if there is one.
    Json(Operation, Option<&'a str>),
    /// Governed; the path below the artifact root, as received.
    Artifact(&'a str),
    /// Governed; run and path are in the query.
    Upload,
    WorkspaceDelete(&'a str),
    Touch(Touch),
    /// Looks governed but changes nothing that is: a read by POST, a test, a permission.
    Open,
}

impl Known<'_> {
    const fn is_governed(&self) -> bool {
        !matches!(self, Self::Touch(_) | Self::Open)
    }
}

/// Words that no path of an ungoverned write holds.
const GOVERNED_WORDS: [&str; 8] = [
    "registered-models",
    "model-versions",
    "mlflow-artifacts",
    "upload-artifact",
    "presigned-upload-url",
    "mlflow/webhooks",
    "transition-requests",
    "mlflow/comments",
];

/// The route of an upper-case method and plain segments, from `api` or `ajax-api` on.
pub(super) fn known<'a>(method: &str, segments: &[&'a str]) -> Option<Known<'a>> {
    let [surface @ ("api" | "ajax-api"), version, rest @ ..] = segments else { return None };
    match (*version, rest) {
        ("2.0", ["mlflow", "registered-models", rest @ ..]) => registered_models(method, rest),
        ("2.0", ["mlflow", "model-versions", rest @ ..]) => model_versions(method, rest),
        ("2.0", ["mlflow", "databricks", "model-versions", "transition-stage"]) if method == "POST" => {
            json(Operation::DatabricksTransition)
        }
        ("2.0", ["mlflow", "webhooks", rest @ ..]) => webhooks(method, rest),
        ("2.0", ["mlflow", "logged-models", rest @ ..]) => logged_models(method, rest),
        ("2.0", ["mlflow", "runs", "search"]) if method == "POST" => Some(Known::Open),
        ("2.0", ["mlflow", "runs", _]) if method == "POST" => Some(Known::Touch(Touch::Runs)),
        ("2.0", ["mlflow", "experiments", "delete" | "restore"]) if method == "POST" => {
            Some(Known::Touch(Touch::Runs))
        }
        ("2.0", ["mlflow", "artifacts", "presigned-upload-url"]) if method == "POST" => {
            Some(Known::Json(Operation::PresignUpload, None))
        }
        ("2.0", ["mlflow", "upload-artifact"]) if method == "POST" && *surface == "ajax-api" => {
            Some(Known::Upload)
        }
        ("3.0", ["mlflow", "workspaces", name]) if method == "DELETE" => Some(Known::WorkspaceDelete(name)),
        _ => None,
    }
}

/// The plain spelling of the governed route that hides in a path.
pub(super) fn hidden(method: &str, folded: &Folded) -> Option<String> {
    [&folded.segments, &folded.resolved].into_iter().find_map(|segments| {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut tails = (0..segments.len()).filter_map(|start| segments.get(start..));
        let governed = tails.find(|tail| known(method, tail).is_some_and(|known| known.is_governed()))?;
        Some(format!("/{}", governed.join("/")))
    })
}

/// Whether a path holds words that only governed routes hold.
pub(super) fn names_governed(method: &str, folded: &Folded) -> bool {
    let spellings = spellings(folded);
    let holds = |word: &str| spellings.iter().any(|path| path.contains(word));
    GOVERNED_WORDS.into_iter().any(holds) || method == "DELETE" && holds("mlflow/workspaces")
}

/// What an ungoverned write may have changed, judged by its path alone.
pub(super) fn touch_hint(folded: &Folded) -> Option<Touch> {
    let spellings = spellings(folded);
    let holds = |word: &str| spellings.iter().any(|path| path.contains(word));
    if holds("logged-models") {
        Some(Touch::LoggedModels)
    } else {
        holds("mlflow/runs").then_some(Touch::Runs)
    }
}

fn spellings(folded: &Folded) -> Vec<String> {
    let whole = [folded.segments.join("/"), folded.resolved.join("/")];
    whole.into_iter().chain(folded.met.iter().cloned()).collect()
}

fn json<'a>(operation: Operation) -> Option<Known<'a>> {
    Some(Known::Json(operation, None))
}

fn registered_models<'a>(method: &str, rest: &[&'a str]) -> Option<Known<'a>> {
    match (method, rest) {
        ("POST", ["create"]) => json(Operation::CreateModel),
        ("POST", ["rename"]) => json(Operation::RenameModel),
        ("PATCH", ["update"]) => json(Operation::UpdateModel),
        ("DELETE", ["delete"]) => json(Operation::DeleteModel),
        ("POST", ["set-tag"]) => json(Operation::SetModelTag),
        ("DELETE", ["delete-tag"]) => json(Operation::DeleteModelTag),
        ("POST", ["alias"]) => json(Operation::SetAlias),
        ("DELETE", ["alias"]) => json(Operation::DeleteAlias),
        // A read by POST; and the permissions of MLflow's own accounts (basic-auth, up to 3.10).
        ("POST", ["get-latest-versions"] | ["permissions", "create"])
        | ("PATCH", ["permissions", "update"])
        | ("DELETE", ["permissions", "delete"]) => Some(Known::Open),
        _ => None,
    }
}

fn model_versions<'a>(method: &str, rest: &[&'a str]) -> Option<Known<'a>> {
    match (method, rest) {
        ("POST", ["create"]) => json(Operation::CreateVersion),
        ("PATCH", ["update"]) => json(Operation::UpdateVersion),
        ("POST", ["transition-stage"]) => json(Operation::TransitionStage),
        ("DELETE", ["delete"]) => json(Operation::DeleteVersion),
        ("POST", ["set-tag"]) => json(Operation::SetVersionTag),
        ("DELETE", ["delete-tag"]) => json(Operation::DeleteVersionTag),
        _ => None,
    }
}

fn webhooks<'a>(method: &str, rest: &[&'a str]) -> Option<Known<'a>> {
    match (method, rest) {
        ("POST", []) => json(Operation::CreateWebhook),
        ("PATCH", [id]) => Some(Known::Json(Operation::UpdateWebhook, Some(id))),
        ("DELETE", [id]) => Some(Known::Json(Operation::DeleteWebhook, Some(id))),
        // Sends an example event and changes nothing.
        ("POST", [_, "test"]) => Some(Known::Open),
        _ => None,
    }
}

fn logged_models<'a>(method: &str, rest: &[&'a str]) -> Option<Known<'a>> {
    let one = |id: &str| Some(Known::Touch(Touch::LoggedModel { model_id: id.to_owned() }));
    match (method, rest) {
        // No version can point to a model that does not exist yet; a search reads.
        ("POST", [] | ["search"]) => Some(Known::Open),
        ("PATCH" | "DELETE", [id])
        | ("PATCH", [id, "tags"])
        | ("DELETE", [id, "tags", _])
        | ("POST", [id, "params"]) => one(id),
        _ => None,
    }
}

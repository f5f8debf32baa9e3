//! Databricks' calls about stages and comments. MLflow itself has none of them: they are answered by us, and never
//! sent on. Two of them are MLflow's own calls in another envelope.

/// A call of Databricks' that MLflow does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Databricks {
    CreateRequest,
    ListRequests,
    ApproveRequest,
    RejectRequest,
    DeleteRequest,
    CreateComment,
    UpdateComment,
    DeleteComment,
    /// Reads a model; `path` is where MLflow has it.
    GetModel {
        path: String,
    },
}

/// Below which segment the calls lie that MLflow has too.
const FOLDER: &str = "databricks/";
const GET_MODEL: &str = "databricks/registered-models/get";

/// The call of a method and a path. `inner` is the path below MLflow's prefix.
pub(super) fn known(method: &str, path: &str, inner: &str) -> Option<Databricks> {
    let call =
        inner.strip_prefix("/api/2.0/mlflow/").or_else(|| inner.strip_prefix("/ajax-api/2.0/mlflow/"))?;
    Some(match (method, call) {
        ("POST", "transition-requests/create") => Databricks::CreateRequest,
        ("GET", "transition-requests/list") => Databricks::ListRequests,
        ("POST", "transition-requests/approve") => Databricks::ApproveRequest,
        ("POST", "transition-requests/reject") => Databricks::RejectRequest,
        ("DELETE", "transition-requests/delete") => Databricks::DeleteRequest,
        ("POST", "comments/create") => Databricks::CreateComment,
        ("PATCH", "comments/update") => Databricks::UpdateComment,
        ("DELETE", "comments/delete") => Databricks::DeleteComment,
        ("GET", GET_MODEL) => Databricks::GetModel { path: upstream(path) },
        _ => return None,
    })
}

/// The path at which MLflow has what Databricks has in its own folder.
pub(super) fn upstream(path: &str) -> String {
    match path.rfind(FOLDER) {
        Some(at) => {
            let (before, after) = path.split_at(at);
            format!("{before}{}", after.strip_prefix(FOLDER).unwrap_or(after))
        }
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests;

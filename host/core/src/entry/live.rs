//! What entries say of names that hold versions, and of the approvals by which they do.

use serde::{Deserialize, Serialize};

use crate::action::{Action, Placed};
use crate::names::{ModelName, PersonId, Version, Workspace};
use crate::request::RequestId;

/// A governed name that holds a version, and by which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    /// As in [`Bypass::what`].
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
}

/// What became of an approval whose write was made, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    pub request: RequestId,
    pub by: Option<PersonId>,
    pub reason: String,
}

/// A governed name that moved without us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    pub workspace: Workspace,
    pub model: ModelName,
    /// `alias:champion`, `stage:Production` or `version`.
    pub what: String,
    pub was: Option<Version>,
    pub is: Option<Version>,
}

impl Bypass {
    /// The write that puts back what was permitted last. Only aliases can be: a stage has no memory upstream, and
    /// an alias that never held anything with a permit has nothing to go back to.
    #[must_use]
    pub fn undone_by(&self) -> Option<Placed> {
        let alias = self.what.strip_prefix("alias:")?;
        let (model, version) = (self.model.clone(), self.was?);
        let action = Action::SetAlias { model, alias: alias.into(), version };
        Some(Placed { workspace: self.workspace.clone(), action })
    }
}

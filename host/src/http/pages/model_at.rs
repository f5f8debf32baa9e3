//! A registered model, said where it is: each of MLflow's workspaces may have one of the same name.

use std::{fmt, iter};

use countersign_core::names::{ModelName, Workspace};

use crate::http::negotiate::encoded;

/// The workspace of an MLflow that has none.
const DEFAULT: &str = "default";

/// Said as `credit`, or as `credit in workspace team-a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAt {
    pub name: String,
    /// Where it is not MLflow's default one.
    pub workspace: Option<String>,
}

impl ModelAt {
    #[must_use]
    pub fn new(workspace: &Workspace, name: &ModelName) -> Self {
        let elsewhere = Some(workspace.as_str()).filter(|workspace| *workspace != DEFAULT);
        Self { name: name.to_string(), workspace: elsewhere.map(str::to_owned) }
    }

    /// `?workspace=team-a`, for the end of an address; nothing for the default one.
    #[must_use]
    pub fn query(&self) -> String {
        self.query_with(&[])
    }

    /// The same with more in it.
    #[must_use]
    pub fn query_with(&self, more: &[(&str, &str)]) -> String {
        let here = self.workspace.as_deref().map(|name| ("workspace", name));
        let pairs = here.into_iter().chain(more.iter().copied());
        let links = iter::once('?').chain(iter::repeat('&'));
        links.zip(pairs).map(|(link, (key, value))| format!("{link}{key}={}", encoded(value))).collect()
    }
}

impl fmt::Display for ModelAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.workspace.iter().try_for_each(|workspace| write!(f, " in workspace {workspace}"))
    }
}

/// The workspace that an address names; MLflow's default one where it names none.
#[must_use]
pub fn workspace_of(named: Option<&str>) -> Workspace {
    Workspace::new(named.filter(|name| !name.is_empty()).unwrap_or(DEFAULT))
}

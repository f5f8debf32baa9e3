//! Writes of files: where they go, how, and which of them one leave covers.
//!
//! A client that changes a model's files makes one call a file. Nobody signs each of them: what is asked for, and
//! approved, is a folder and whether files are written there or deleted.

use serde::{Deserialize, Serialize};

use super::{Action, Placed};

/// Where a request writes files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "kebab-case")]
pub enum ArtifactPlace {
    /// A path below MLflow's artifact root (`mlflow-artifacts:/…`), normalised, without a leading slash.
    Root { path: String },
    /// A path below a run's artifacts.
    Run { run_id: String, path: String },
    /// A path below a logged model's artifacts.
    LoggedModel { model_id: String, path: String },
}

/// How a request changes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileWrite {
    /// One file, whose bytes come with the request.
    #[default]
    Write,
    /// A step of an upload in parts: the path is the folder, and the body names a file in it.
    Parts,
    /// A file, or a folder with all that is in it.
    Delete,
    /// A URL that lets its holder write one file straight into the object store.
    Presign,
}

impl ArtifactPlace {
    /// The runs and logged models whose files may lie there, by their ids. MLflow's artifact root has them as folders:
    /// `EXPERIMENT/RUN/artifacts`, `EXPERIMENT/models/m-…/artifacts`.
    #[must_use]
    pub fn owners(&self) -> Vec<&str> {
        let is_id = |part: &&str| {
            part.starts_with("m-") || (part.len() == 32 && part.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        match self {
            Self::Root { path } => path.split('/').filter(is_id).collect(),
            Self::Run { run_id, .. } => vec![run_id],
            Self::LoggedModel { model_id, .. } => vec![model_id],
        }
    }

    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Root { path } | Self::Run { path, .. } | Self::LoggedModel { path, .. } => path,
        }
    }

    /// The folder in which it lies. What lies at the top of MLflow's artifact root lies in no folder, or one leave
    /// would be for everything.
    fn folder(&self) -> Self {
        let above = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        match self {
            Self::Root { path } => Self::Root { path: above(path).unwrap_or_else(|| path.clone()) },
            Self::Run { run_id, path } => {
                Self::Run { run_id: run_id.clone(), path: above(path).unwrap_or_default() }
            }
            Self::LoggedModel { model_id, path } => {
                Self::LoggedModel { model_id: model_id.clone(), path: above(path).unwrap_or_default() }
            }
        }
    }

    /// Whether the other lies here, or below.
    fn holds(&self, other: &Self) -> bool {
        let owner = match (self, other) {
            (Self::Root { .. }, Self::Root { .. }) => true,
            (Self::Run { run_id, .. }, Self::Run { run_id: other, .. }) => run_id == other,
            (Self::LoggedModel { model_id, .. }, Self::LoggedModel { model_id: other, .. }) => {
                model_id == other
            }
            _ => false,
        };
        let (folder, path) = (self.path(), other.path());
        let rest = path.strip_prefix(folder);
        owner && (folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

impl FileWrite {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self, Self::Write)
    }
}

impl Placed {
    /// What people are asked about this: for a file its folder, because the next call is about the next file. For
    /// everything else the call itself.
    #[must_use]
    pub fn asked(&self) -> Self {
        let Action::WriteArtifact { place, how } = &self.action else { return self.clone() };
        let (place, how) = match how {
            FileWrite::Write => (place.folder(), FileWrite::Write),
            FileWrite::Parts => (place.clone(), FileWrite::Write),
            FileWrite::Delete | FileWrite::Presign => (place.clone(), *how),
        };
        Self { workspace: self.workspace.clone(), action: Action::WriteArtifact { place, how } }
    }

    /// Whether leave for this is leave for the other: for itself, and for files in a folder.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let below = match (&self.action, &other.action) {
            (
                Action::WriteArtifact { place, how: FileWrite::Write },
                Action::WriteArtifact { place: other, how: FileWrite::Write | FileWrite::Parts },
            )
            | (
                Action::WriteArtifact { place, how: FileWrite::Delete },
                Action::WriteArtifact { place: other, how: FileWrite::Delete },
            ) => place.holds(other),
            _ => self.action == other.action,
        };
        self.workspace == other.workspace && below
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn root(path: &str) -> ArtifactPlace {
        ArtifactPlace::Root { path: path.to_owned() }
    }

    fn write(place: ArtifactPlace, how: FileWrite) -> Placed {
        Placed { workspace: "default".into(), action: Action::WriteArtifact { place, how } }
    }

    #[test]
    fn whose_files_lie_where() {
        let check = |path: &str, expect: &[&str]| assert_eq!(root(path).owners(), expect, "{path}");
        check("1/0123456789abcdef0123456789abcdef/artifacts/model", &["0123456789abcdef0123456789abcdef"]);
        check("1/models/m-7f/artifacts/MLmodel", &["m-7f"]);
        check("shared/data.csv", &[]);
        let run = ArtifactPlace::Run { run_id: "r1".to_owned(), path: String::new() };
        assert_eq!(run.owners(), ["r1"]);
    }

    #[test]
    fn a_folder_is_asked_for() {
        let check = |path: &str, how: FileWrite, expect: (&str, FileWrite)| {
            let asked = write(root(path), how).asked();
            assert_eq!(asked, write(root(expect.0), expect.1), "{path} {how:?}");
            assert_eq!(asked.covers(&write(root(path), how)), how != FileWrite::Presign || path == expect.0);
        };
        check("1/r/artifacts/MLmodel", FileWrite::Write, ("1/r/artifacts", FileWrite::Write));
        check("1/r/artifacts", FileWrite::Parts, ("1/r/artifacts", FileWrite::Write));
        check("1/r/artifacts/MLmodel", FileWrite::Delete, ("1/r/artifacts/MLmodel", FileWrite::Delete));
        check("1/r/artifacts/MLmodel", FileWrite::Presign, ("1/r/artifacts/MLmodel", FileWrite::Presign));
        check("loose", FileWrite::Write, ("loose", FileWrite::Write));
        let run = |path: &str| ArtifactPlace::Run { run_id: "r1".to_owned(), path: path.to_owned() };
        assert_eq!(write(run("MLmodel"), FileWrite::Write).asked(), write(run(""), FileWrite::Write));
    }

    #[test]
    fn a_leave_covers_what_lies_below_and_nothing_beside() {
        let leave = write(root("1/r/artifacts"), FileWrite::Write);
        let check = |other: &Placed, expect: bool| assert_eq!(leave.covers(other), expect, "{other:?}");
        check(&write(root("1/r/artifacts/data/x"), FileWrite::Write), true);
        check(&write(root("1/r/artifacts/data"), FileWrite::Parts), true);
        check(&write(root("1/r/artifacts2/x"), FileWrite::Write), false);
        check(&write(root("1/r"), FileWrite::Write), false);
        check(&write(root("1/r/artifacts/x"), FileWrite::Delete), false);
        check(&write(root("1/r/artifacts/x"), FileWrite::Presign), false);
        let run = ArtifactPlace::Run { run_id: "r".to_owned(), path: "1/r/artifacts/x".to_owned() };
        check(&write(run, FileWrite::Write), false);
        let elsewhere = Placed { workspace: "other".into(), ..leave.clone() };
        check(&elsewhere, false);
    }

    #[test]
    fn a_write_from_before_reads() {
        let old = serde_json::json!({"kind": "write-artifact", "place": {"place": "root", "path": "a"}});
        let action: Action = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(action, write(root("a"), FileWrite::Write).action);
        assert_eq!(serde_json::to_value(action).unwrap(), old);
    }

    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec("[ab]{1,2}", 1..4).prop_map(|parts| parts.join("/"))
    }

    proptest! {
        /// What covers another covers all that the other covers.
        #[test]
        fn covering_carries_on(a in path(), b in path(), c in path()) {
            let [a, b, c] = [a, b, c].map(|path| write(root(&path), FileWrite::Write));
            prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        }
    }
}

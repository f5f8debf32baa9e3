//! A snapshot of everything that the registry says about one model version, taken at one time.
//!
//! Facts are data: they serialise to canonical JSON and are kept by their digest. A fact that could not be
//! established is listed in [`VersionFacts::missing`]; it is never an error and never silently empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::CanonicalError;
use crate::digest::Digest;
use crate::names::{ModelName, Stage, Version, Workspace};
use crate::time::Millis;

/// The thing judged. `created` and `source` tell a version apart from a later one of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    pub created: Millis,
    pub source: String,
    /// Over the artifact manifest: see [`manifest_digest`]. `None` when a file could not be read.
    pub manifest: Option<Digest>,
}

/// What is known when a gate is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub taken_at: Millis,
    pub version: VersionFacts,
    pub model: ModelFacts,
}

/// One model version with its run, its logged model, its metrics and its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFacts {
    pub subject: Subject,
    pub description: Option<String>,
    pub stage: Stage,
    /// MLflow's word: `READY`, `PENDING_REGISTRATION`, …
    pub status: String,
    pub tags: BTreeMap<String, String>,
    /// Sorted.
    pub aliases: Vec<String>,
    pub run: Option<Run>,
    pub logged_model: Option<LoggedModel>,
    pub metrics: Vec<Metric>,
    /// Sorted by path.
    pub files: Vec<File>,
    /// The text of the file `MLmodel`.
    pub mlmodel: Option<String>,
    pub missing: Vec<Missing>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    pub description: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Alias to version.
    pub aliases: BTreeMap<String, Version>,
    /// The newest version in each stage but `None`: what MLflow gives whoever asks for the stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, Version>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    /// A claim made by the client, not a proof.
    pub user: Option<String>,
    pub status: String,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub datasets: Vec<Dataset>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedModel {
    pub id: String,
    pub status: String,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    /// MLflow's own JSON text.
    pub source: String,
    /// The tag `mlflow.data.context`.
    pub context: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricOrigin {
    Run,
    LoggedModel,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    pub name: String,
    /// Decimal or exponent notation, as recorded; `NaN`, `Infinity`, `-Infinity` where it is not finite.
    pub value: String,
    pub step: i64,
    pub timestamp: Millis,
    pub origin: MetricOrigin,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub path: String,
    /// Bytes.
    pub size: u64,
    pub digest: Option<Digest>,
}

/// A fact that could not be established, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// `run`, `logged-model`, `artifacts`, `artifact:PATH`, `mlmodel`, …
    pub fact: String,
    pub reason: String,
}

impl Facts {
    /// The digest under which the facts are kept. The time at which they were taken is part of the evidence
    /// but not of what was found, so it does not count.
    ///
    /// # Errors
    /// When a number has no canonical form.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(&(&self.version, &self.model))
    }
}

/// The digest of a list of files: SHA-256 over one line `<hex digest>  <size>  <path>\n` per file, sorted by path.
/// `None` when any file's own digest is unknown: part of a model cannot stand for the whole.
#[must_use]
pub fn manifest_digest(files: &[File]) -> Option<Digest> {
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let lines: Option<String> = sorted
        .into_iter()
        .map(|f| f.digest.map(|d| format!("{}  {}  {}\n", hex::encode(d.as_bytes()), f.size, f.path)))
        .collect();
    lines.map(|text| Digest::of(text.as_bytes()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A version with a tag and a description, of a model with a tag.
    pub(crate) fn described() -> (VersionFacts, ModelFacts) {
        let texts = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let subject = Subject {
            workspace: "default".into(),
            model: "credit".into(),
            version: Version::new(7),
            created: Millis::new(1),
            source: "models:/m-1".to_owned(),
            manifest: None,
        };
        let version = VersionFacts {
            subject,
            description: Some("first".to_owned()),
            stage: Stage::None,
            status: "READY".to_owned(),
            tags: texts("risk", "high"),
            aliases: Vec::new(),
            run: None,
            logged_model: None,
            metrics: Vec::new(),
            files: Vec::new(),
            mlmodel: None,
            missing: Vec::new(),
        };
        let tags = texts("owner", "ana");
        (version, ModelFacts { description: None, tags, aliases: BTreeMap::new(), stages: BTreeMap::new() })
    }

    #[test]
    fn stages_that_nobody_recorded_change_nothing() {
        let (_, model) = described();
        let json = serde_json::to_value(&model).unwrap();
        assert!(json.get("stages").is_none());
        assert_eq!(serde_json::from_value::<ModelFacts>(json).unwrap(), model);
    }
}

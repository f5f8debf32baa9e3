//! A declarative case: what is given, and what is expected of a plugin. The JSON files under `cases/` of every
//! plugin have this form; they run natively here and against the component in the host.
//!
//! Everything but `name`, `version.model`, `version.version` and `expect` has a default. This module knows only
//! data: it never calls a plugin.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub given: Given,
    pub expect: Expect,
}

/// What the plugin is called with and what its capabilities answer.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    pub version: Version,
    /// Other versions that the registry holds, of this model or others. Aliases and stages are taken from them.
    pub others: Vec<Version>,
    /// The files of the version, by path. Those that `version.files` does not list are listed by themselves.
    pub artifacts: BTreeMap<String, Content>,
    /// What Countersign has recorded.
    pub history: History,
    pub action: Action,
    pub tier: Option<String>,
    /// Any JSON; `{}` when absent.
    #[serde(default = "empty_object")]
    pub config: Value,
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
    /// Rules only: the opaque id of who asked.
    pub requester: Option<String>,
    /// Rules only.
    pub checks: Vec<CheckRun>,
    /// Rules only.
    pub reviews: Vec<Review>,
}

/// What the capability `history` answers.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    pub holdings: Vec<Held>,
    pub decisions: Vec<Decided>,
}

/// One time during which a version held an alias.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Held {
    pub model: String,
    pub version: String,
    pub alias: String,
    pub since_ms: i64,
    pub until_ms: Option<i64>,
    pub bypassed: bool,
}

/// One earlier request.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Decided {
    pub model: String,
    pub version: String,
    pub kind: String,
    pub target: Option<String>,
    pub state: String,
    pub opened_ms: i64,
}

/// The content of a file, given in one of three ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    Text(String),
    Base64(String),
    /// A path relative to the case's own directory.
    File(String),
}

/// What must come out.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// `pass`, `warn`, `fail`, `skipped`, `error` (it could not judge), or `invalid-config`. A rule that answers
    /// is `fail` when it denies, otherwise `pass`.
    pub conclusion: String,
    /// The codes of all findings (of a rule: of its denials), each once, in any order.
    pub codes: Vec<String>,
    /// Rules only: how many people per seat are asked for.
    pub seats: BTreeMap<String, u32>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Version {
    pub workspace: Option<String>,
    pub model: String,
    pub version: String,
    pub created_ms: i64,
    pub source: String,
    pub manifest_digest: Option<String>,
    pub description: Option<String>,
    /// `None` when absent, as MLflow says.
    pub stage: Option<String>,
    /// `READY` when absent.
    pub status: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub aliases: Vec<String>,
    pub run: Option<Run>,
    pub logged_model: Option<LoggedModel>,
    pub metrics: Vec<Metric>,
    pub files: Vec<File>,
    pub mlmodel: Option<String>,
    pub missing: Vec<Missing>,
    /// Name to any JSON.
    pub extensions: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    pub id: String,
    pub user: Option<String>,
    pub status: Option<String>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub datasets: Vec<Dataset>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub context: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggedModel {
    pub id: String,
    pub status: Option<String>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metric {
    pub name: String,
    pub value: String,
    pub step: i64,
    pub timestamp_ms: i64,
    pub origin: Origin,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    #[default]
    Run,
    LoggedModel,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    pub path: String,
    pub size: u64,
    pub digest: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Missing {
    pub name: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Action {
    pub kind: String,
    pub target: Option<String>,
}

/// A check run that a rule sees.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckRun {
    pub plugin: String,
    pub required: bool,
    /// `pass`, `warn`, `fail` or `skipped`; absent when the check could not conclude.
    pub conclusion: Option<String>,
    pub summary: String,
}

/// A review that a rule sees.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    pub reviewer: String,
    pub seat: Option<String>,
    /// `approve`, `reject`, `comment` or `recuse`.
    pub vote: String,
    pub at_ms: i64,
}

impl Default for Action {
    fn default() -> Self {
        Self { kind: "set-alias".to_owned(), target: Some("champion".to_owned()) }
    }
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

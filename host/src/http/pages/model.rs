//! A registered model's history: every promotion, refusal and bypass.

use askama::Template;

use super::pictures::Ink;
use super::{Chip, Chrome, ModelAt, Person, When};

#[derive(Debug, Template)]
#[template(path = "model.html")]
pub struct ModelPage {
    pub chrome: Chrome,
    pub model: ModelAt,
    /// Governed aliases and stages, and the version that each holds now.
    pub holders: Vec<Holder>,
    /// Who held each alias when; `None` where nothing is known of it.
    pub held: Option<HeldTimes>,
    /// Newest first.
    pub rows: Vec<ModelRow>,
    pub older: Option<String>,
}

impl ModelPage {
    /// MLflow's page of a version.
    fn version_url(&self, version: &str) -> String {
        self.chrome.mlflow_version_url(&self.model, version)
    }

    fn audit_url(&self) -> String {
        self.chrome.model_path(&self.model.name) + "/audit" + &self.model.query()
    }
}

#[derive(Debug, Clone)]
pub struct Holder {
    /// `alias champion`, `stage Production`.
    pub place: String,
    pub version: Option<String>,
    pub gate: String,
    /// It got there past us.
    pub bypassed: bool,
    /// Its tier has moved since it was approved, and how.
    pub stale: Option<String>,
}

/// A picture of who held what when, and the table behind it.
#[derive(Debug, Clone)]
pub struct HeldTimes {
    /// What was asked for, as it was written; empty where nothing was.
    pub asked: String,
    /// Why that is no time.
    pub wrong: Option<String>,
    /// Where the same lies with all its evidence.
    pub json: String,
    pub csv: String,
    /// What was held then.
    pub then: Option<HeldThen>,
    /// SVG.
    pub picture: String,
    pub legend: Vec<(Ink, &'static str)>,
    /// Newest first.
    pub rows: Vec<HeldRow>,
}

/// What stood where at a time in the past.
#[derive(Debug, Clone)]
pub struct HeldThen {
    pub at: When,
    pub rows: Vec<HeldRow>,
    /// The ledger tells of no move until then.
    pub nothing: bool,
}

#[derive(Debug, Clone)]
pub struct HeldRow {
    /// `alias champion`, `stage Production`.
    pub name: String,
    pub version: String,
    pub chip: Chip,
    pub from: When,
    /// `None`: it still does.
    pub until: Option<When>,
    pub request: Option<String>,
    /// The page of the ledger entry.
    pub entry: (u64, String),
}

#[derive(Debug, Clone)]
pub struct ModelRow {
    pub when: When,
    pub version: Option<String>,
    pub what: String,
    pub actor: Option<Person>,
    pub chips: Vec<Chip>,
    /// The request's id.
    pub request: Option<String>,
}

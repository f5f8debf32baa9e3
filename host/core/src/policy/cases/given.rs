//! The facts of a case: a version that has what the case says, and nothing else.

use std::collections::BTreeMap;

use crate::facts::{Facts, Metric, MetricOrigin, Missing, ModelFacts, Run, Subject, VersionFacts};
use crate::names::{ModelName, Stage, Version, Workspace};
use crate::time::Millis;

/// What a case says of a version. What it does not say is as in the snapshot, or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenFacts {
    pub workspace: Option<Workspace>,
    pub model: Option<ModelName>,
    pub version: Option<Version>,
    pub tags: BTreeMap<String, String>,
    pub model_tags: BTreeMap<String, String>,
    pub params: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, String>,
    pub run_tags: BTreeMap<String, String>,
    pub run_user: Option<String>,
    pub description: Option<String>,
    pub model_description: Option<String>,
    pub stage: Option<Stage>,
    pub status: Option<String>,
    pub source: Option<String>,
    /// What the aliases of the model hold.
    pub aliases: BTreeMap<String, Version>,
    /// The newest version in each stage.
    pub stages: BTreeMap<String, Version>,
    /// What could not be read: `run`, `model`, `metrics`, …
    pub missing: Vec<String>,
}

impl GivenFacts {
    /// The facts at some time, on top of a snapshot where there is one.
    pub(super) fn facts(&self, snapshot: Option<Facts>, at: Millis) -> Facts {
        let mut facts = snapshot.unwrap_or_else(|| nothing_known(at));
        let subject = &mut facts.version.subject;
        self.workspace.iter().for_each(|given| subject.workspace.clone_from(given));
        self.model.iter().for_each(|given| subject.model.clone_from(given));
        self.version.iter().for_each(|given| subject.version = *given);
        self.source.iter().for_each(|given| subject.source.clone_from(given));
        self.of_model(&mut facts.model);
        self.of_version(&mut facts.version);
        // The aliases of the version follow from what those of the model hold.
        let number = facts.version.subject.version;
        for (alias, held_by) in &self.aliases {
            facts.version.aliases.retain(|held| held != alias);
            if *held_by == number {
                facts.version.aliases.push(alias.clone());
            }
        }
        facts.version.aliases.sort();
        facts
    }

    fn of_model(&self, model: &mut ModelFacts) {
        model.tags.extend(self.model_tags.clone());
        model.aliases.extend(self.aliases.clone());
        model.stages.extend(self.stages.clone());
        if self.model_description.is_some() {
            model.description.clone_from(&self.model_description);
        }
    }

    fn of_version(&self, version: &mut VersionFacts) {
        version.tags.extend(self.tags.clone());
        self.stage.iter().for_each(|stage| version.stage = *stage);
        self.status.iter().for_each(|status| version.status.clone_from(status));
        if self.description.is_some() {
            version.description.clone_from(&self.description);
        }
        version.metrics.retain(|metric| !self.metrics.contains_key(&metric.name));
        version.metrics.extend(self.metrics.iter().map(|(name, value)| metric(name, value)));
        if !(self.params.is_empty() && self.run_tags.is_empty() && self.run_user.is_none()) {
            let run = version.run.get_or_insert_with(a_run);
            run.params.extend(self.params.clone());
            run.tags.extend(self.run_tags.clone());
            self.run_user.iter().for_each(|user| run.user = Some(user.clone()));
        }
        let reason = "the case says so".to_owned();
        let missing = self.missing.iter().map(|fact| Missing { fact: fact.clone(), reason: reason.clone() });
        version.missing.extend(missing);
    }
}

/// A version of which only the name is known.
fn nothing_known(at: Millis) -> Facts {
    let subject = Subject {
        workspace: Workspace::new("default"),
        model: ModelName::new("model"),
        version: Version::new(1),
        created: at,
        source: "models:/m-0".to_owned(),
        manifest: None,
    };
    let version = VersionFacts {
        subject,
        description: None,
        stage: Stage::None,
        status: "READY".to_owned(),
        tags: BTreeMap::new(),
        aliases: Vec::new(),
        run: None,
        logged_model: None,
        metrics: Vec::new(),
        files: Vec::new(),
        mlmodel: None,
        missing: Vec::new(),
    };
    let (tags, aliases, stages) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    Facts { taken_at: at, version, model: ModelFacts { description: None, tags, aliases, stages } }
}

fn a_run() -> Run {
    Run {
        id: "run".to_owned(),
        user: None,
        status: "FINISHED".to_owned(),
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
        datasets: Vec::new(),
    }
}

fn metric(name: &str, value: &str) -> Metric {
    Metric {
        name: name.to_owned(),
        value: value.to_owned(),
        step: 0,
        timestamp: Millis::new(0),
        origin: MetricOrigin::Run,
        dataset_name: None,
        dataset_digest: None,
    }
}

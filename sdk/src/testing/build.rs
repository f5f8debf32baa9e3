//! The builder of what a plugin is called with.

use std::rc::Rc;

use super::convert::{self, action, rule_checks, rule_reviews};
use super::fixture::{self, Fixture};
use super::past;
use crate::case;
use crate::types::{ConfigError, Report};
use crate::{Check, CheckInput, Rule, RuleInput, Ruling, run};

/// Starts a case about one version of a model.
#[must_use]
pub fn version(model: &str, version: &str) -> Given {
    let subject =
        case::Version { model: model.to_owned(), version: version.to_owned(), ..Default::default() };
    Given::from(case::Given { version: subject, ..Default::default() })
}

/// What a plugin is called with and what its capabilities answer.
#[derive(Debug, Clone)]
pub struct Given {
    case: case::Given,
    config: String,
    artifacts: Vec<(String, Rc<[u8]>)>,
}

impl From<case::Given> for Given {
    fn from(case: case::Given) -> Self {
        let config = if case.config.is_null() { "{}".to_owned() } else { case.config.to_string() };
        Self { case, config, artifacts: Vec::new() }
    }
}

// === The version ===

impl Given {
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.case.version.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        self.case.version.aliases.push(alias.to_owned());
        self
    }

    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.case.version.description = Some(text.to_owned());
        self
    }

    /// A metric of the run.
    #[must_use]
    pub fn metric(self, name: &str, value: &str) -> Self {
        self.metric_of(case::Metric { name: name.to_owned(), value: value.to_owned(), ..Default::default() })
    }

    #[must_use]
    pub fn metric_of(mut self, metric: case::Metric) -> Self {
        self.case.version.metrics.push(metric);
        self
    }

    /// A fact that could not be established: `run`, `logged-model`, `artifacts`, `mlmodel`, …
    #[must_use]
    pub fn missing(mut self, fact: &str, reason: &str) -> Self {
        let missing = case::Missing { name: fact.to_owned(), reason: reason.to_owned() };
        self.case.version.missing.push(missing);
        self
    }

    /// A file of the version.
    #[must_use]
    pub fn artifact(mut self, path: &str, bytes: impl Into<Rc<[u8]>>) -> Self {
        self.artifacts.push((path.to_owned(), bytes.into()));
        self
    }

    /// Changes whatever has no method of its own.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut case::Given)) -> Self {
        change(&mut self.case);
        self
    }

    // === The rest of the call ===

    /// Another version in the registry, with its aliases and stage.
    #[must_use]
    pub fn other(mut self, other: Given) -> Self {
        self.case.others.push(other.case.version);
        self
    }

    /// A time during which the version held an alias, as Countersign has recorded it.
    #[must_use]
    pub fn held(mut self, alias: &str, since_ms: i64, until_ms: Option<i64>) -> Self {
        let subject = &self.case.version;
        self.case.history.holdings.push(case::Held {
            model: subject.model.clone(),
            version: subject.version.clone(),
            alias: alias.to_owned(),
            since_ms,
            until_ms,
            bypassed: false,
        });
        self
    }

    #[must_use]
    pub fn tier(mut self, tier: &str) -> Self {
        self.case.tier = Some(tier.to_owned());
        self
    }

    /// The configuration of the gate, a JSON text.
    #[must_use]
    pub fn config(mut self, json: &str) -> Self {
        json.clone_into(&mut self.config);
        self
    }

    // === Calling ===

    /// Calls a check as the host would.
    ///
    /// # Errors
    /// The text with which the check says that it could not judge.
    pub fn check<C: Check>(&self) -> Result<Report, String> {
        let version = self.install();
        run::check::<C>(&CheckInput {
            version,
            action: action(&self.case.action),
            tier: self.case.tier.clone(),
            config: self.config.clone(),
            now_ms: self.case.now_ms,
        })
    }

    /// Calls a rule as the host would.
    ///
    /// # Errors
    /// The text with which the rule says that it could not decide.
    pub fn decide<R: Rule>(&self) -> Result<Ruling, String> {
        let version = self.install();
        run::decide::<R>(&RuleInput {
            version,
            action: action(&self.case.action),
            tier: self.case.tier.clone(),
            requester: self.case.requester.clone(),
            checks: rule_checks(&self.case.checks)?,
            reviews: rule_reviews(&self.case.reviews)?,
            config: self.config.clone(),
            now_ms: self.case.now_ms,
        })
    }

    /// # Errors
    /// What is wrong with the configuration, as the policy's loader would say it.
    pub fn validate_check<C: Check>(&self) -> Result<(), Vec<ConfigError>> {
        run::validate_check::<C>(&self.config)
    }

    /// # Errors
    /// What is wrong with the configuration, as the policy's loader would say it.
    pub fn validate_rule<R: Rule>(&self) -> Result<(), Vec<ConfigError>> {
        run::validate_rule::<R>(&self.config)
    }

    fn install(&self) -> crate::ModelVersion {
        let mut subject = self.case.version.clone();
        for (path, bytes) in &self.artifacts {
            if subject.files.iter().all(|f| &f.path != path) {
                subject.files.push(case::File { path: path.clone(), size: bytes.len() as u64, digest: None });
            }
        }
        let subject = convert::version(&subject);
        let others = self.case.others.iter().map(convert::version);
        past::install(self.case.history.clone());
        fixture::install(Fixture {
            versions: std::iter::once(subject.clone()).chain(others).collect(),
            artifacts: self.artifacts.iter().cloned().collect(),
            log: Vec::new(),
        });
        subject
    }
}

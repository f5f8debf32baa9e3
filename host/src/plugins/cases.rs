//! Declarative cases: what is given, and what is expected of a plugin. The same JSON runs natively in the SDK, here
//! against the component by `countersign plugin test`, and at load as smoke cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use countersign_core::check::{Outcome, RuleOutcome};
use countersign_core::time::Millis;
use serde::Deserialize;
use serde_json::Value;

use super::engine::Engine;
use super::input::{CheckInput, CheckRecord, RuleInput, RuleRecord};
use super::loader::{Plugin, ValidateError};
use super::sources::Sources;
use given::Given;
use shelf::Shelf;

mod given;
mod shelf;
mod trial;

pub use trial::{Trial, TrialError};

/// One case. Everything but the name, the version's model and number, and what is expected has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    given: Given,
    expect: Expected,
}

/// What comes out of a plugin, as cases write it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expected {
    /// `pass`, `warn`, `fail`, `skipped`, `error`, `invalid-config`; a rule that denies is `fail`, otherwise `pass`.
    conclusion: String,
    /// Each once, in any order.
    codes: BTreeSet<String>,
    /// Rules only: how many people per seat.
    seats: BTreeMap<String, u32>,
}

/// A case that did not go as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseFailure {
    #[error("case {index} cannot be read: {reason}")]
    Unreadable { index: usize, reason: String },
    #[error("case `{name}`: expected {expected}, and the plugin gave {got}")]
    Unexpected { name: String, expected: String, got: String },
}

impl Case {
    /// Reads a case from its JSON.
    ///
    /// # Errors
    /// When it is not a case.
    pub fn read(json: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(json)
    }
}

impl Engine {
    /// Runs the cases that a plugin carries in its manifest. Gives those that failed.
    pub async fn run_smoke_cases(&self, plugin: &Arc<Plugin>) -> Vec<CaseFailure> {
        self.run_cases(plugin, &plugin.manifest().cases, Path::new(".")).await
    }

    /// Runs cases against a component. Files that they name are below `folder`. Gives those that failed.
    pub async fn run_cases(&self, plugin: &Arc<Plugin>, cases: &[Value], folder: &Path) -> Vec<CaseFailure> {
        let mut failures = Vec::new();
        for (index, json) in cases.iter().enumerate() {
            if let Err(failure) = self.run_case(plugin, index, json, folder).await {
                failures.push(failure);
            }
        }
        failures
    }

    async fn run_case(
        &self,
        plugin: &Arc<Plugin>,
        index: usize,
        json: &Value,
        folder: &Path,
    ) -> Result<(), CaseFailure> {
        let unreadable = |reason: String| CaseFailure::Unreadable { index, reason };
        let case = Case::read(json).map_err(|error| unreadable(error.to_string()))?;
        let shelf = case.given.shelf(folder).map_err(unreadable)?;
        let (got, why) = self.outcome(plugin, &case.given, shelf).await.map_err(unreadable)?;
        if got == case.expect {
            return Ok(());
        }
        let (expected, got) = (case.expect.to_string(), format!("{got}: {why}"));
        Err(CaseFailure::Unexpected { name: case.name, expected, got })
    }

    /// What the plugin makes of what is given, and its own words about it.
    async fn outcome(
        &self,
        plugin: &Arc<Plugin>,
        given: &Given,
        shelf: Shelf,
    ) -> Result<(Expected, String), String> {
        let config = match self.validate_config(plugin, &given.config).await {
            Ok(config) => config,
            Err(ValidateError::Refused(errors)) => {
                return Ok((Expected::concluded("invalid-config"), errors.to_string()));
            }
            Err(error) => return Err(error.to_string()),
        };
        let sources: Arc<dyn Sources> = Arc::new(shelf.clone());
        if plugin.check().is_some() {
            let record = check_record(plugin, given, shelf, config)?;
            let input = Arc::new(CheckInput::new(record));
            let outcome = self.evaluate_check(plugin, &input, sources).await.outcome;
            return Ok((Expected::of_check(&outcome), outcome.summary().to_owned()));
        }
        let input = Arc::new(RuleInput::new(rule_record(given, shelf, config)?));
        Ok(Expected::of_rule(&self.evaluate_rule(plugin, &input, sources).await.outcome))
    }
}

/// The check is shown of it what it reads, as live: a case finds what its manifest forgot.
fn check_record(plugin: &Plugin, given: &Given, shelf: Shelf, config: String) -> Result<CheckRecord, String> {
    let action = given.action.action(&shelf.subject)?;
    let (tier, now) = (given.tier.clone(), Millis::new(given.now_ms));
    let reads = plugin.reads().cloned();
    Ok(CheckRecord { format: 1, version: shelf.subject, action, tier, config, now, reads })
}

fn rule_record(given: &Given, shelf: Shelf, config: String) -> Result<RuleRecord, String> {
    Ok(RuleRecord {
        format: 1,
        action: given.action.action(&shelf.subject)?,
        version: shelf.subject,
        tier: given.tier.clone(),
        requester: given.requester.clone(),
        checks: given.checks()?,
        reviews: given.reviews()?,
        config,
        now: Millis::new(given.now_ms),
    })
}

impl Expected {
    fn concluded(conclusion: &str) -> Self {
        Self { conclusion: conclusion.to_owned(), ..Self::default() }
    }

    fn of_check(outcome: &Outcome) -> Self {
        let codes = outcome.findings().iter().map(|finding| finding.code.clone()).collect();
        Self { codes, ..Self::concluded(outcome.conclusion().as_str()) }
    }

    fn of_rule(outcome: &RuleOutcome) -> (Self, String) {
        let ruling = match outcome {
            RuleOutcome::Ruled(ruling) => ruling,
            RuleOutcome::Failed(failure) => return (Self::concluded("error"), failure.message.clone()),
        };
        let conclusion = if ruling.denials.is_empty() { "pass" } else { "fail" };
        let codes = ruling.denials.iter().map(|finding| finding.code.clone()).collect();
        let seats = ruling.seats.iter().map(|wanted| (wanted.seat.to_string(), wanted.count)).collect();
        (Self { conclusion: conclusion.to_owned(), codes, seats }, ruling.summary.clone())
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let codes: Vec<&str> = self.codes.iter().map(String::as_str).collect();
        write!(f, "`{}` with codes [{}]", self.conclusion, codes.join(", "))?;
        if !self.seats.is_empty() {
            write!(f, " and seats {:?}", self.seats)?;
        }
        Ok(())
    }
}

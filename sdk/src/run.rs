//! From the interface's functions to the author's traits: the same way in a component and in a native test.

use serde::de::DeserializeOwned;

use crate::{CannotJudge, Check, CheckInput, ConfigError, Report, Rule, RuleInput, Ruling};

/// Parses the configuration of a check and asks it what else is wrong.
pub fn validate_check<C: Check>(config: &str) -> Result<(), Vec<ConfigError>> {
    none_or(parse::<C>(config).map_err(|e| vec![e])?.problems())
}

/// Parses the configuration of a rule and asks it what else is wrong.
pub fn validate_rule<R: Rule>(config: &str) -> Result<(), Vec<ConfigError>> {
    none_or(parse::<R>(config).map_err(|e| vec![e])?.problems())
}

pub fn check<C: Check>(input: &CheckInput) -> Result<Report, String> {
    let check: C =
        parse(&input.config).map_err(|e| format!("the configuration is not valid: {}", e.message))?;
    check.check(input).map_err(CannotJudge::into_reason)
}

pub fn decide<R: Rule>(input: &RuleInput) -> Result<Ruling, String> {
    let rule: R =
        parse(&input.config).map_err(|e| format!("the configuration is not valid: {}", e.message))?;
    rule.decide(input).map_err(CannotJudge::into_reason)
}

fn parse<T: DeserializeOwned>(config: &str) -> Result<T, ConfigError> {
    serde_json::from_str(config).map_err(|e| ConfigError::at("", e.to_string()))
}

fn none_or(problems: Vec<ConfigError>) -> Result<(), Vec<ConfigError>> {
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

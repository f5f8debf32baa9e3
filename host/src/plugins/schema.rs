//! Configurations: checked by the manifest's JSON Schema first, and by the guest itself afterwards.

use std::fmt;
use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use serde_json::Value;

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// A JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "at `{pointer}`: {}", self.message),
        }
    }
}

/// All that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ConfigError::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

/// A manifest's schema, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Schema {
    json: Value,
    compiled: OnceLock<Result<Compiled, String>>,
}

#[derive(Debug)]
pub(super) struct Compiled(Validator);

impl Schema {
    pub(super) const fn new(json: Value) -> Self {
        Self { json, compiled: OnceLock::new() }
    }

    /// Nothing is fetched: a reference to another document is an error.
    pub(super) fn compile(&self) -> Result<&Compiled, String> {
        let compile = || {
            let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
            options.build(&self.json).map(Compiled).map_err(|error| error.to_string())
        };
        self.compiled.get_or_init(compile).as_ref().map_err(Clone::clone)
    }
}

impl Compiled {
    pub(super) fn check(&self, config: &Value) -> Result<(), ConfigErrors> {
        let errors: Vec<ConfigError> = self.0.iter_errors(config).map(|error| readable(&error)).collect();
        if errors.is_empty() { Ok(()) } else { Err(ConfigErrors(errors)) }
    }
}

fn readable(error: &jsonschema::ValidationError<'_>) -> ConfigError {
    ConfigError { pointer: error.instance_path().to_string(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(config: Value, expect: Result<(), &[&str]>) {
        let schema = json!({
            "type": "object",
            "required": ["metric"],
            "properties": {
                "metric": { "type": "string", "minLength": 1 },
                "limits": { "type": "array", "items": { "type": "string" } },
            },
            "additionalProperties": false,
        });
        let got = Schema::new(schema).compile().unwrap().check(&config);
        let places = got
            .as_ref()
            .copied()
            .map_err(|errors| errors.0.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>());
        assert_eq!(places, expect.map_err(<[&str]>::to_vec), "{config} {got:?}");
    }

    #[test]
    fn errors_name_the_place_and_the_reason() {
        check(json!({"metric": "auc"}), Ok(()));
        check(json!({}), Err(&[""]));
        check(json!({"metric": ""}), Err(&["/metric"]));
        check(json!({"metric": "auc", "limits": ["1", 2]}), Err(&["/limits/1"]));
        check(json!({"metric": "auc", "metrc": 1}), Err(&[""]));
    }

    #[test]
    fn a_schema_that_is_wrong_or_refers_elsewhere_is_refused() {
        assert!(Schema::new(json!({"type": "strnig"})).compile().is_err());
        let elsewhere = json!({"$ref": "https://example.org/schema.json"});
        assert!(Schema::new(elsewhere).compile().is_err());
    }
}

//! From layers of text to values, or to every fault in them.

mod anchor;
mod identity;
mod own_address;
mod reader;
mod replay;

use std::fmt;

use figment::error::Kind;

pub(super) use self::reader::Reader;

/// One fault of the configuration. Displays as `ORIGIN: `KEY`: what is wrong: what to do`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The file, the environment variable, or the command line.
    pub origin: String,
    /// `section.key`; `None` where the fault is not in one.
    pub key: Option<String>,
    pub message: String,
}

/// Every fault that was found. Never empty; displays as one line per fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub faults: Vec<ConfigFault>,
}

impl ConfigError {
    pub(super) fn one(fault: ConfigFault) -> Self {
        Self { faults: vec![fault] }
    }

    pub(super) fn from_figment(error: figment::Error) -> Self {
        Self { faults: error.into_iter().map(fault).collect() }
    }
}

fn fault(error: figment::Error) -> ConfigFault {
    let origin =
        error.metadata.as_ref().map_or_else(|| "the configuration".to_owned(), |from| from.name.to_string());
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(key, choices) => {
            let place = path.strip_suffix(key.as_str()).unwrap_or(&path).trim_end_matches('.');
            let place = if place.is_empty() { String::new() } else { format!(" in `[{place}]`") };
            let message = format!("unknown key `{key}`{place}: choose one of {}", listed(choices));
            ConfigFault { origin, key: None, message }
        }
        Kind::InvalidType(got, want) => {
            let want = match want.as_str() {
                "usize" => "a whole number",
                "a sequence" => "a list, as in `[\"a\", \"b\"]`",
                other => other,
            };
            let got = got.to_string().replace("unsigned int", "number").replace("signed int", "number");
            ConfigFault { origin, key: Some(path), message: format!("must be {want}, not {got}") }
        }
        kind => ConfigFault { origin, key: Some(path), message: kind.to_string() },
    }
}

fn listed(choices: &[&str]) -> String {
    let names: Vec<String> = choices.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}: `{key}`: {}", self.origin, self.message),
            None => write!(f, "{}: {}", self.origin, self.message),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

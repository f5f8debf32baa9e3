//! Arguments that are more than a text.

use std::fmt;
use std::str::FromStr;

use countersign_core::names::{Alias, ModelName, Stage, Version};
use countersign_core::request::RequestId;

/// A promotion, or a change of what is promoted, in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Alias(Alias),
    Stage(Stage),
    RegisterInto(ModelName),
    Change(Change),
}

/// A change by its key in the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Delete,
    Leave,
    Rename,
    Artifacts,
    Tags,
    Description,
    ModelTags,
    ModelDescription,
}

const CHANGES: [(&str, Change); 8] = [
    ("delete", Change::Delete),
    ("leave", Change::Leave),
    ("rename", Change::Rename),
    ("artifacts", Change::Artifacts),
    ("tags", Change::Tags),
    ("description", Change::Description),
    ("model_tags", Change::ModelTags),
    ("model_description", Change::ModelDescription),
];

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "`{text}` is no promotion: write `alias=NAME`, `stage=NAME`, `register_into=MODEL` or `change=WHAT`"
            )
        };
        let (kind, name) = text.split_once('=').filter(|(_, name)| !name.is_empty()).ok_or_else(form)?;
        match kind {
            "alias" => Ok(Self::Alias(Alias::new(name))),
            "stage" => Stage::parse(name)
                .map(Self::Stage)
                .ok_or_else(|| format!("`{name}` is no stage: write None, Staging, Production or Archived")),
            "register_into" => Ok(Self::RegisterInto(ModelName::new(name))),
            "change" => {
                let found = CHANGES.iter().find(|(word, _)| *word == name);
                let all: Vec<&str> = CHANGES.iter().map(|(word, _)| *word).collect();
                let unknown = || format!("`{name}` is no change: write one of {}", all.join(", "));
                found.map(|(_, change)| Self::Change(*change)).ok_or_else(unknown)
            }
            _ => Err(form()),
        }
    }
}

pub(super) fn version(text: &str) -> Result<Version, String> {
    Version::try_from(text.to_owned())
}

/// What to execute again. Prints as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    Entry(u64),
    Request(RequestId),
}

impl FromStr for Replayed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entry = text.parse().map(Self::Entry).ok();
        entry.or_else(|| text.parse().map(Self::Request).ok()).ok_or_else(|| {
            format!("`{text}` is neither the index of a ledger entry nor the id of a promotion request")
        })
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(index) => index.fmt(f),
            Self::Request(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let check = |text: &str, expect: Result<Target, &str>| match (text.parse::<Target>(), expect) {
            (Ok(got), Ok(expect)) => assert_eq!(got, expect),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (got, expect) => panic!("{got:?} instead of {expect:?}"),
        };
        check("alias=champion", Ok(Target::Alias(Alias::new("champion"))));
        check("stage=production", Ok(Target::Stage(Stage::Production)));
        check("register_into=prod.credit", Ok(Target::RegisterInto(ModelName::new("prod.credit"))));
        check("alias=a=b", Ok(Target::Alias(Alias::new("a=b"))));
        check("stage=live", Err("Staging, Production"));
        check("alias=", Err("alias=NAME"));
        check("champion", Err("alias=NAME"));
        check("tag=x", Err("alias=NAME"));
    }

    #[test]
    fn what_is_replayed() {
        assert_eq!("42".parse(), Ok(Replayed::Entry(42)));
        let id = "01980000-0000-7000-8000-000000000000";
        assert_eq!(id.parse::<Replayed>().map(|what| what.to_string()), Ok(id.to_owned()));
        assert!("-1".parse::<Replayed>().is_err());
    }
}

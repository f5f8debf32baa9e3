//! A promotion as people write it: `alias=champion`.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::action::{Action, Registration};
use crate::names::{Alias, ModelName, Stage, Version};

/// A promotion in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Alias(Alias),
    Stage(Stage),
    RegisterInto(ModelName),
}

impl Target {
    /// The action of a version that would be promoted in this way.
    #[must_use]
    pub fn action(self, model: ModelName, version: Version) -> Action {
        match self {
            Self::Alias(alias) => Action::SetAlias { model, alias, version },
            Self::Stage(stage) => Action::TransitionStage { model, version, stage, archive_existing: false },
            Self::RegisterInto(into) => Action::RegisterVersion(Registration {
                model: into,
                source: format!("models:/{model}/{version}"),
                run_id: None,
                model_id: None,
                tags: BTreeMap::new(),
            }),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            || format!("`{text}` is no promotion: write `alias=NAME`, `stage=NAME` or `register_into=MODEL`");
        let (kind, name) = text.split_once('=').filter(|(_, name)| !name.is_empty()).ok_or_else(form)?;
        match kind {
            "alias" => Ok(Self::Alias(Alias::new(name))),
            "stage" => Stage::parse(name)
                .map(Self::Stage)
                .ok_or_else(|| format!("`{name}` is no stage: write None, Staging, Production or Archived")),
            "register_into" => Ok(Self::RegisterInto(ModelName::new(name))),
            _ => Err(form()),
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
}

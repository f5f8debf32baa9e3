//! A promotion, or a change of what is promoted, as people write it: `alias=champion`, `change=delete`.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::action::{Action, ArtifactPlace, FileWrite, Registration};
use crate::names::{Alias, ModelName, Stage, Version};

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

impl Target {
    /// The action of a version that would be promoted or changed in this way.
    #[must_use]
    pub fn action(self, model: ModelName, version: Version) -> Action {
        match self {
            Self::Alias(alias) => Action::SetAlias { model, alias, version },
            Self::Stage(stage) => Action::TransitionStage { model, version, stage, archive_existing: false },
            Self::Change(what) => what.action(model, version),
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

impl Change {
    /// Only what kind of change it is counts; what exactly would be written does not.
    fn action(self, model: ModelName, version: Version) -> Action {
        let (key, value) = ("TAG".to_owned(), String::new());
        match self {
            Self::Delete => Action::DeleteVersion { model, version },
            Self::Leave => {
                Action::TransitionStage { model, version, stage: Stage::Archived, archive_existing: false }
            }
            Self::Rename => {
                let new_name = ModelName::new(format!("{model}-renamed"));
                Action::RenameModel { model, new_name }
            }
            Self::Artifacts => {
                let place = ArtifactPlace::Root { path: format!("{model}/{version}") };
                Action::WriteArtifact { place, how: FileWrite::Write }
            }
            Self::Tags => Action::SetVersionTag { model, version, key, value },
            Self::Description => Action::UpdateVersion { model, version, description: None },
            Self::ModelTags => Action::SetModelTag { model, key, value },
            Self::ModelDescription => Action::UpdateModel { model, description: None },
        }
    }
}

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
        check("change=model_tags", Ok(Target::Change(Change::ModelTags)));
        check("change=all", Err("delete, leave, rename"));
        check("alias=a=b", Ok(Target::Alias(Alias::new("a=b"))));
        check("stage=live", Err("Staging, Production"));
        check("alias=", Err("alias=NAME"));
        check("champion", Err("alias=NAME"));
        check("tag=x", Err("alias=NAME"));
    }
}

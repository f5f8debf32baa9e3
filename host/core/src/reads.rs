//! The parts of a version that a check reads. It is handed those and no others, so that what it read is true by
//! construction: whatever else changes, the same run would be made again.
//!
//! The subject is always among them: it says what was judged. This module must not know: plugins, manifests, how
//! records are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::{LoggedModel, Metric, Missing, Run, VersionFacts};
use crate::names::Stage;

/// Parts that are read as a whole.
const WHOLE: [&str; 15] = [
    "subject",
    "description",
    "stage",
    "status",
    "aliases",
    "run",
    "run.id",
    "run.user",
    "run.status",
    "run.datasets",
    "logged-model",
    "logged-model.id",
    "logged-model.status",
    "files",
    "mlmodel",
];

/// Parts of which one key can be read: `tags`, or `tags.owner`.
const KEYED: [&str; 6] =
    ["tags", "metrics", "run.params", "run.tags", "logged-model.params", "logged-model.tags"];

/// What a check reads of every version that it is shown, by the names of the record `model-version`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Reads(BTreeSet<String>);

/// A name that is none of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` in `reads` is no part of a version: write some of {}, or one key as in `tags.owner`",
    allowed()
)]
pub struct UnknownPart {
    pub name: String,
}

fn allowed() -> String {
    let names: BTreeSet<&str> = WHOLE.into_iter().chain(KEYED).collect();
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn is_part(name: &str) -> bool {
    let of = |keyed: &&str| key_below(keyed, name).is_some_and(|key| !key.is_empty());
    WHOLE.contains(&name) || KEYED.contains(&name) || KEYED.iter().any(of)
}

/// `owner` of `tags` and `tags.owner`.
fn key_below<'a>(part: &str, name: &'a str) -> Option<&'a str> {
    name.strip_prefix(part)?.strip_prefix('.')
}

impl TryFrom<Vec<String>> for Reads {
    type Error = UnknownPart;

    fn try_from(names: Vec<String>) -> Result<Self, UnknownPart> {
        match names.iter().find(|name| !is_part(name)) {
            Some(name) => Err(UnknownPart { name: name.clone() }),
            None => Ok(Self(names.into_iter().collect())),
        }
    }
}

impl From<Reads> for Vec<String> {
    fn from(reads: Reads) -> Self {
        reads.0.into_iter().collect()
    }
}

/// `description, tags.owner`; the subject is read by everybody, and said only where nothing else is.
impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().filter(|name| *name != "subject").collect();
        f.write_str(&if names.is_empty() { "subject".to_owned() } else { names.join(", ") })
    }
}

impl Reads {
    /// Sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a part is read as a whole.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        self.0.contains(part)
    }

    /// What a check is shown of a version: the parts that it reads, everything else empty, and of what is missing
    /// whatever those parts may lack.
    #[must_use]
    pub fn of(&self, version: &VersionFacts) -> VersionFacts {
        VersionFacts {
            subject: version.subject.clone(),
            description: self.if_read("description", &version.description),
            stage: if self.has("stage") { version.stage } else { Stage::None },
            status: self.if_read("status", &version.status),
            tags: self.keys("tags", &version.tags),
            aliases: self.if_read("aliases", &version.aliases),
            run: version.run.as_ref().and_then(|run| self.run(run)),
            logged_model: version.logged_model.as_ref().and_then(|model| self.logged_model(model)),
            metrics: self.metrics(&version.metrics),
            files: self.if_read("files", &version.files),
            mlmodel: self.if_read("mlmodel", &version.mlmodel),
            missing: version.missing.iter().filter(|missing| self.may_lack(missing)).cloned().collect(),
        }
    }

    /// Whether a part or anything in it is read.
    fn touches(&self, part: &str) -> bool {
        self.names().any(|name| name == part || key_below(part, name).is_some())
    }

    fn if_read<T: Clone + Default>(&self, part: &str, value: &T) -> T {
        if self.has(part) { value.clone() } else { T::default() }
    }

    fn has_key(&self, part: &str, key: &str) -> bool {
        self.has(part) || self.names().any(|name| key_below(part, name) == Some(key))
    }

    fn keys(&self, part: &str, map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let read = map.iter().filter(|(key, _)| self.has_key(part, key));
        read.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn metrics(&self, metrics: &[Metric]) -> Vec<Metric> {
        metrics.iter().filter(|metric| self.has_key("metrics", &metric.name)).cloned().collect()
    }

    /// Whoever reads anything of a run knows which it is.
    fn run(&self, run: &Run) -> Option<Run> {
        if self.has("run") {
            return Some(run.clone());
        }
        self.touches("run").then(|| Run {
            id: run.id.clone(),
            user: self.if_read("run.user", &run.user),
            status: self.if_read("run.status", &run.status),
            params: self.keys("run.params", &run.params),
            tags: self.keys("run.tags", &run.tags),
            datasets: self.if_read("run.datasets", &run.datasets),
        })
    }

    fn logged_model(&self, model: &LoggedModel) -> Option<LoggedModel> {
        if self.has("logged-model") {
            return Some(model.clone());
        }
        self.touches("logged-model").then(|| LoggedModel {
            id: model.id.clone(),
            status: self.if_read("logged-model.status", &model.status),
            params: self.keys("logged-model.params", &model.params),
            tags: self.keys("logged-model.tags", &model.tags),
        })
    }

    /// Whether what is missing may be part of what is read. A name that nobody knows may be part of anything.
    fn may_lack(&self, missing: &Missing) -> bool {
        match missing.fact.as_str() {
            // Metrics come with the one and with the other.
            fact @ ("run" | "logged-model") => self.touches(fact) || self.touches("metrics"),
            "artifacts" => self.has("files") || self.has("mlmodel"),
            fact if fact.starts_with("artifact:") => self.has("files"),
            fact if is_part(fact) => self.touches(fact),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;

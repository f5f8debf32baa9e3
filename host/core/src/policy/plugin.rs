//! Plugins as the operator admits them: where the bytes come from, which bytes exactly, what they may ask.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::FailureClass;
use crate::digest::Digest;
use crate::names::PluginName;

/// One `[[plugin]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plugin {
    pub name: PluginName,
    pub source: Source,
    /// Of the component's bytes, wherever they come from.
    pub digest: Digest,
    /// What is linked is what the plugin imports and this grants.
    pub grants: BTreeSet<Grant>,
    /// The table `limits`, for the plugin host to read; an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "FailurePolicy::is_empty")]
    pub on_failure: FailurePolicy,
}

/// Where a component is fetched from. Prints as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A path; a relative one starts at the policy file's folder.
    File(String),
    /// A whole `https:` URL.
    Https(String),
    /// An OCI reference without its scheme: `registry/repository:tag`.
    Oci(String),
}

impl Source {
    /// Reads `file:PATH`, `https://…` or `oci:REFERENCE`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let full = |rest: &&str| !rest.is_empty();
        if let Some(path) = text.strip_prefix("file:").filter(full) {
            return Some(Self::File(path.to_owned()));
        }
        if text.strip_prefix("https://").filter(full).is_some() {
            return Some(Self::Https(text.to_owned()));
        }
        let reference = text.strip_prefix("oci:")?.trim_start_matches("//");
        (!reference.is_empty()).then(|| Self::Oci(reference.to_owned()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{path}"),
            Self::Https(url) => f.write_str(url),
            Self::Oci(reference) => write!(f, "oci:{reference}"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A capability that the operator grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// Lines for the operator. Harmless and bounded, so that it is always granted; writing it down is allowed.
    Log,
    Registry,
    Artifacts,
    /// What Countersign itself has recorded: who held an alias since when, earlier requests.
    History,
}

impl Grant {
    pub const ALL: [Self; 4] = [Self::Log, Self::Registry, Self::Artifacts, Self::History];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Registry => "registry",
            Self::Artifacts => "artifacts",
            Self::History => "history",
        }
    }
}

/// What follows when a plugin gives no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The request is refused until the check has a result.
    #[default]
    Deny,
    /// The request stays open and waits for a new evaluation.
    Hold,
}

impl OnFailure {
    pub const ALL: [Self; 2] = [Self::Deny, Self::Hold];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Hold => "hold",
        }
    }
}

/// What the operator wrote per class of failure; a class that is absent has the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct FailurePolicy(BTreeMap<FailureClass, OnFailure>);

impl FailurePolicy {
    #[must_use]
    pub fn new(by_class: BTreeMap<FailureClass, OnFailure>) -> Self {
        Self(by_class)
    }

    #[must_use]
    pub fn get(&self, class: FailureClass) -> Option<OnFailure> {
        self.0.get(&class).copied()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

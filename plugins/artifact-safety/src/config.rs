//! What a gate configures.

use countersign_sdk::prelude::*;

/// The configuration of one gate.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactSafety {
    /// Globals that are safe here: `package.module.name`, or `package.*` for all of a package. They win over the
    /// built-in lists.
    pub allow: Vec<String>,
    /// Globals that are never safe. They win over `allow`.
    pub deny: Vec<String>,
    /// What a global on no list means.
    pub unknown: Verdict,
    /// What a file means that could not be read to its end.
    pub on_unreadable: OnUnreadable,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    #[default]
    Warn,
    Fail,
    Allow,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnreadable {
    Warn,
    #[default]
    Fail,
}

impl ArtifactSafety {
    pub(crate) fn contradictions(&self) -> Vec<ConfigError> {
        let lists = [("allow", &self.allow), ("deny", &self.deny)];
        let patterns =
            lists.iter().flat_map(|(list, all)| all.iter().enumerate().map(move |(n, p)| (list, n, p)));
        patterns
            .filter_map(|(list, n, pattern)| {
                problem(pattern).map(|m| ConfigError::at(format!("/{list}/{n}"), m))
            })
            .collect()
    }
}

fn problem(pattern: &str) -> Option<String> {
    let stem = pattern.strip_suffix(".*").unwrap_or(pattern);
    let well_formed = !stem.is_empty() && !stem.contains('*') && stem.split('.').all(|part| !part.is_empty());
    (!well_formed).then(|| format!("`{pattern}` is neither `package.module.name` nor `package.*`"))
}

//! The plugins that are loaded, and those that could not be.

use askama::Template;

use super::{Chip, Chrome, Tone};

#[derive(Debug, Template)]
#[template(path = "plugins.html")]
pub struct PluginsPage {
    pub chrome: Chrome,
    pub plugins: Vec<PluginRow>,
}

#[derive(Debug, Clone)]
pub struct PluginRow {
    pub name: String,
    pub version: String,
    pub description: String,
    /// `check`, `rule`.
    pub kinds: Vec<String>,
    pub source: String,
    pub digest: String,
    /// What it asks for and was given.
    pub granted: Vec<String>,
    /// What it asks for and was not given.
    pub withheld: Vec<String>,
    /// The parts of a version that it is shown, where it says so.
    pub reads: Option<Vec<String>>,
    /// The gates that use it.
    pub gates: Vec<String>,
    /// Why it is not loaded.
    pub error: Option<String>,
}

impl PluginRow {
    /// A rule is shown everything, and says nothing of it.
    pub(super) fn is_check(&self) -> bool {
        self.kinds.iter().any(|kind| kind == "check")
    }

    pub(super) fn chip(&self) -> Chip {
        match self.error {
            None => Chip::new("Loaded", "check", Tone::Good),
            Some(_) => Chip::new("Not loaded", "cross", Tone::Bad),
        }
    }
}

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
    /// The gates that use it.
    pub gates: Vec<String>,
    /// Why it is not loaded.
    pub error: Option<String>,
}

impl PluginRow {
    pub(super) fn chip(&self) -> Chip {
        match self.error {
            None => Chip::new("Loaded", "check", Tone::Good),
            Some(_) => Chip::new("Not loaded", "cross", Tone::Bad),
        }
    }
}

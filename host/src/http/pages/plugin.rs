//! One plugin: what it asks for, was granted, has cost; and a form for its configuration.

use askama::Template;

use super::plugins::PluginRow;
use super::{Chip, Chrome, When};

#[derive(Debug, Template)]
#[template(path = "plugin.html")]
pub struct PluginPage {
    pub chrome: Chrome,
    pub plugin: PluginRow,
    /// Interfaces that the component imports, as it names them.
    pub imports: Vec<String>,
    /// Gate, `check` or `rule`, whether required, and the configuration.
    pub uses: Vec<PluginUse>,
    /// What a replay found against these very bytes.
    pub unstable: Option<UnstableNote>,
    pub cost: PluginCost,
    pub fields: Vec<ConfigField>,
    /// What was said of the configuration that was sent.
    pub tried: Option<Tried>,
}

#[derive(Debug, Clone)]
pub struct PluginUse {
    pub gate: String,
    pub required: bool,
    pub config: String,
}

/// A plugin that did not give the same bytes again.
#[derive(Debug, Clone)]
pub struct UnstableNote {
    /// Two replays by the same host differ, so that nothing but the plugin can be behind it.
    pub by_itself: bool,
    /// The run that was replayed, and the entry that says so.
    pub run: u64,
    pub entry: u64,
    pub difference: String,
    pub when: When,
}

/// Since the policy in force was loaded.
#[derive(Debug, Clone)]
pub struct PluginCost {
    pub since: When,
    pub runs: u64,
    /// `1.2 ms`; `None` before the first run.
    pub p50: Option<String>,
    pub p95: Option<String>,
    pub cpu: String,
    pub host_calls: u64,
    pub artifact_bytes: String,
    /// What it concluded how often; only what happened.
    pub conclusions: Vec<(Chip, u64)>,
    /// `3 errors`
    pub findings: Vec<String>,
    /// Class, and how often.
    pub failures: Vec<(&'static str, u64)>,
}

/// A value that the configuration may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigField {
    pub name: String,
    pub kind: FieldKind,
    pub hint: String,
    /// The form that the schema gives to such values, where it says so apart: `an exact decimal number`.
    pub shape: Option<String>,
    pub required: bool,
    /// What holds when nothing is said.
    pub default: Option<String>,
    /// As it was typed, or as a gate has it.
    pub value: String,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Whole,
    Choice(Vec<String>),
    /// Texts, one a line.
    Lines,
    Json,
}

/// What a configuration was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It can be used: the lines for the policy.
    Good { toml: String },
    /// Everything that is wrong with it and belongs to no field.
    Bad { errors: Vec<String> },
}

impl ConfigField {
    fn describes(&self) -> String {
        let name = &self.name;
        let error = self.error.as_ref().map(|_| format!(" c-{name}-error")).unwrap_or_default();
        format!("c-{name}-hint{error}")
    }
}

impl PluginPage {
    fn try_url(&self) -> String {
        format!("{}/config#config-h", self.chrome.plugin_url(&self.plugin.name))
    }
}

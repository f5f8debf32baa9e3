//! How this server is: what it knows of itself, and what a doctor finds who looks at it from outside.

use std::fmt::{self, Display};
use std::sync::Arc;

use countersign_core::entry::Unstable;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::App;
use super::replay_sample::FoundUnstable;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Finding {
    #[must_use]
    pub fn ok(check: &'static str, says: impl Display) -> Self {
        Self { check, verdict: Verdict::Ok, says: says.to_string(), todo: None }
    }

    #[must_use]
    pub fn warn(check: &'static str, says: impl Display, todo: impl Display) -> Self {
        Self { check, verdict: Verdict::Warn, says: says.to_string(), todo: Some(todo.to_string()) }
    }

    #[must_use]
    pub fn fail(check: &'static str, says: impl Display, todo: impl Display) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(check, says, todo) }
    }
}

impl Finding {
    /// What a replay holds against a plugin.
    #[must_use]
    pub fn unstable(known: &FoundUnstable) -> Self {
        let Unstable { plugin, run, difference, .. } = &known.found;
        let by_itself = known.found.is_by_itself();
        let what = if by_itself { "is not deterministic" } else { "does not give what was recorded" };
        let says = format!("`{plugin}` {what}: of run {run}, {difference} (ledger entry {})", known.entry);
        let todo = if by_itself {
            "do not rely on what it says: put it right, pin its new digest, and have live versions checked again"
        } else {
            "run `countersign replay INDEX` of that run with the version that recorded it: is the store as it was?"
        };
        Self::warn("replay", says, todo)
    }
}

type Examination = dyn Fn() -> BoxFuture<'static, Vec<Finding>> + Send + Sync;

/// Looks at what lies around a running server: addresses, keys, accounts, MLflow. Changes nothing.
#[derive(Clone)]
pub struct Doctor(Arc<Examination>);

impl Doctor {
    pub fn new(examine: impl Fn() -> BoxFuture<'static, Vec<Finding>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(examine))
    }

    pub async fn examine(&self) -> Vec<Finding> {
        (self.0)().await
    }
}

impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doctor")
    }
}

impl App {
    /// What this process knows of itself.
    #[must_use]
    pub fn health(&self) -> Vec<Finding> {
        let known = vec![self.store_health(), self.ledger_health(), self.policy_health()];
        known.into_iter().chain(self.plugins_health()).chain(self.anchor_health()).collect()
    }

    /// Plugins in force that a replay found to give other bytes.
    fn plugins_health(&self) -> Vec<Finding> {
        let generation = self.generation.load();
        let in_force = generation.plugins.iter();
        let found = in_force.filter_map(|(name, plugin)| self.found_unstable(name, plugin.digest()).ok()?);
        found.map(|found| Finding::unstable(&found)).collect()
    }

    fn store_health(&self) -> Finding {
        match self.store.health() {
            Ok(()) => Finding::ok("store", "takes writes, and each is on disk before it is answered"),
            Err(error) => {
                Finding::fail("store", error, "look at the disk and the log, then start the server again")
            }
        }
    }

    fn ledger_health(&self) -> Finding {
        match self.ledger.len() {
            Ok(entries) => Finding::ok(
                "ledger",
                format!("{entries} entries; `countersign ledger verify` checks all of it"),
            ),
            Err(error) => Finding::fail("ledger", error, "countersign ledger verify"),
        }
    }

    fn policy_health(&self) -> Finding {
        let generation = self.generation.load();
        let (gates, plugins) = (generation.policy.gates().len(), generation.plugins.len());
        match self.reload_error() {
            None => Finding::ok("policy", format!("in force; gates: {gates}, plugins: {plugins}")),
            Some(error) => {
                let says = format!("the newest `{}` is not in force: {error}", generation.file.display());
                Finding::fail("policy", says, "correct it: it is read again when it changes")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use countersign_core::entry::{Cause, TakenUpBy};

    #[tokio::test]
    async fn a_refused_policy_shows() {
        let (app, _files) = testing::app().await;
        let verdict = || app.health().iter().map(|finding| finding.verdict).max();
        assert_eq!(verdict(), Some(Verdict::Ok));
        std::fs::write(&app.generation.load().file, "[[gate]]").unwrap();
        app.reload(TakenUpBy::claimed(Cause::FileChanged, None)).await.unwrap_err();
        assert_eq!(verdict(), Some(Verdict::Fail));
    }
}

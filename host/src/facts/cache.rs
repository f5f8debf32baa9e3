//! Facts that are recent enough, shared by everybody who asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::names::{Alias, ModelName, Version, Workspace};
use countersign_core::time::{Millis, Span};

use super::collect::Collector;
use super::error::FactsError;
use super::snapshot::Snapshot;

/// Cached subjects. Past it all are forgotten: rare, and it costs only reads.
const MAX_ENTRIES: usize = 4096;

/// Facts that lack a piece: it may be there a moment later.
const MAX_AGE_INCOMPLETE: Span = Span::from_millis(5_000);

/// Which version. A number alone may come to mean another version: the facts tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} of model `{}`", self.version, self.model)?;
        match self.workspace.as_str() {
            "" | "default" => Ok(()),
            workspace => write!(f, " in workspace `{workspace}`"),
        }
    }
}

/// What has changed upstream, as far as we saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    Model(Workspace, ModelName),
    Version(Subject),
    Run(String),
    LoggedModel(String),
    /// A file or a directory, as it appears after `/mlflow-artifacts/artifacts/`.
    Artifact(String),
    Everything,
}

/// Facts by subject. Many may ask for one subject at once; it is collected once.
#[derive(Debug)]
pub struct FactsCache {
    collector: Collector,
    entries: Mutex<HashMap<Subject, Arc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Held while collecting, so that the next asker waits for the result.
    slot: tokio::sync::Mutex<()>,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    /// Counts the changes that were seen: what was collected before one is not kept.
    changes: AtomicU64,
}

impl FactsCache {
    #[must_use]
    pub fn new(collector: Collector) -> Self {
        Self { collector, entries: Mutex::default() }
    }

    #[must_use]
    pub const fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Facts that are at most `max_age` old at `now`; a `max_age` of nothing always reads anew.
    ///
    /// # Errors
    /// See [`FactsError`]. Errors are not cached.
    pub async fn get(
        &self,
        subject: &Subject,
        now: Millis,
        max_age: Span,
    ) -> Result<Arc<Snapshot>, FactsError> {
        let entry = self.entry(subject);
        if let Some(fresh) = entry.fresh(now, max_age) {
            return Ok(fresh);
        }
        let _turn = entry.slot.lock().await;
        if let Some(fresh) = entry.fresh(now, max_age) {
            return Ok(fresh);
        }
        let changes = entry.changes.load(Ordering::SeqCst);
        let snapshot = Arc::new(self.collector.collect(subject, now).await?);
        entry.keep(Arc::clone(&snapshot), changes);
        Ok(snapshot)
    }

    /// Forgets what a change may have made wrong, file digests included, and keeps what is being collected right
    /// now from being kept.
    pub fn forget(&self, changed: &Changed) {
        if let Changed::Artifact(path) = changed {
            let covers = |file: &super::digests::FileKey| {
                file.location.proxied_path(&file.path).is_some_and(|file| covers(path, &file))
            };
            self.collector.shared.digests.forget(covers);
        }
        let entries: Vec<(Subject, Arc<Entry>)> =
            self.lock().iter().map(|(s, e)| (s.clone(), Arc::clone(e))).collect();
        for (subject, entry) in entries {
            entry.forget_if(|snapshot| concerns(changed, &subject, snapshot));
        }
    }

    /// Takes in an alias that we have just moved ourselves: MLflow said so, and nothing else about any version has
    /// changed by it. Saves reading everything again.
    pub fn alias_moved(&self, workspace: &Workspace, model: &ModelName, alias: &Alias, to: Version) {
        let entries: Vec<(Subject, Arc<Entry>)> =
            self.lock().iter().map(|(s, e)| (s.clone(), Arc::clone(e))).collect();
        for (subject, entry) in entries {
            if subject.workspace == *workspace && subject.model == *model {
                entry.patch(|snapshot| move_alias(snapshot, alias, subject.version == to, to));
            }
        }
    }

    fn entry(&self, subject: &Subject) -> Arc<Entry> {
        let mut entries = self.lock();
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(subject) {
            // Those in use stay: what they collect must still hear of changes.
            entries.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(entries.entry(subject.clone()).or_default())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Subject, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn fresh(&self, now: Millis, max_age: Span) -> Option<Arc<Snapshot>> {
        let snapshot = self.lock().clone()?;
        let age = now.since(snapshot.facts.taken_at).saturating_abs();
        let whole = snapshot.facts.version.missing.is_empty();
        let max_age = if whole { max_age } else { max_age.min(MAX_AGE_INCOMPLETE) };
        (age < max_age.as_millis()).then_some(snapshot)
    }

    fn keep(&self, snapshot: Arc<Snapshot>, changes: u64) {
        let mut slot = self.lock();
        if self.changes.load(Ordering::SeqCst) == changes {
            *slot = Some(snapshot);
        }
    }

    /// Without a snapshot it is not known what a collection under way will find, so any change concerns it.
    /// A collection that is under way has seen the registry before or after: it is not kept.
    fn patch(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut slot = self.lock();
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(snapshot) = slot.as_mut() {
            change(Arc::make_mut(snapshot));
        }
    }

    fn forget_if(&self, concerned: impl Fn(&Snapshot) -> bool) {
        let mut slot = self.lock();
        if slot.as_deref().is_none_or(concerned) {
            self.changes.fetch_add(1, Ordering::SeqCst);
            *slot = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Snapshot>>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Facts that say so already stay the same value, with their digests.
fn move_alias(snapshot: &mut Snapshot, alias: &Alias, here: bool, to: Version) {
    let names = snapshot.facts.model.aliases.get(alias.as_str());
    let listed = snapshot.facts.version.aliases.iter().any(|held| held == alias.as_str());
    if names == Some(&to) && listed == here {
        return;
    }
    snapshot.change(|facts| {
        let aliases = &mut facts.version.aliases;
        aliases.retain(|held| held != alias.as_str());
        if here {
            aliases.push(alias.to_string());
            aliases.sort();
        }
        facts.model.aliases.insert(alias.to_string(), to);
    });
}

fn concerns(changed: &Changed, subject: &Subject, snapshot: &Snapshot) -> bool {
    let version = &snapshot.facts.version;
    match changed {
        Changed::Everything => true,
        Changed::Model(workspace, model) => *workspace == subject.workspace && *model == subject.model,
        Changed::Version(other) => other == subject,
        Changed::Run(id) => version.run.as_ref().is_some_and(|run| run.id == *id),
        Changed::LoggedModel(id) => version.logged_model.as_ref().is_some_and(|model| model.id == *id),
        Changed::Artifact(path) => {
            let root = snapshot.artifacts.as_ref().and_then(|location| location.proxied_path(""));
            // Files whose place is not known may be the changed ones.
            root.is_none_or(|root| covers(path, &root) || covers(&root, path))
        }
    }
}

/// `path` is `changed` or lies below it.
fn covers(changed: &str, path: &str) -> bool {
    let changed = changed.trim_matches('/');
    changed.is_empty()
        || path.strip_prefix(changed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use countersign_core::facts::Facts;
    use serde_json::json;

    use super::*;

    fn snapshot(aliases: &[&str]) -> Snapshot {
        let version = json!({
            "subject": {
                "workspace": "default", "model": "credit", "version": "7", "created": 1, "source": "s",
                "manifest": null,
            },
            "description": null, "stage": "None", "status": "READY", "tags": {}, "aliases": aliases,
            "run": null, "logged_model": null, "metrics": [], "files": [], "mlmodel": null, "missing": [],
        });
        let model = json!({"description": null, "tags": {}, "aliases": {"champion": "6"}});
        let facts = json!({"taken_at": 1, "version": version, "model": model});
        Snapshot::new(serde_json::from_value::<Facts>(facts).unwrap(), None)
    }

    fn check(before: &[&str], here: bool, expect: &[&str]) {
        let mut snapshot = snapshot(before);
        let was = (snapshot.facts.clone(), snapshot.facts_digest().unwrap());
        move_alias(&mut snapshot, &Alias::new("champion"), here, Version::new(9));
        assert_eq!(snapshot.facts_digest().unwrap(), snapshot.facts.digest().unwrap());
        assert_eq!(snapshot.facts_digest().unwrap() == was.1, snapshot.facts == was.0);
        assert_eq!(snapshot.facts.version.aliases, expect, "{before:?} {here}");
        assert_eq!(snapshot.facts.model.aliases.get("champion"), Some(&Version::new(9)));
    }

    #[test]
    fn an_alias_that_moved_is_where_it_went_and_nowhere_else() {
        check(&["zeta", "beta"], true, &["beta", "champion", "zeta"]);
        check(&["champion", "beta"], false, &["beta"]);
        check(&["champion"], true, &["champion"]);
        check(&["beta"], false, &["beta"]);
    }
}

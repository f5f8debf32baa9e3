//! What the capabilities answer in a native test: a set of versions and files, per thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::log::Level;
use crate::types::{AccessError, Metric, ModelVersion};

thread_local! {
    static FIXTURE: RefCell<Fixture> = RefCell::default();
}

/// The registry and the files that a plugin can see, and the lines that it has logged.
#[derive(Default)]
pub(crate) struct Fixture {
    pub(crate) versions: Vec<ModelVersion>,
    pub(crate) artifacts: BTreeMap<String, Rc<[u8]>>,
    pub(crate) log: Vec<(Level, String)>,
}

/// Puts a fixture in place for what this thread runs next.
pub(crate) fn install(fixture: Fixture) {
    FIXTURE.with(|slot| *slot.borrow_mut() = fixture);
}

/// What plugins have logged on this thread since the last call began.
#[must_use]
pub fn logged() -> Vec<(Level, String)> {
    FIXTURE.with(|slot| slot.borrow().log.clone())
}

pub(crate) fn log(level: Level, message: &str) {
    FIXTURE.with(|slot| slot.borrow_mut().log.push((level, message.to_owned())));
}

// === The capability `registry` ===

pub(crate) fn get_version(model: &str, version: &str) -> Result<ModelVersion, AccessError> {
    find(|v| v.subject.model == model && v.subject.version == version)
        .ok_or_else(|| AccessError::NotFound(format!("version {version} of `{model}`")))
}

pub(crate) fn version_by_alias(model: &str, alias: &str) -> Result<Option<ModelVersion>, AccessError> {
    Ok(find(|v| v.subject.model == model && v.has_alias(alias)))
}

pub(crate) fn version_in_stage(model: &str, stage: &str) -> Result<Option<ModelVersion>, AccessError> {
    let number = |v: &ModelVersion| v.subject.version.parse::<u64>().unwrap_or(0);
    Ok(FIXTURE.with(|slot| {
        let fixture = slot.borrow();
        let inside = fixture.versions.iter().filter(|v| v.subject.model == model && v.stage == stage);
        inside.max_by_key(|v| number(v)).cloned()
    }))
}

/// A fixture keeps one list of metrics per version: those of the run, in the order of their steps.
pub(crate) fn metric_history(run_id: &str, metric: &str) -> Result<Vec<Metric>, AccessError> {
    let of_run = find(|v| v.run.as_ref().is_some_and(|run| run.id == run_id))
        .ok_or_else(|| AccessError::NotFound(format!("run `{run_id}`")))?;
    let mut history: Vec<Metric> = of_run.metrics_named(metric).cloned().collect();
    history.sort_by_key(|m| m.step);
    Ok(history)
}

fn find(wanted: impl Fn(&ModelVersion) -> bool) -> Option<ModelVersion> {
    FIXTURE.with(|slot| slot.borrow().versions.iter().find(|v| wanted(v)).cloned())
}

// === The capability `artifacts` ===

/// An open file of the fixture.
#[derive(Debug)]
pub(crate) struct Artifact {
    path: String,
    bytes: Rc<[u8]>,
    digest: Option<String>,
}

pub(crate) fn open(path: &str) -> Result<Artifact, AccessError> {
    FIXTURE.with(|slot| {
        let fixture = slot.borrow();
        let bytes = fixture.artifacts.get(path).cloned();
        let bytes = bytes.ok_or_else(|| AccessError::NotFound(format!("file `{path}`")))?;
        let listed = fixture.versions.first().and_then(|v| v.files.iter().find(|f| f.path == path));
        Ok(Artifact { path: path.to_owned(), bytes, digest: listed.and_then(|f| f.digest.clone()) })
    })
}

impl Artifact {
    pub(crate) fn path(&self) -> String {
        self.path.clone()
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn digest(&self) -> Option<String> {
        self.digest.clone()
    }

    pub(crate) fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, AccessError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = from.saturating_add(len as usize).min(self.bytes.len());
        Ok(self.bytes.get(from..to).unwrap_or_default().to_vec())
    }
}

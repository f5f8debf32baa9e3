//! Check runs that were kept, as they were last read: by their inputs, and the latest of a version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::check::CheckRun;
use countersign_core::digest::Digest;
use serde::{Deserialize, Serialize};

use super::records::KeptRun;
use super::{App, AppError};
use crate::store::keys;

/// More runs than this are forgotten all at once: reading one again costs some microseconds.
const MAX_RUNS: usize = 1_024;

/// By the digest of what goes into them. All are in the store, which may have newer ones.
#[derive(Debug, Default)]
pub struct KnownRuns(Mutex<HashMap<Digest, Arc<KeptRun>>>);

impl KnownRuns {
    pub(super) fn get(&self, inputs: &Digest) -> Option<Arc<KeptRun>> {
        self.lock().get(inputs).cloned()
    }

    pub(super) fn keep(&self, inputs: Digest, run: Arc<KeptRun>) {
        let mut runs = self.lock();
        if runs.len() >= MAX_RUNS {
            runs.clear();
        }
        runs.insert(inputs, run);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Arc<KeptRun>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The latest check run of a plugin and a configuration on a version, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Latest {
    /// Kept under the digest of what goes into it.
    Under(Digest),
    /// The run itself, as version 0.1.0 kept it.
    Run(Box<CheckRun>),
}

impl App {
    pub(super) fn latest_run(&self, latest: Latest) -> Result<CheckRun, AppError> {
        let inputs = match latest {
            Latest::Run(run) => return Ok(*run),
            Latest::Under(inputs) => inputs,
        };
        let kept: Option<KeptRun> = self.read(&keys::check_run(&inputs))?;
        let missing =
            || AppError::NotFound(format!("no check run is kept under {inputs}: restore the store"));
        Ok(kept.ok_or_else(missing)?.run)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::check::{Failure, FailureClass, Outcome};
    use countersign_core::time::Millis;

    use super::*;
    use crate::app::testing::app;
    use crate::plugins::{Limits, Transcript};
    use crate::store::{Batch, codec};

    fn run() -> CheckRun {
        let nothing = Digest::of(b"");
        let failure = Failure { class: FailureClass::Undecided, message: "no".to_owned() };
        CheckRun {
            plugin: "p".into(),
            required: true,
            plugin_digest: nothing,
            config_digest: nothing,
            input_digest: nothing,
            transcript_digest: nothing,
            outcome_digest: nothing,
            outcome: Outcome::Failed(failure),
            started_at: Millis::new(1),
            took_us: 1,
        }
    }

    #[tokio::test]
    async fn the_latest_run_is_found_as_it_is_kept_now_and_as_0_1_0_kept_it() {
        let (app, _files) = app().await;
        let inputs = Digest::of(b"inputs");
        let kept = KeptRun { run: run(), transcript: Transcript::new(Limits::default()) };
        let batch = Batch::new().put(keys::check_run(&inputs), codec::encode(&kept).unwrap());
        app.store.commit(batch).await.unwrap();
        for value in [codec::encode(&Latest::Under(inputs)), codec::encode(&run())] {
            let key = keys::check_run(&inputs);
            let latest = codec::decode(&key, &value.unwrap()).unwrap();
            assert_eq!(app.latest_run(latest).unwrap(), run());
        }
        let error = app.latest_run(Latest::Under(Digest::of(b"other"))).unwrap_err();
        assert!(error.to_string().contains("restore the store"), "{error}");
    }
}

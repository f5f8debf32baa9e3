//! What one plugin has used since it was loaded, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use countersign_core::check::FailureClass;

/// Running totals of one plugin.
#[derive(Debug, Default)]
pub struct Counters {
    evaluations: AtomicU64,
    failures: [AtomicU64; FailureClass::ALL.len()],
    cpu_us: AtomicU64,
    artifact_bytes: AtomicU64,
    host_calls: AtomicU64,
}

/// The totals at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountersSnapshot {
    pub evaluations: u64,
    /// Per class, in the order of [`FailureClass::ALL`].
    pub failures: Vec<(FailureClass, u64)>,
    /// Microseconds on a thread.
    pub cpu_us: u64,
    pub artifact_bytes: u64,
    pub host_calls: u64,
}

impl Counters {
    #[must_use]
    pub fn snapshot(&self) -> CountersSnapshot {
        let failures = FailureClass::ALL.into_iter().zip(&self.failures);
        CountersSnapshot {
            evaluations: self.evaluations.load(Relaxed),
            failures: failures.map(|(class, count)| (class, count.load(Relaxed))).collect(),
            cpu_us: self.cpu_us.load(Relaxed),
            artifact_bytes: self.artifact_bytes.load(Relaxed),
            host_calls: self.host_calls.load(Relaxed),
        }
    }

    pub(super) fn count(&self, failure: Option<FailureClass>, cpu: Duration, used: (u64, u64)) {
        let (artifact_bytes, host_calls) = used;
        self.evaluations.fetch_add(1, Relaxed);
        self.cpu_us.fetch_add(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX), Relaxed);
        self.artifact_bytes.fetch_add(artifact_bytes, Relaxed);
        self.host_calls.fetch_add(host_calls, Relaxed);
        let classes = FailureClass::ALL.into_iter().zip(&self.failures);
        for (_, count) in classes.filter(|(class, _)| Some(*class) == failure) {
            count.fetch_add(1, Relaxed);
        }
    }
}

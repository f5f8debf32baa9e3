//! What one plugin has used and said since it was loaded, for `/metrics` and for its page.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use countersign_core::check::{Conclusion, FailureClass, Finding, Outcome, RuleOutcome, Severity};

/// Four for each doubling of microseconds, up to a minute and more.
const TIMES: usize = 108;
const CONCLUSIONS: [Conclusion; 5] =
    [Conclusion::Pass, Conclusion::Warn, Conclusion::Fail, Conclusion::Error, Conclusion::Skipped];
const SEVERITIES: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Info];

/// Running totals of one plugin.
#[derive(Debug)]
pub struct Counters {
    evaluations: AtomicU64,
    failures: [AtomicU64; FailureClass::ALL.len()],
    conclusions: [AtomicU64; CONCLUSIONS.len()],
    findings: [AtomicU64; SEVERITIES.len()],
    times: [AtomicU64; TIMES],
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
    /// How often it concluded what. A rule that refuses counts as a failed check.
    pub conclusions: Vec<(Conclusion, u64)>,
    pub findings: Vec<(Severity, u64)>,
    /// Wall time in microseconds that half of the evaluations kept within, and 95 of 100; at most a quarter too high.
    pub p50_us: Option<u64>,
    pub p95_us: Option<u64>,
    /// Microseconds on a thread.
    pub cpu_us: u64,
    pub artifact_bytes: u64,
    pub host_calls: u64,
}

/// What one evaluation used.
pub(super) struct Used {
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    pub(super) artifact_bytes: u64,
    pub(super) host_calls: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            evaluations: AtomicU64::default(),
            failures: Default::default(),
            conclusions: Default::default(),
            findings: Default::default(),
            times: std::array::from_fn(|_| AtomicU64::default()),
            cpu_us: AtomicU64::default(),
            artifact_bytes: AtomicU64::default(),
            host_calls: AtomicU64::default(),
        }
    }
}

impl Counters {
    #[must_use]
    pub fn snapshot(&self) -> CountersSnapshot {
        CountersSnapshot {
            evaluations: self.evaluations.load(Relaxed),
            failures: read(FailureClass::ALL, &self.failures),
            conclusions: read(CONCLUSIONS, &self.conclusions),
            findings: read(SEVERITIES, &self.findings),
            p50_us: self.percentile(50),
            p95_us: self.percentile(95),
            cpu_us: self.cpu_us.load(Relaxed),
            artifact_bytes: self.artifact_bytes.load(Relaxed),
            host_calls: self.host_calls.load(Relaxed),
        }
    }

    /// Begins anew: what a plugin's own cases used before it was put in force is not the cost of its work.
    pub fn begin(&self) {
        let lists = [&self.failures[..], &self.conclusions, &self.findings, &self.times];
        let single = [&self.evaluations, &self.cpu_us, &self.artifact_bytes, &self.host_calls];
        lists.into_iter().flatten().chain(single).for_each(|counter| counter.store(0, Relaxed));
    }

    pub(super) fn count(&self, failure: Option<FailureClass>, used: &Used) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.evaluations.fetch_add(1, Relaxed);
        self.cpu_us.fetch_add(micros(used.cpu), Relaxed);
        self.artifact_bytes.fetch_add(used.artifact_bytes, Relaxed);
        self.host_calls.fetch_add(used.host_calls, Relaxed);
        if let Some(times) = self.times.get(bucket(micros(used.took))) {
            times.fetch_add(1, Relaxed);
        }
        if let Some(failure) = failure {
            add(FailureClass::ALL, &self.failures, failure, 1);
        }
    }

    pub(super) fn said(&self, outcome: &Outcome) {
        add(CONCLUSIONS, &self.conclusions, outcome.conclusion(), 1);
        self.found(outcome.findings());
    }

    pub(super) fn ruled(&self, outcome: &RuleOutcome) {
        let conclusion = match outcome {
            RuleOutcome::Ruled(ruling) if ruling.denials.is_empty() => Conclusion::Pass,
            RuleOutcome::Ruled(ruling) => {
                self.found(&ruling.denials);
                Conclusion::Fail
            }
            RuleOutcome::Failed(_) => Conclusion::Error,
        };
        add(CONCLUSIONS, &self.conclusions, conclusion, 1);
    }

    fn found(&self, findings: &[Finding]) {
        findings.iter().for_each(|finding| add(SEVERITIES, &self.findings, finding.severity, 1));
    }

    /// The end of the bucket in which so many of a hundred have ended.
    fn percentile(&self, of_hundred: u64) -> Option<u64> {
        let counts: Vec<u64> = self.times.iter().map(|times| times.load(Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let mut left = (all * of_hundred).div_ceil(100);
        let ends = |count: &u64| {
            left = left.saturating_sub(*count);
            left == 0
        };
        if all == 0 { None } else { counts.iter().position(ends).map(end_of) }
    }
}

fn read<T: Copy, const N: usize>(of: [T; N], counters: &[AtomicU64; N]) -> Vec<(T, u64)> {
    of.into_iter().zip(counters).map(|(one, count)| (one, count.load(Relaxed))).collect()
}

fn add<T: PartialEq, const N: usize>(of: [T; N], counters: &[AtomicU64; N], one: T, by: u64) {
    let found = of.iter().zip(counters).find(|(each, _)| **each == one);
    found.map(|(_, counter)| counter.fetch_add(by, Relaxed));
}

/// By the highest bit and the two after it.
fn bucket(micros: u64) -> usize {
    let micros = micros.max(4);
    let high = micros.ilog2();
    let place = u64::from(high - 2) * 4 + ((micros >> (high - 2)) & 3);
    usize::try_from(place).unwrap_or(TIMES).min(TIMES - 1)
}

/// The longest time in a bucket.
fn end_of(bucket: usize) -> u64 {
    let (high, low) = (bucket / 4, u64::try_from(bucket % 4).unwrap_or(0));
    ((low + 5) << high) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_that_ends_soonest_after_it() {
        for micros in (4..5_000).chain([65_535, 65_536, 1_000_000, 60_000_000]) {
            let end = end_of(bucket(micros));
            assert!(micros <= end && end <= micros + micros / 4, "{micros}: {end}");
            assert!(bucket(micros) == 0 || end_of(bucket(micros) - 1) < micros, "{micros}");
        }
        assert_eq!(bucket(u64::MAX), TIMES - 1);
    }

    #[test]
    fn half_and_nearly_all() {
        let counters = Counters::default();
        assert_eq!(counters.snapshot().p50_us, None);
        for took in [100, 100, 100, 9_000] {
            let took = Duration::from_micros(took);
            counters.count(None, &Used { took, cpu: took, artifact_bytes: 2, host_calls: 1 });
        }
        let seen = counters.snapshot();
        assert_eq!((seen.evaluations, seen.cpu_us, seen.artifact_bytes), (4, 9_300, 8));
        assert_eq!((seen.p50_us, seen.p95_us), (Some(111), Some(10_239)));
        counters.begin();
        assert_eq!(counters.snapshot(), Counters::default().snapshot());
    }
}

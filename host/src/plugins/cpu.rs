//! How long a guest has run: the time its future was polled, and none of the time it waited.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

/// Put into a store's error when its guest has used up its time.
#[derive(Debug, thiserror::Error)]
#[error("the guest used up its CPU budget")]
pub(super) struct CpuBudgetUsed;

/// Time on a plugin thread, in nanoseconds since `base`.
#[derive(Debug)]
pub(super) struct CpuMeter {
    base: Instant,
    before: AtomicU64,
    polled_at: AtomicU64,
}

impl CpuMeter {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { base: Instant::now(), before: AtomicU64::new(0), polled_at: AtomicU64::new(0) })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn resume(&self) {
        self.polled_at.store(self.now(), Relaxed);
    }

    fn pause(&self) {
        let spent = self.now().saturating_sub(self.polled_at.load(Relaxed));
        self.before.fetch_add(spent, Relaxed);
    }

    /// Of all polls that have ended.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.before.load(Relaxed))
    }

    /// With the poll that is going on: only to be asked from within it.
    fn spent_now(&self) -> Duration {
        let running = self.now().saturating_sub(self.polled_at.load(Relaxed));
        self.spent() + Duration::from_nanos(running)
    }
}

/// Runs a future and notes how long its polls take.
pub(super) struct Metered<F> {
    meter: Arc<CpuMeter>,
    future: Pin<Box<F>>,
}

impl<F: Future> Metered<F> {
    pub(super) fn new(meter: Arc<CpuMeter>, future: F) -> Self {
        Self { meter, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.resume();
        let polled = self.future.as_mut().poll(context);
        self.meter.pause();
        polled
    }
}

/// Makes the guest of a store yield at every tick, so that its neighbours run, and end when its time is used up.
/// This is called while instances start as well: a start function is no way round it.
pub(super) fn set_budget<T>(store: &mut Store<T>, meter: Arc<CpuMeter>, budget: Duration) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if meter.spent_now() >= budget {
            return Err(wasmtime::Error::new(CpuBudgetUsed));
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
}

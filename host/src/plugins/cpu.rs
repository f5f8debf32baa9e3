//! How long a guest has run: the time its future was polled, on whatever thread, and none of the time it waited.
//!
//! It knows neither threads nor runtimes: see [`super::turns`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

use super::engine::Engine;

/// Ticks that a guest has before it first yields, which may be on its caller's thread: one whole tick at least.
pub(super) const FIRST_TURN: u64 = 2;

/// Ticks between two yields after that, on the plugins' threads.
const TURN: u64 = 10;

/// Put into a store's error when its guest has used up its time.
#[derive(Debug, thiserror::Error)]
#[error("the guest used up its CPU budget")]
pub(super) struct CpuBudgetUsed;

/// Time on a thread, in nanoseconds since `base`.
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

/// Runs a future, notes how long its polls take, and keeps the time going meanwhile.
pub(super) struct Metered<F> {
    engine: Engine,
    meter: Arc<CpuMeter>,
    future: Pin<Box<F>>,
}

impl<F: Future> Metered<F> {
    pub(super) fn new(engine: &Engine, meter: Arc<CpuMeter>, future: F) -> Self {
        Self { engine: engine.clone(), meter, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _running = this.engine.running();
        this.meter.resume();
        let polled = this.future.as_mut().poll(context);
        this.meter.pause();
        polled
    }
}

/// What a guest may compute, and how fine that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) cpu: Duration,
    pub(super) tick: Duration,
}

impl Budget {
    /// Ticks until a guest that has run for so long is looked at again; `None` when it has used up its time.
    fn next_look(self, spent: Duration) -> Option<u64> {
        let left = self.cpu.checked_sub(spent).filter(|left| !left.is_zero())?;
        let ticks = left.as_nanos().div_ceil(self.tick.as_nanos().max(1));
        Some(u64::try_from(ticks).unwrap_or(TURN).clamp(1, TURN))
    }
}

/// Makes the guest of a store yield again and again, so that its neighbours run, and end when its time is used up.
/// This is called while instances start as well: a start function is no way round it.
pub(super) fn set_budget<T>(store: &mut Store<T>, meter: Arc<CpuMeter>, budget: Budget) {
    store.set_epoch_deadline(FIRST_TURN);
    store.epoch_deadline_callback(move |_| match budget.next_look(meter.spent_now()) {
        Some(ticks) => Ok(UpdateDeadline::YieldCustom(ticks, Box::pin(tokio::task::yield_now()))),
        None => Err(wasmtime::Error::new(CpuBudgetUsed)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spent_us: u64, expect: Option<u64>) {
        let budget = Budget { cpu: Duration::from_millis(250), tick: Duration::from_millis(1) };
        assert_eq!(budget.next_look(Duration::from_micros(spent_us)), expect, "after {spent_us} µs");
    }

    #[test]
    fn a_guest_is_looked_at_when_its_time_ends_and_now_and_then_before() {
        check(0, Some(10));
        check(240_000, Some(10));
        check(241_500, Some(9));
        check(249_999, Some(1));
        check(250_000, None);
        check(300_000, None);
    }
}

//! The thread that moves the engine's epoch while guests run, and sleeps when none does: an idle server wakes nothing.
//!
//! It knows nothing of evaluations: a guest is running while somebody holds a [`Running`].

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ticks without a guest before the thread goes to sleep: waking it costs more than a few ticks for nothing.
const LINGER: u32 = 20;

/// Moves the epoch until it is dropped.
pub(super) struct Ticks {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    /// Whether a guest has begun since the last tick: many begin and end between two.
    begun: AtomicBool,
    asleep: AtomicBool,
    ended: Mutex<bool>,
    awake: Condvar,
}

/// While one exists, the epoch moves.
pub(super) struct Running<'a>(&'a Shared);

impl Ticks {
    /// Starts the thread; `tick` is called once per `period` while a guest runs.
    pub(super) fn start(period: Duration, tick: impl Fn() + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ticking = Arc::clone(&shared);
        let run = move || ticking.run(period, tick);
        std::thread::Builder::new().name("plugin-ticks".to_owned()).spawn(run)?;
        Ok(Self { shared })
    }

    /// Says that a guest runs, until what it gives is dropped.
    pub(super) fn running(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, SeqCst);
        if !self.shared.begun.load(Relaxed) {
            self.shared.begun.store(true, Relaxed);
        }
        // Either this sees that the thread sleeps, or the thread saw the guest before it slept.
        if self.shared.asleep.load(SeqCst) {
            self.shared.wake();
        }
        Running(&self.shared)
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.awake.notify_one();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

impl Shared {
    /// A thread that was woken late catches up: otherwise budgets would grow with the load of the machine.
    fn run(&self, period: Duration, tick: impl Fn()) {
        let (mut idle, mut due) = (0, Instant::now());
        loop {
            if idle >= LINGER {
                if !self.sleep() {
                    return;
                }
                due = Instant::now();
            }
            due += period;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            tick();
            let quiet = !self.begun.swap(false, Relaxed) && self.is_idle();
            idle = if quiet { idle.min(LINGER - 1) + 1 } else { 0 };
        }
    }

    fn is_idle(&self) -> bool {
        self.running.load(SeqCst) == 0
    }

    /// Until a guest runs; says whether to go on.
    fn sleep(&self) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.store(true, SeqCst);
        while self.is_idle() && !*ended {
            ended = self.awake.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, SeqCst);
        !*ended
    }

    fn wake(&self) {
        // The lock closes the gap between the thread's last look and its sleep.
        drop(self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        self.awake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Ticks that arrive at the receiver.
    fn ticks() -> (Ticks, mpsc::Receiver<()>) {
        let (sender, receiver) = mpsc::channel();
        let tick = move || {
            let _ = sender.send(());
        };
        (Ticks::start(Duration::from_micros(100), tick).unwrap(), receiver)
    }

    /// Waits until the thread sleeps; the test hangs when it never does.
    fn until_asleep(ticks: &Ticks) {
        while !ticks.shared.asleep.load(SeqCst) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_ticks_while_a_guest_runs_and_sleeps_when_none_does() {
        let (ticks, ticked) = ticks();
        for _ in 0..3 {
            until_asleep(&ticks);
            ticked.try_iter().for_each(drop);
            assert!(ticked.try_recv().is_err(), "nothing ticks without a guest");
            let running = ticks.running();
            assert_eq!(ticked.iter().take(100).count(), 100, "more ticks than it lingers");
            drop(running);
        }
    }

    #[test]
    fn it_ends_with_its_owner_asleep_or_not() {
        let (asleep, ended) = ticks();
        until_asleep(&asleep);
        drop(asleep);
        assert!(ended.iter().count() >= LINGER as usize);
        let (awake, ended) = ticks();
        let _ = ended.recv();
        drop(awake);
        ended.iter().for_each(drop);
    }
}

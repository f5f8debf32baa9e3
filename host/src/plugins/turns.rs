//! Whose thread a guest runs on: its first turn is its caller's, every later one a plugin thread's.
//!
//! Crossing to another thread and back wakes two parked threads, which costs several times what a quick check does.
//! So the caller polls an evaluation once. What is not done by then, because its turn is over or because it waits,
//! goes to the plugins' threads and stays there: a caller gives a guest one turn and never waits for a second.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::Sleep;

use super::engine::Engine;

impl Engine {
    /// Runs an evaluation to its end; `None` when it broke down. Dropping the future ends the evaluation.
    pub(super) async fn take_turns<F>(
        &self,
        first_here: bool,
        mut evaluation: Pin<Box<F>>,
    ) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if first_here {
            // What others have to do on this thread comes between many evaluations in a row.
            tokio::task::coop::consume_budget().await;
            match first_turn(evaluation.as_mut()) {
                Ok(Poll::Ready(done)) => return Some(done),
                Ok(Poll::Pending) => {}
                Err(Panicked) => return None,
            }
        }
        self.spawn(evaluation)?.await.ok()
    }
}

struct Panicked;

/// One poll. Nobody is told when the evaluation can go on: the plugins' threads poll it again at once.
fn first_turn<F: Future>(evaluation: Pin<&mut F>) -> Result<Poll<F::Output>, Panicked> {
    let poll = || evaluation.poll(&mut Context::from_waker(Waker::noop()));
    catch_unwind(AssertUnwindSafe(poll)).map_err(|_| Panicked)
}

/// Ends a future at a time. The timer is set when the future first has to wait, which a quick check never does; it
/// belongs to the plugins' threads wherever that happens.
pub(super) struct Until<F> {
    runtime: Handle,
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    future: F,
}

/// The time had come.
pub(super) struct TooLate;

impl<F> Until<F> {
    pub(super) fn new(runtime: Handle, at: Instant, future: F) -> Self {
        Self { runtime, at, timer: None, future }
    }
}

impl<F: Future + Unpin> Future for Until<F> {
    type Output = Result<F::Output, TooLate>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(done) = Pin::new(&mut this.future).poll(context) {
            return Poll::Ready(Ok(done));
        }
        let (runtime, at) = (&this.runtime, this.at);
        let timer = this.timer.get_or_insert_with(|| {
            let _plugins = runtime.enter();
            Box::pin(tokio::time::sleep_until(at.into()))
        });
        timer.as_mut().poll(context).map(|()| Err(TooLate))
    }
}

#[cfg(test)]
mod tests {
    use std::thread::ThreadId;

    use super::super::engine::EngineConfig;
    use super::*;

    /// The threads on which each poll of a future took place that yields so many times.
    async fn polled(first_here: bool, yields: u32) -> Option<Vec<ThreadId>> {
        let engine = Engine::new(EngineConfig::default(), None).unwrap();
        let evaluation = async move {
            let mut threads = vec![std::thread::current().id()];
            for _ in 0..yields {
                tokio::task::yield_now().await;
                threads.push(std::thread::current().id());
            }
            threads
        };
        engine.take_turns(first_here, Box::pin(evaluation)).await
    }

    #[tokio::test]
    async fn only_the_first_turn_is_the_callers() {
        let here = std::thread::current().id();
        assert_eq!(polled(true, 0).await, Some(vec![here]));
        let long = polled(true, 3).await.unwrap();
        assert_eq!(long.iter().map(|at| *at == here).collect::<Vec<_>>(), [true, false, false, false]);
        assert!(polled(false, 1).await.unwrap().iter().all(|at| *at != here));
    }

    /// Panics where it is polled for the `nth` time.
    async fn broken(nth: u32) -> Option<()> {
        let engine = Engine::new(EngineConfig::default(), None).unwrap();
        let evaluation = async move {
            for _ in 1..nth {
                tokio::task::yield_now().await;
            }
            panic!("a bug in the host");
        };
        engine.take_turns(true, Box::pin(evaluation)).await
    }

    #[tokio::test]
    async fn a_bug_ends_the_evaluation_and_not_its_caller() {
        assert_eq!(broken(1).await, None);
        assert_eq!(broken(2).await, None);
    }

    #[tokio::test]
    async fn a_future_that_waits_ends_at_its_time() {
        let until = |future| Until::new(Handle::current(), Instant::now(), future);
        assert!(until(Box::pin(std::future::pending::<()>())).await.is_err());
        assert!(Until::new(Handle::current(), Instant::now(), std::future::ready(())).await.is_ok());
    }
}

//! Deadlines that are set anew with each request and hardly ever reached.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

type Alarm = Pin<Box<tokio::time::Sleep>>;

/// The timer of one connection, on which at most one thing waits at a time. All its sleeps share one alarm of the
/// runtime, which is set again when it has gone off too early, and not with each of them.
#[derive(Clone, Default)]
pub(super) struct Patience(Arc<Mutex<Option<Alarm>>>);

struct Until {
    deadline: tokio::time::Instant,
    patience: Patience,
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { deadline: deadline.into(), patience: self.clone() })
    }
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.patience.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() == self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    /// A sleep that is begun and given up.
    async fn begin(patience: &Patience, duration: Duration) {
        let mut sleep = patience.sleep(duration);
        poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_ready())).await;
    }

    #[tokio::test]
    async fn neither_an_earlier_nor_a_later_alarm_counts() {
        for first in [SHORT / 4, SHORT, Duration::from_secs(3_600)] {
            let patience = Patience::default();
            begin(&patience, first).await;
            let began = Instant::now();
            patience.sleep(SHORT).await;
            assert!(began.elapsed() >= SHORT, "{first:?}");
        }
    }
}

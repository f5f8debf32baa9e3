//! Time, ids and randomness: the one place in the tree that reads the machine for them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_core::time::Millis;
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

/// Where the present and fresh ids come from. Two implementations: [`SystemClock`], and [`ManualClock`] for tests.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01 UTC.
    fn now(&self) -> Millis;

    /// Fills `bytes` with unpredictable bytes.
    ///
    /// # Errors
    /// Fails when the operating system has none to give.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;

    /// A fresh id that sorts by time (UUIDv7, RFC 9562 §5.7).
    ///
    /// # Errors
    /// As [`Clock::fill_random`].
    fn new_id(&self) -> Result<Uuid, NoRandomness> {
        let mut random = [0; 10];
        self.fill_random(&mut random)?;
        let millis = u64::try_from(self.now().get()).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    random: SystemRandom,
}

impl SystemClock {
    #[must_use]
    pub fn new() -> Self {
        Self { random: SystemRandom::new() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::new(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.random.fill(bytes).map_err(|_| NoRandomness)
    }
}

/// A clock that moves only when told to; its random bytes are the machine's.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    random: SystemRandom,
}

impl ManualClock {
    #[must_use]
    pub fn at(now: Millis) -> Self {
        Self { now: AtomicI64::new(now.get()), random: SystemRandom::new() }
    }

    /// Moves the clock; a negative number sets it back.
    pub fn advance(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis::new(self.now.load(Ordering::SeqCst))
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.random.fill(bytes).map_err(|_| NoRandomness)
    }
}

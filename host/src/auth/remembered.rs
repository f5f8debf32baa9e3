//! Answers that stay good for a minute, so that a client's hundred calls cost one verification.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_core::time::{Millis, Span};
use ring::hmac;

use crate::clock::{Clock, NoRandomness};

/// Design §10: what was verified is believed for at most this long.
pub const KEPT: Span = Span::from_millis(60_000);
const CAPACITY: usize = 4096;

/// Verified answers by credential. Credentials are kept only as an HMAC under a key of this process, so that a
/// memory dump gives no fast hash of anyone's password.
pub struct Remembered<T> {
    key: hmac::Key,
    answers: Mutex<HashMap<Fingerprint, (Millis, T)>>,
}

/// A credential's keyed hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl<T: Clone> Remembered<T> {
    /// # Errors
    /// When the machine gives no randomness.
    pub fn new(clock: &dyn Clock) -> Result<Self, NoRandomness> {
        let mut secret = [0; 32];
        clock.fill_random(&mut secret)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), answers: Mutex::default() })
    }

    #[must_use]
    pub fn fingerprint(&self, credential: &[u8]) -> Fingerprint {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.key, credential).as_ref());
        Fingerprint(bytes)
    }

    #[must_use]
    pub fn get(&self, credential: Fingerprint, now: Millis) -> Option<T> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(&credential).filter(|(at, _)| is_fresh(*at, now)).map(|(_, answer)| answer.clone())
    }

    pub fn put(&self, credential: Fingerprint, now: Millis, answer: T) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= CAPACITY {
            answers.retain(|_, (at, _)| is_fresh(*at, now));
        }
        if answers.len() >= CAPACITY {
            answers.clear();
        }
        answers.insert(credential, (now, answer));
    }
}

/// A clock that was set back must not make an answer live longer.
const fn is_fresh(at: Millis, now: Millis) -> bool {
    let age = now.since(at);
    0 <= age && age < KEPT.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn forgets_after_a_minute_and_when_the_clock_goes_back() {
        let remembered = Remembered::new(&SystemClock::new()).unwrap();
        let ana = remembered.fingerprint(b"ana");
        remembered.put(ana, Millis::new(1_000), 7);
        for (now, expect) in [(1_000, Some(7)), (60_999, Some(7)), (61_000, None), (999, None)] {
            assert_eq!(remembered.get(ana, Millis::new(now)), expect, "{now}");
        }
        assert_eq!(remembered.get(remembered.fingerprint(b"bo"), Millis::new(1_000)), None);
    }

    #[test]
    fn is_bounded() {
        let remembered = Remembered::new(&SystemClock::new()).unwrap();
        for n in 0..=CAPACITY {
            remembered.put(remembered.fingerprint(&n.to_le_bytes()), Millis::new(0), n);
        }
        assert!(remembered.answers.lock().unwrap().len() <= CAPACITY);
    }
}

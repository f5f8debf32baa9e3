//! Slows down guessing: per user name and address, only failures count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_core::names;
use countersign_core::time::Millis;

const FAILURES: u32 = 10;
const WINDOW_MS: i64 = 60_000;
const CAPACITY: usize = 10_000;

/// Failed attempts of the last minute.
#[derive(Default)]
pub struct Throttle {
    windows: Mutex<HashMap<(String, IpAddr), Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    since: Millis,
    failures: u32,
}

impl Throttle {
    /// How long this user must still wait at this address; `None` when an attempt may be made.
    #[must_use]
    pub fn must_wait(&self, name: &str, peer: IpAddr, now: Millis) -> Option<Duration> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(&(names::fold(name), peer)).filter(|window| window.is_open(now))?;
        let left = WINDOW_MS - now.since(window.since);
        (window.failures >= FAILURES).then(|| Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    pub fn failed(&self, name: &str, peer: IpAddr, now: Millis) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= CAPACITY {
            windows.retain(|_, window| window.is_open(now));
        }
        let window = windows.entry((names::fold(name), peer)).or_insert(Window { since: now, failures: 0 });
        if !window.is_open(now) {
            *window = Window { since: now, failures: 0 };
        }
        window.failures += 1;
    }

    pub fn succeeded(&self, name: &str, peer: IpAddr) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.remove(&(names::fold(name), peer));
    }
}

impl Window {
    const fn is_open(&self, now: Millis) -> bool {
        let age = now.since(self.since);
        0 <= age && age < WINDOW_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn ten_failures_close_the_door_for_a_minute() {
        let throttle = Throttle::default();
        for n in 0..10 {
            assert_eq!(throttle.must_wait("ana", PEER, Millis::new(n)), None);
            throttle.failed("ana", PEER, Millis::new(n));
        }
        assert_eq!(throttle.must_wait("Ana", PEER, Millis::new(1_000)), Some(Duration::from_secs(59)));
        assert_eq!(throttle.must_wait("bo", PEER, Millis::new(1_000)), None);
        assert_eq!(throttle.must_wait("ana", PEER, Millis::new(60_000)), None);
    }

    #[test]
    fn success_forgives() {
        let throttle = Throttle::default();
        (0..10).for_each(|n| throttle.failed("ana", PEER, Millis::new(n)));
        throttle.succeeded("ana", PEER);
        assert_eq!(throttle.must_wait("ana", PEER, Millis::new(10)), None);
    }
}

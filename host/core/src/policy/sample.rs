//! Sampling: which of the writes that nobody has to sign a person looks at afterwards.
//!
//! Drawn by the digest of what was decided about, so that anybody can tell later whether one had to be: the first
//! eight bytes of the binding, read as a big-endian number, modulo `of`, are less than `drawn`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::names::Seat;

/// `sample = "1 in 20"` with its `sample_seat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    #[serde(flatten)]
    pub rate: Rate,
    /// Who looks at what is drawn.
    pub seat: Seat,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub drawn: u32,
    pub of: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write how many of how many are looked at, as in `1 in 20`: from `1 in 1`, which is all of them")]
pub struct NotARate;

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (drawn, of) = text.split_once(" in ").ok_or(NotARate)?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| NotARate);
        let (drawn, of) = (number(drawn)?, number(of)?);
        if drawn == 0 || drawn > of { Err(NotARate) } else { Ok(Self { drawn, of }) }
    }
}

impl Rate {
    /// Whether what has this digest is among those that are looked at.
    #[must_use]
    pub fn draws(&self, digest: &Digest) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        number.checked_rem(u64::from(self.of)).is_some_and(|place| place < u64::from(self.drawn))
    }
}

impl Sample {
    /// Whether what this digest binds is looked at.
    #[must_use]
    pub fn draws(&self, binding: &Digest) -> bool {
        self.rate.draws(binding)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rate { drawn, of } = self.rate;
        write!(f, "{drawn} in {of} is reviewed afterwards by seat {}", self.seat)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Option<(u32, u32)>) {
        let rate = text.parse::<Rate>().ok();
        assert_eq!(rate.map(|rate| (rate.drawn, rate.of)), expect, "{text}");
    }

    #[test]
    fn rates() {
        check("1 in 20", Some((1, 20)));
        check("3 in  4", Some((3, 4)));
        check("1 in 1", Some((1, 1)));
        check("0 in 20", None);
        check("2 in 1", None);
        check("1 in 0", None);
        check("5%", None);
        check("1in20", None);
    }

    fn sample(drawn: u32, of: u32) -> Sample {
        Sample { rate: Rate { drawn, of }, seat: "risk".into() }
    }

    #[test]
    fn the_formula_is_the_documented_one() {
        let mut bytes = [0; 32];
        bytes[7] = 41;
        let digest = Digest::from_bytes(bytes);
        assert!(!sample(1, 20).draws(&digest), "41 modulo 20 is 1");
        assert!(sample(2, 20).draws(&digest));
        assert!(sample(1, 41).draws(&digest));
    }

    proptest! {
        #[test]
        fn all_are_drawn_by_all_and_more_by_more(bytes: [u8; 32], drawn in 1_u32..50, more in 0_u32..50) {
            let digest = Digest::from_bytes(bytes);
            prop_assert!(sample(50, 50).draws(&digest));
            let of = 100;
            prop_assert!(!sample(drawn, of).draws(&digest) || sample(drawn + more, of).draws(&digest));
        }
    }
}

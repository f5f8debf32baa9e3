//! The permit: a decision as a value that unlocks one effect.

use crate::action::Placed;
use crate::digest::Digest;

/// Leave to forward one governed write, once.
///
/// Only [`crate::decide::decide`] makes one. It is neither `Clone` nor `Deserialize`, so a write cannot be
/// forwarded twice on one decision, nor on one that was read from somewhere.
#[derive(Debug)]
#[must_use = "a permit that is not used means a write that was allowed and never made"]
pub struct Permit {
    placed: Placed,
    binding: Digest,
    policy: Digest,
}

impl Permit {
    pub(crate) const fn mint(placed: Placed, binding: Digest, policy: Digest) -> Self {
        Self { placed, binding, policy }
    }

    /// What may be done.
    #[must_use]
    pub const fn placed(&self) -> &Placed {
        &self.placed
    }

    /// What exactly was judged.
    #[must_use]
    pub const fn binding(&self) -> Digest {
        self.binding
    }

    /// The policy by which it was judged.
    #[must_use]
    pub const fn policy(&self) -> Digest {
        self.policy
    }
}

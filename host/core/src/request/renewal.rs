//! Whether a request can be renewed, and what that means: asked by the server, and by every page that offers it.

use super::{PromotionRequest, Standing, State};
use crate::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// What it asked for is asked for again, in a new request that links to it.
    Again,
    /// It is judged again itself, by the registry and the policy of that moment.
    Judged,
}

impl PromotionRequest {
    /// `None`: it stands, it was ended by somebody, or its write is on its way.
    #[must_use]
    pub fn renewal(&self, now: Millis) -> Option<Renewal> {
        let ends = matches!(
            self.standing(now),
            Some(Standing::Expiring { .. } | Standing::Expired | Standing::Stale | Standing::Revoked)
        );
        if ends || self.undermined.is_some() || matches!(self.state, State::Lapsed { .. }) {
            return Some(Renewal::Again);
        }
        let live = self.state.is_live() && !matches!(self.state, State::Applying { .. });
        live.then_some(Renewal::Judged)
    }
}

//! The time in which whoever asked may write files under what is promoted.
//!
//! It begins with their first write after the approval, not with the last signature, which nobody can foresee. It
//! is for one person, one place and one policy, and it ends by itself. This module must not know: who agreed, what
//! is written.

use serde::{Deserialize, Serialize};

use super::{PromotionRequest, RequestId, State};
use crate::action::Placed;
use crate::digest::Digest;
use crate::names::PersonId;
use crate::time::{Millis, Span};

/// Leave to write files below one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub request: RequestId,
    /// What was agreed to: a folder, and whether files are written or deleted.
    pub placed: Placed,
    pub by: PersonId,
    pub opened: Millis,
    pub until: Millis,
    /// Another policy closes it.
    pub policy: Digest,
    /// What the people agreed to, as it was before the first write.
    pub binding: Digest,
    /// Whether nothing is written any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

impl Window {
    /// Whether this person may make this write now.
    #[must_use]
    pub fn lets(&self, placed: &Placed, by: &PersonId, policy: Digest, now: Millis) -> bool {
        let open = !self.closed && self.opened <= now && now < self.until;
        open && self.policy == policy && self.by == *by && self.placed.covers(placed)
    }
}

impl PromotionRequest {
    /// Opens the window that was agreed to.
    #[must_use]
    pub fn opens_window(self, by: PersonId, lasts: Span, now: Millis) -> Self {
        let window = Window {
            request: self.id,
            placed: self.placed.clone(),
            by,
            opened: now,
            until: now.plus(lasts),
            policy: self.policy,
            binding: self.binding,
            closed: false,
        };
        Self { window: Some(window), ..self }
    }

    /// The window, where it is not closed yet.
    #[must_use]
    pub fn open_window(&self) -> Option<&Window> {
        self.window.as_ref().filter(|window| !window.closed)
    }

    /// Nothing is written any more. Where nothing was, the approval is spent nevertheless: it was for that time.
    #[must_use]
    pub fn closes_window(self, now: Millis) -> Self {
        let window = self.window.map(|window| Window { closed: true, ..window });
        let state = match self.state {
            state if state.is_live() => State::Lapsed { at: now },
            state => state,
        };
        Self { window, state, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, ArtifactPlace, FileWrite};

    fn write(path: &str, how: FileWrite) -> Placed {
        let place = ArtifactPlace::Root { path: path.to_owned() };
        Placed { workspace: "default".into(), action: Action::WriteArtifact { place, how } }
    }

    #[test]
    fn one_person_one_place_one_policy_one_time() {
        let policy = Digest::of(b"policy");
        let window = Window {
            request: RequestId(uuid::Uuid::nil()),
            placed: write("1/r/artifacts", FileWrite::Write),
            by: PersonId::new("ana"),
            opened: Millis::new(100),
            until: Millis::new(200),
            policy,
            binding: Digest::of(b"binding"),
            closed: false,
        };
        let check = |path: &str, by: &str, policy: Digest, now: i64, expect: bool| {
            let placed = write(path, FileWrite::Write);
            let found = window.lets(&placed, &PersonId::new(by), policy, Millis::new(now));
            assert_eq!(found, expect, "{path} {by} {now}");
        };
        check("1/r/artifacts/x", "ana", policy, 100, true);
        check("1/r/artifacts/x", "ana", policy, 199, true);
        check("1/r/artifacts/x", "ana", policy, 200, false);
        check("1/r/artifacts/x", "ana", policy, 99, false);
        check("1/r/artifacts/x", "bob", policy, 150, false);
        check("1/r/other/x", "ana", policy, 150, false);
        check("1/r/artifacts/x", "ana", Digest::of(b"another"), 150, false);
        let closed = Window { closed: true, ..window.clone() };
        assert!(!closed.lets(&window.placed, &window.by, policy, Millis::new(150)));
    }
}

//! What became of one promotion request, as the ledger tells it.

use std::collections::BTreeMap;

use super::aliases::Standing;
use crate::decide::GateVerdict;
use crate::names::{ModelName, PersonId, Tier, Version, Workspace};
use crate::review::{Review, Vote};
use crate::time::Millis;

/// One vote for or against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voted {
    pub by: PersonId,
    pub at: Millis,
    pub approves: bool,
    /// From opening the first of the evidence to the vote; `None` where nothing was opened.
    pub looked: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Applied,
    Rejected,
    Withdrawn,
    Lapsed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    pub opened: Millis,
    pub requester: Option<PersonId>,
    pub tier: Option<Tier>,
    /// An earlier request for the same write ended without it.
    pub again: bool,
    /// Something other than a signature stood in the way at some time.
    pub was_blocked: bool,
    /// It still does.
    pub is_blocked: bool,
    /// When it was first seen that only signatures are missing.
    pub clear: Option<Millis>,
    /// How often what was reviewed changed.
    pub stale: u32,
    /// When each person first opened any of its evidence.
    pub looked: BTreeMap<PersonId, Millis>,
    pub votes: Vec<Voted>,
    /// When its write was announced.
    pub announced: Option<Millis>,
    pub ended: Option<(Ending, Millis)>,
    /// When what it was approved for ran out.
    pub expired: Option<Millis>,
    /// When the approval was suspended or revoked; a resumed one stands again.
    pub taken_back: Option<Millis>,
}

/// The lead time of an approval, in milliseconds: from the request to the last approving vote before its write.
/// The four follow one another without a gap, so that they add up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Until only signatures were missing: a check that failed, until it was mended.
    pub checks: i64,
    /// Until somebody other than the requester opened evidence.
    pub queue: i64,
    /// Until the first vote.
    pub evidence: i64,
    /// Until the last vote that it needed.
    pub review: i64,
}

impl Phases {
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.checks + self.queue + self.evidence + self.review
    }

    #[must_use]
    pub const fn parts(&self) -> [i64; 4] {
        [self.checks, self.queue, self.evidence, self.review]
    }
}

impl Story {
    /// Since when its approval counts for nothing any more, and why.
    #[must_use]
    pub fn lost(&self) -> Option<(Millis, Standing)> {
        let taken = self.taken_back.map(|at| (at, Standing::TakenBack));
        taken.into_iter().chain(self.expired.map(|at| (at, Standing::Expired))).min()
    }

    /// `None` where nobody has approved, or the write was not announced yet.
    #[must_use]
    pub fn phases(&self) -> Option<Phases> {
        let announced = self.announced?;
        let approvals = self.votes.iter().filter(|vote| vote.approves && vote.at <= announced);
        let approved = approvals.map(|vote| vote.at).max()?;
        let voted =
            self.votes.iter().map(|vote| vote.at).min()?.clamp(self.opened, approved.max(self.opened));
        let others = self.looked.iter().filter(|(who, _)| Some(*who) != self.requester.as_ref());
        let looked = others.map(|(_, at)| *at).min().unwrap_or(voted).clamp(self.opened, voted);
        let unseen = if self.was_blocked { looked } else { self.opened };
        let clear = self.clear.unwrap_or(unseen).clamp(self.opened, looked);
        Some(Phases {
            checks: clear.since(self.opened),
            queue: looked.since(clear),
            evidence: voted.since(looked),
            review: approved.max(voted).since(voted),
        })
    }

    /// Its first version went through at the first attempt.
    #[must_use]
    pub fn passed_at_once(&self) -> bool {
        let applied = matches!(self.ended, Some((Ending::Applied, _)));
        let rejected = self.votes.iter().any(|vote| !vote.approves);
        applied && !self.was_blocked && self.stale == 0 && !self.again && !rejected
    }

    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Takes in what the gates said at a time.
    pub(super) fn judged(&mut self, gates: &[GateVerdict], at: Millis) {
        self.tier = tier_of(gates).or(self.tier.take());
        let blocked = gates.iter().any(|gate| gate.enforced && !gate.verdict.wants_only_signatures());
        self.was_blocked |= blocked;
        self.is_blocked = blocked;
        if !blocked {
            self.clear.get_or_insert(at);
        }
    }

    pub(super) fn reviewed(&mut self, review: &Review) {
        match review.vote {
            Vote::Approve | Vote::Reject => {}
            Vote::Comment | Vote::Abstain | Vote::Recuse => return,
        }
        let approves = review.vote == Vote::Approve;
        let seen = self.looked.get(&review.reviewer).map(|opened| review.at.since(*opened).max(0));
        let looked = review.looked_for.or(seen);
        self.votes.push(Voted { by: review.reviewer.clone(), at: review.at, approves, looked });
        // A rejection is final, but for one that no gate heeds: then the next vote is taken, and shows it.
        if !matches!(self.ended, Some((Ending::Applied, _))) {
            self.ended = (!approves).then_some((Ending::Rejected, review.at));
        }
    }
}

/// The tier of the first gate that enforces and knows it.
pub(super) fn tier_of(gates: &[GateVerdict]) -> Option<Tier> {
    let enforced = gates.iter().filter(|gate| gate.enforced);
    enforced.filter_map(|gate| gate.tier.known()).next().cloned()
}

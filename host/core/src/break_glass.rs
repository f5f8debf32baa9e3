//! Break-glass: somebody opens a gate in an emergency, for a short time, and answers for it afterwards.
//!
//! It opens one write of one request and nothing else, says what it skipped, and until somebody else has looked at
//! it nobody can do it again. A drill goes through the same motions and opens nothing. This module must not know:
//! the store, how those who were skipped are told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::action::Placed;
use crate::decide::{GateVerdict, SeatCount};
use crate::names::{PersonId, Seat};
use crate::policy::BreakGlassRule;
use crate::request::RequestId;
use crate::review::{Authors, Barred, Roster, may_fill};
use crate::time::Millis;
use crate::waiver::Endorsement;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    pub id: Uuid,
    pub request: RequestId,
    pub placed: Placed,
    pub by: PersonId,
    pub reason: String,
    /// Where the emergency is tracked.
    pub ticket: String,
    pub at: Millis,
    pub until: Millis,
    /// Changes nothing.
    pub drill: bool,
    /// What stood in the way.
    pub skipped: Vec<GateVerdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Endorsement>,
    /// Who of those that were skipped has seen it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub seen_by: BTreeSet<PersonId>,
}

/// Why the glass stays whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaysWhole {
    #[error("the policy lets nobody break the glass: an operator may add `[break_glass]`")]
    NotAllowed,
    #[error("only those whom the policy names under `[break_glass]` may break the glass")]
    NotAMember,
    #[error("a machine cannot answer for an emergency: somebody must sign in")]
    Machine,
    #[error("an emergency needs a reason and a ticket: say what is broken and where it is tracked")]
    NoReason,
    #[error("the last use, {0}, was not reviewed yet: somebody of the reviewing seat must look at it first")]
    NotReviewed(Uuid),
    #[error("it is not theirs to review in seat {seat}: {why}")]
    Barred { seat: Seat, why: Barred },
    #[error("whoever broke the glass cannot review that: somebody else must")]
    Own,
    #[error("it was reviewed already")]
    Reviewed,
}

impl BreakGlass {
    /// # Errors
    /// Why this may not be done now. `earlier` are all uses before it.
    pub fn check(
        &self,
        rule: Option<&BreakGlassRule>,
        roster: &Roster,
        earlier: &[Self],
    ) -> Result<(), StaysWhole> {
        if rule.is_none() {
            return Err(StaysWhole::NotAllowed);
        }
        if roster.machines.contains(&self.by) {
            return Err(StaysWhole::Machine);
        }
        if !roster.breakers.contains(&self.by) {
            return Err(StaysWhole::NotAMember);
        }
        if self.reason.trim().is_empty() || self.ticket.trim().is_empty() {
            return Err(StaysWhole::NoReason);
        }
        match earlier.iter().find(|earlier| earlier.blocks()) {
            Some(open) if !self.drill => Err(StaysWhole::NotReviewed(open.id)),
            _ => Ok(()),
        }
    }

    /// Whether the next use must wait for this one's review.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        !self.drill && self.reviewed.is_none()
    }

    /// Whether it opens the way for exactly this write at this moment. A review closes it.
    #[must_use]
    pub fn opens(&self, placed: &Placed, roster: &Roster, now: Millis) -> bool {
        let runs = self.at <= now && now < self.until;
        let may = roster.breakers.contains(&self.by) && !roster.machines.contains(&self.by);
        self.blocks() && runs && may && &self.placed == placed
    }

    /// The seats that were still to sign, in any gate that was passed over.
    #[must_use]
    pub fn seats_skipped(&self) -> BTreeSet<&Seat> {
        let open = |count: &SeatCount| u32::try_from(count.signed.len()).is_ok_and(|n| n < count.needed);
        let seats = self.skipped.iter().flat_map(|gate| &gate.seats);
        seats.filter(|(_, count)| open(count)).map(|(seat, _)| seat).collect()
    }

    /// Whether somebody is still to be told that they were passed over: a member of a seat that was.
    #[must_use]
    pub fn skips(&self, person: &PersonId, roster: &Roster) -> bool {
        let sits = |seat: &&Seat| roster.seats.get(*seat).is_some_and(|members| members.contains(person));
        let told = &self.by == person || self.seen_by.contains(person);
        !self.drill && !told && self.seats_skipped().iter().any(sits)
    }

    /// Somebody else has looked at it.
    ///
    /// # Errors
    /// When it was reviewed before, or this person may not.
    pub fn reviewed(
        self,
        word: Endorsement,
        rule: Option<&BreakGlassRule>,
        roster: &Roster,
    ) -> Result<Self, StaysWhole> {
        self.may_be_reviewed(&word.by, rule, roster)?;
        Ok(Self { reviewed: Some(word), ..self })
    }

    /// # Errors
    /// Why somebody cannot review it.
    pub fn may_be_reviewed(
        &self,
        by: &PersonId,
        rule: Option<&BreakGlassRule>,
        roster: &Roster,
    ) -> Result<(), StaysWhole> {
        let rule = rule.ok_or(StaysWhole::NotAllowed)?;
        if self.reviewed.is_some() {
            return Err(StaysWhole::Reviewed);
        }
        if by == &self.by {
            return Err(StaysWhole::Own);
        }
        let authors = Authors { requester: Some(self.by.clone()), ..Authors::default() };
        may_fill(by, &rule.reviewed_by, roster, &authors)
            .map_err(|why| StaysWhole::Barred { seat: rule.reviewed_by.clone(), why })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::action::Action;
    use crate::names::Version;

    pub(crate) fn placed(version: u32) -> Placed {
        let (model, alias) = ("credit".into(), "champion".into());
        let action = Action::SetAlias { model, alias, version: Version::new(version) };
        Placed { workspace: "default".into(), action }
    }

    pub(crate) fn broken(by: &str) -> BreakGlass {
        BreakGlass {
            id: Uuid::nil(),
            request: RequestId(Uuid::nil()),
            placed: placed(7),
            by: by.into(),
            reason: "the champion scores everybody zero".to_owned(),
            ticket: "INC-7".to_owned(),
            at: Millis::new(0),
            until: Millis::new(1_000),
            drill: false,
            skipped: Vec::new(),
            reviewed: None,
            seen_by: BTreeSet::new(),
        }
    }

    fn rule() -> BreakGlassRule {
        let lasts = "1h".parse().unwrap();
        BreakGlassRule { seat: None, members: ["otto".to_owned()].into(), lasts, reviewed_by: "risk".into() }
    }

    pub(crate) fn roster() -> Roster {
        let seats = [("risk".into(), ["ruth", "otto"].map(PersonId::from).into())].into();
        let breakers = ["otto", "bot"].map(PersonId::from).into();
        Roster { seats, breakers, machines: [PersonId::from("bot")].into(), ..Roster::default() }
    }

    fn word(by: &str) -> Endorsement {
        Endorsement { by: by.into(), at: Millis::new(500), rationale: "it was one".to_owned() }
    }

    #[test]
    fn who_may_and_when() {
        let check = |given: BreakGlass, earlier: &[BreakGlass], expect: Result<(), StaysWhole>| {
            assert_eq!(given.check(Some(&rule()), &roster(), earlier), expect, "{given:?}");
        };
        let seen = BreakGlass { reviewed: Some(word("ruth")), ..broken("otto") };
        let drill = BreakGlass { drill: true, ..broken("otto") };
        check(broken("otto"), &[seen, drill.clone()], Ok(()));
        check(broken("ruth"), &[], Err(StaysWhole::NotAMember));
        check(broken("bot"), &[], Err(StaysWhole::Machine));
        check(BreakGlass { ticket: " ".to_owned(), ..broken("otto") }, &[], Err(StaysWhole::NoReason));
        check(broken("otto"), &[broken("otto")], Err(StaysWhole::NotReviewed(Uuid::nil())));
        check(drill, &[broken("otto")], Ok(()));
        assert_eq!(broken("otto").check(None, &roster(), &[]), Err(StaysWhole::NotAllowed));
    }

    #[test]
    fn what_it_opens() {
        let check = |given: &BreakGlass, version: u32, now: i64, expect: bool| {
            assert_eq!(given.opens(&placed(version), &roster(), Millis::new(now)), expect, "{given:?} {now}");
        };
        check(&broken("otto"), 7, 0, true);
        check(&broken("otto"), 7, 1_000, false);
        check(&broken("otto"), 7, -1, false);
        check(&broken("otto"), 8, 0, false);
        check(&broken("eve"), 7, 0, false);
        check(&BreakGlass { drill: true, ..broken("otto") }, 7, 0, false);
        check(&BreakGlass { reviewed: Some(word("ruth")), ..broken("otto") }, 7, 0, false);
    }

    #[test]
    fn somebody_else_reviews_it_once() {
        let reviewed = |given: BreakGlass, by: &str| given.reviewed(word(by), Some(&rule()), &roster());
        let seen = reviewed(broken("otto"), "ruth").unwrap();
        assert_eq!(reviewed(seen, "ruth"), Err(StaysWhole::Reviewed));
        assert_eq!(reviewed(broken("otto"), "otto"), Err(StaysWhole::Own));
        let barred = reviewed(broken("otto"), "eve");
        assert!(matches!(barred, Err(StaysWhole::Barred { why: Barred::NotAMember, .. })), "{barred:?}");
    }
}

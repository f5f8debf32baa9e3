//! Waivers: a dated exception to one requirement, that somebody answers for.
//!
//! A waiver takes one check or one seat of one gate out of a decision about one model. It counts only while it
//! runs, for no longer than the policy allows, and only with the approval of somebody who neither asked for it nor
//! owns it nor made what it lets through. This module must not know: who is asking, the store, other requirements.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::names::{GateName, ModelName, PersonId, PluginName, Seat, Version, Workspace};
use crate::policy::WaiverRule;
use crate::review::{Authors, Barred, Roster, may_fill};
use crate::time::Millis;

/// What is waived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Requirement {
    Check { gate: GateName, plugin: PluginName },
    Seat { gate: GateName, seat: Seat },
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check { gate, plugin } => write!(f, "check {plugin} of gate {gate}"),
            Self::Seat { gate, seat } => write!(f, "seat {seat} of gate {gate}"),
        }
    }
}

/// For what it is waived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub workspace: Workspace,
    pub model: ModelName,
    /// `None`: every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

impl Scope {
    #[must_use]
    pub fn covers(&self, workspace: &Workspace, model: &ModelName, version: Version) -> bool {
        &self.workspace == workspace
            && &self.model == model
            && self.version.is_none_or(|only| only == version)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    pub id: Uuid,
    pub requirement: Requirement,
    pub scope: Scope,
    pub reason: String,
    /// Who answers for it.
    pub owner: PersonId,
    /// Who asked for it.
    pub author: PersonId,
    pub asked_at: Millis,
    pub expires: Millis,
    pub approvals: Vec<Endorsement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Endorsement>,
}

/// A word of somebody on an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    pub by: PersonId,
    pub at: Millis,
    pub rationale: String,
}

/// A waiver that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    pub waiver: Uuid,
    pub requirement: Requirement,
    pub until: Millis,
}

/// Why a waiver cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotWaive {
    #[error("the policy takes no waivers: an operator may add `[waivers]` with `seat` and `max`")]
    NotAllowed,
    #[error("a waiver needs a reason: say why this may be left out, and until what is done")]
    NoReason,
    #[error("a waiver that has ended already waives nothing: give a later `expires`")]
    Past,
    #[error("a waiver may run for {max} at most: give an earlier `expires`")]
    TooLong { max: crate::time::Span },
    #[error("whoever asked for a waiver or owns it cannot approve it: somebody else must")]
    Own,
    #[error("it is not theirs to approve in seat {seat}: {why}")]
    Barred { seat: Seat, why: Barred },
    #[error("it was revoked: ask for a new one")]
    Revoked,
}

impl Waiver {
    /// # Errors
    /// When the policy would never let it count.
    pub fn check(&self, rule: Option<&WaiverRule>) -> Result<(), CannotWaive> {
        let rule = rule.ok_or(CannotWaive::NotAllowed)?;
        if self.reason.trim().is_empty() {
            Err(CannotWaive::NoReason)
        } else if self.expires <= self.asked_at {
            Err(CannotWaive::Past)
        } else if self.expires > self.asked_at.plus(rule.max) {
            Err(CannotWaive::TooLong { max: rule.max })
        } else {
            Ok(())
        }
    }

    /// Those who may not approve it.
    #[must_use]
    pub fn people(&self) -> BTreeSet<PersonId> {
        [self.author.clone(), self.owner.clone()].into()
    }

    /// # Errors
    /// Why somebody cannot approve it.
    pub fn may_be_approved(
        &self,
        by: &PersonId,
        rule: Option<&WaiverRule>,
        roster: &Roster,
        authors: &Authors,
    ) -> Result<(), CannotWaive> {
        let rule = rule.ok_or(CannotWaive::NotAllowed)?;
        if self.revoked.is_some() {
            return Err(CannotWaive::Revoked);
        }
        if self.people().contains(by) {
            return Err(CannotWaive::Own);
        }
        // Somebody who stands in for its author or owner cannot either.
        let barred = Authors { waived_by: self.people(), ..authors.clone() };
        may_fill(by, &rule.seat, roster, &barred)
            .map_err(|why| CannotWaive::Barred { seat: rule.seat.clone(), why })
    }

    /// Whether somebody may end it early: whoever is behind it, and whoever could approve it.
    #[must_use]
    pub fn may_be_revoked(&self, by: &PersonId, rule: Option<&WaiverRule>, roster: &Roster) -> bool {
        let seat = rule.and_then(|rule| roster.seats.get(&rule.seat));
        self.people().contains(by) || seat.is_some_and(|members| members.contains(by))
    }

    /// # Errors
    /// As [`Self::may_be_approved`].
    pub fn approved(
        mut self,
        word: Endorsement,
        rule: Option<&WaiverRule>,
        roster: &Roster,
        authors: &Authors,
    ) -> Result<Self, CannotWaive> {
        self.may_be_approved(&word.by, rule, roster, authors)?;
        self.approvals.push(word);
        Ok(self)
    }

    /// # Errors
    /// When it was revoked before.
    pub fn revoked(self, word: Endorsement) -> Result<Self, CannotWaive> {
        match self.revoked {
            Some(_) => Err(CannotWaive::Revoked),
            None => Ok(Self { revoked: Some(word), ..self }),
        }
    }

    /// Whether it counts at this moment.
    #[must_use]
    pub fn counts(&self, rule: Option<&WaiverRule>, roster: &Roster, authors: &Authors, now: Millis) -> bool {
        let approved = |word: &Endorsement| self.may_be_approved(&word.by, rule, roster, authors).is_ok();
        now < self.expires && self.check(rule).is_ok() && self.approvals.iter().any(approved)
    }

    #[must_use]
    pub fn waived(&self) -> Waived {
        Waived { waiver: self.id, requirement: self.requirement.clone(), until: self.expires }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn rule() -> WaiverRule {
        WaiverRule { seat: "risk".into(), max: "30d".parse().unwrap() }
    }

    pub(crate) fn waiver(requirement: Requirement) -> Waiver {
        Waiver {
            id: Uuid::nil(),
            requirement,
            scope: Scope { workspace: "default".into(), model: "credit".into(), version: None },
            reason: "the fairness data arrives in March".to_owned(),
            owner: "olga".into(),
            author: "ana".into(),
            asked_at: Millis::new(0),
            expires: Millis::new(1_000),
            approvals: Vec::new(),
            revoked: None,
        }
    }

    pub(crate) fn word(by: &str) -> Endorsement {
        Endorsement { by: by.into(), at: Millis::new(1), rationale: "bounded".to_owned() }
    }

    fn roster() -> Roster {
        let risk = ["ruth", "ana", "olga", "omar"].map(PersonId::from).into();
        Roster { seats: [("risk".into(), risk)].into(), ..Roster::default() }
    }

    fn check(by: &str, now: i64, change: impl Fn(Waiver) -> Waiver, expect: bool) {
        let check = Requirement::Check { gate: "production".into(), plugin: "fairness".into() };
        let given = change(Waiver { approvals: vec![word(by)], ..waiver(check) });
        let authors = Authors { creator: Some("omar".into()), ..Authors::default() };
        assert_eq!(given.counts(Some(&rule()), &roster(), &authors, Millis::new(now)), expect, "{by} {now}");
    }

    #[test]
    fn what_makes_a_waiver_count() {
        check("ruth", 5, |w| w, true);
        check("ruth", 1_000, |w| w, false);
        check("ana", 5, |w| w, false);
        check("olga", 5, |w| w, false);
        check("omar", 5, |w| w, false);
        check("eve", 5, |w| w, false);
        check("ruth", 5, |w| Waiver { approvals: vec![], ..w }, false);
        check("ruth", 5, |w| Waiver { revoked: Some(word("ruth")), ..w }, false);
        check("ruth", 5, |w| Waiver { reason: " ".to_owned(), ..w }, false);
        check("ruth", 5, |w| Waiver { expires: Millis::new(31 * 86_400_000), ..w }, false);
    }

    #[test]
    fn without_a_rule_nothing_is_waived() {
        let seat = Requirement::Seat { gate: "production".into(), seat: "legal".into() };
        let given = Waiver { approvals: vec![word("ruth")], ..waiver(seat) };
        assert!(!given.counts(None, &roster(), &Authors::default(), Millis::new(5)));
        assert_eq!(given.check(None), Err(CannotWaive::NotAllowed));
    }
}

//! Reviews: what a person said about exactly one thing, in which seat.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::names::{PersonId, Seat};
use crate::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    Approve,
    Reject,
    Comment,
    Recuse,
}

impl Vote {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Comment => "comment",
            Self::Recuse => "recuse",
        }
    }
}

/// One person's word on one binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub id: Uuid,
    pub reviewer: PersonId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
    pub vote: Vote,
    pub rationale: String,
    pub at: Millis,
    /// The digest that the reviewer saw. The review counts for this and for nothing else.
    pub binding: Digest,
    /// Where the tier asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// An electronic signature as it is shown wherever its review is: who, when, what for, over what, and how they
/// proved who they are (21 CFR 11.50 and 11.200).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The printed name at that time. Unlike a profile it belongs to the record.
    pub name: String,
    pub at: Millis,
    /// `approval of` or `rejection of` an action, in words.
    pub meaning: String,
    pub method: SignatureMethod,
    /// What was signed.
    pub binding: Digest,
}

/// How somebody proved, for this one signature, who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureMethod {
    /// Their password of `users.toml`.
    Password,
    /// Their password of MLflow's accounts.
    MlflowPassword,
    /// Signing in again at the OpenID provider.
    Oidc,
}

impl SignatureMethod {
    /// As it follows "proved by".
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MlflowPassword => "MLflow password",
            Self::Oidc => "signing in again at the identity provider",
        }
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, at, meaning, method, binding } = self;
        write!(f, "signed by {name} on {at}: {meaning}; over {binding}; proved by {}", method.phrase())
    }
}

/// Who may fill which seat at this moment, and who is a machine. Resolved by the shell when it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    pub seats: BTreeMap<Seat, BTreeSet<PersonId>>,
    pub machines: BTreeSet<PersonId>,
}

/// Whose work the subject is. `None` means that nobody recorded it: "cannot prove", never "nobody".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authors {
    /// Who asked for this promotion.
    pub requester: Option<PersonId>,
    /// Who called `create` for the version, as recorded by us.
    pub creator: Option<PersonId>,
    /// The run's author, where the claim names somebody we know.
    pub run_author: Option<PersonId>,
    /// Who last changed tags, description or files of the version, as recorded by us.
    pub last_writer: Option<PersonId>,
}

/// Why somebody may not fill a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Barred {
    #[error("they asked for this promotion")]
    Requester,
    #[error("they registered this version")]
    Creator,
    #[error("they are named as the author of its run")]
    RunAuthor,
    #[error("they last changed what is reviewed")]
    LastWriter,
    #[error("a machine fills no seat")]
    Machine,
    #[error("they are not a member of this seat")]
    NotAMember,
    #[error("they fill another seat of this request")]
    OtherSeat,
}

/// Nobody signs their own work, whatever else they may do here.
///
/// # Errors
/// The first reason for which `person` may not fill `seat`.
pub fn may_fill(person: &PersonId, seat: &Seat, roster: &Roster, authors: &Authors) -> Result<(), Barred> {
    let is = |author: &Option<PersonId>| author.as_ref() == Some(person);
    if roster.machines.contains(person) {
        Err(Barred::Machine)
    } else if is(&authors.requester) {
        Err(Barred::Requester)
    } else if is(&authors.creator) {
        Err(Barred::Creator)
    } else if is(&authors.run_author) {
        Err(Barred::RunAuthor)
    } else if is(&authors.last_writer) {
        Err(Barred::LastWriter)
    } else if !roster.seats.get(seat).is_some_and(|members| members.contains(person)) {
        Err(Barred::NotAMember)
    } else {
        Ok(())
    }
}

/// Who has approved in which seat: the last word of each person counts, for this binding only, and one person
/// fills one seat.
#[must_use]
pub fn approvals(
    reviews: &[Review],
    binding: Digest,
    roster: &Roster,
    authors: &Authors,
) -> BTreeMap<Seat, BTreeSet<PersonId>> {
    let mut filled: BTreeMap<Seat, BTreeSet<PersonId>> = BTreeMap::new();
    for review in last_words(reviews, binding).into_values() {
        let Some(seat) = review.seat.as_ref().filter(|_| review.vote == Vote::Approve) else { continue };
        if may_fill(&review.reviewer, seat, roster, authors).is_ok() {
            filled.entry(seat.clone()).or_default().insert(review.reviewer.clone());
        }
    }
    filled
}

/// The rejections that stand: by people who could have approved.
#[must_use]
pub fn rejections<'a>(
    reviews: &'a [Review],
    binding: Digest,
    roster: &Roster,
    authors: &Authors,
) -> Vec<&'a Review> {
    let words = last_words(reviews, binding).into_values();
    words
        .filter(|review| review.vote == Vote::Reject)
        .filter(|review| {
            review.seat.as_ref().is_some_and(|seat| may_fill(&review.reviewer, seat, roster, authors).is_ok())
        })
        .collect()
}

/// Comments do not replace a vote.
fn last_words(reviews: &[Review], binding: Digest) -> BTreeMap<&PersonId, &Review> {
    reviews
        .iter()
        .filter(|review| review.binding == binding && review.vote != Vote::Comment)
        .map(|review| (&review.reviewer, review))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        let seats = BTreeMap::from([(Seat::from("risk"), ["ruth", "ana", "bot"].map(PersonId::from).into())]);
        Roster { seats, machines: [PersonId::from("bot")].into() }
    }

    fn authors() -> Authors {
        Authors { requester: Some("ana".into()), ..Authors::default() }
    }

    fn review(reviewer: &str, vote: Vote, binding: &[u8]) -> Review {
        let seat = Some(Seat::from("risk"));
        let binding = Digest::of(binding);
        Review {
            id: Uuid::nil(),
            reviewer: reviewer.into(),
            seat,
            vote,
            rationale: String::new(),
            at: Millis::new(0),
            binding,
            signature: None,
        }
    }

    fn check(reviews: &[Review], expect: &[&str]) {
        let filled = approvals(reviews, Digest::of(b"now"), &roster(), &authors());
        let people: Vec<&str> = filled.values().flatten().map(PersonId::as_str).collect();
        assert_eq!(people, expect);
    }

    #[test]
    fn who_counts() {
        check(&[review("ruth", Vote::Approve, b"now")], &["ruth"]);
        check(&[review("ana", Vote::Approve, b"now")], &[]);
        check(&[review("bot", Vote::Approve, b"now")], &[]);
        check(&[review("eve", Vote::Approve, b"now")], &[]);
        check(&[review("ruth", Vote::Approve, b"before")], &[]);
    }

    #[test]
    fn the_last_word_counts_and_a_comment_is_not_one() {
        let approve = review("ruth", Vote::Approve, b"now");
        check(&[approve.clone(), review("ruth", Vote::Recuse, b"now")], &[]);
        check(&[approve.clone(), review("ruth", Vote::Comment, b"now")], &["ruth"]);
        check(&[approve, review("ruth", Vote::Reject, b"now")], &[]);
    }
}

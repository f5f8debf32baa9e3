//! Reviews: what a person said about exactly one thing, in which seat.

mod about;

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
    /// Has looked and says neither: fills no seat and stands in nobody's way.
    Abstain,
    /// Steps back altogether: whatever they said before no longer counts.
    Recuse,
}

impl Vote {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Comment => "comment",
            Self::Abstain => "abstain",
            Self::Recuse => "recuse",
        }
    }

    /// Whether it speaks for or against: such a vote needs reasons of its own and evidence that was opened.
    #[must_use]
    pub const fn decides(self) -> bool {
        matches!(self, Self::Approve | Self::Reject)
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
    /// Milliseconds from opening the first of the evidence that the vote had to rest on, where it had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_for: Option<i64>,
    /// Where the tier asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

impl Review {
    /// Whether it carries the proof of who gave it, for exactly what it is about.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signature.as_ref().is_some_and(|signature| signature.binding == self.binding)
    }
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
    /// Who sits for whom, by delegations that run at this moment: seat, delegate, members.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub delegates: BTreeMap<Seat, BTreeMap<PersonId, BTreeSet<PersonId>>>,
    /// Who may break the glass.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub breakers: BTreeSet<PersonId>,
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
    /// Everybody who changed them since somebody else last voted on it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub writers: BTreeSet<PersonId>,
    /// Further people whom claims about the run name: `run.user_id` and `mlflow.user` may differ.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub run_authors: BTreeSet<PersonId>,
    /// The run names an author, and nobody here is known by that name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_author_unknown: bool,
    /// Authors and owners of the waivers that the decision rests on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waived_by: BTreeSet<PersonId>,
}

impl Authors {
    /// Why this is somebody's own work.
    ///
    /// # Errors
    /// The first reason that there is.
    pub fn admits(&self, person: &PersonId) -> Result<(), Barred> {
        let is = |author: &Option<PersonId>| author.as_ref() == Some(person);
        if is(&self.requester) {
            Err(Barred::Requester)
        } else if is(&self.creator) {
            Err(Barred::Creator)
        } else if is(&self.run_author) || self.run_authors.contains(person) {
            Err(Barred::RunAuthor)
        } else if is(&self.last_writer) || self.writers.contains(person) {
            Err(Barred::LastWriter)
        } else if self.waived_by.contains(person) {
            Err(Barred::Waiver)
        } else {
            Ok(())
        }
    }
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
    #[error("they asked for, or own, a waiver that it rests on")]
    Waiver,
    #[error("a machine fills no seat")]
    Machine,
    #[error("they are not a member of this seat")]
    NotAMember,
    #[error("whoever they stand in for could not sign it either")]
    Delegator,
    #[error("they fill another seat of this request")]
    OtherSeat,
}

/// Nobody signs their own work, whatever else they may do here.
///
/// # Errors
/// The first reason for which `person` may not fill `seat`.
pub fn may_fill(person: &PersonId, seat: &Seat, roster: &Roster, authors: &Authors) -> Result<(), Barred> {
    chairs(person, seat, roster, authors).map(|_| ())
}

/// Whose chairs in a seat somebody may sit on: their own, or those of members who have lent them theirs. A member
/// who may not sign cannot lend what they do not have.
///
/// # Errors
/// As [`may_fill`].
pub fn chairs(
    person: &PersonId,
    seat: &Seat,
    roster: &Roster,
    authors: &Authors,
) -> Result<BTreeSet<PersonId>, Barred> {
    if roster.machines.contains(person) {
        return Err(Barred::Machine);
    }
    authors.admits(person)?;
    let is_member = |who: &PersonId| roster.seats.get(seat).is_some_and(|members| members.contains(who));
    if is_member(person) {
        return Ok([person.clone()].into());
    }
    let lenders = roster.delegates.get(seat).and_then(|delegates| delegates.get(person));
    let lenders: Vec<&PersonId> = lenders.into_iter().flatten().filter(|from| is_member(from)).collect();
    if lenders.is_empty() {
        return Err(Barred::NotAMember);
    }
    let free = |from: &&PersonId| !roster.machines.contains(*from) && authors.admits(from).is_ok();
    let free: BTreeSet<PersonId> = lenders.into_iter().filter(free).cloned().collect();
    if free.is_empty() { Err(Barred::Delegator) } else { Ok(free) }
}

/// What each person says of one binding, by seat; a word without a seat is about any.
pub type Words<'a> = BTreeMap<&'a PersonId, BTreeMap<Option<&'a Seat>, &'a Review>>;

/// The words that stand: the last one in each seat. Comments are none; who steps back has said nothing.
#[must_use]
pub fn words(reviews: &[Review], binding: Digest) -> Words<'_> {
    let mut words = Words::new();
    for review in reviews.iter().filter(|r| r.binding == binding && r.vote != Vote::Comment) {
        let theirs = words.entry(&review.reviewer).or_default();
        if review.vote == Vote::Recuse || review.seat.is_none() {
            theirs.clear();
        }
        if review.vote != Vote::Recuse {
            theirs.remove(&None);
            theirs.insert(review.seat.as_ref(), review);
        }
    }
    words
}

/// The rejections that stand: by people who could have approved.
#[must_use]
pub fn rejections<'a>(
    reviews: &'a [Review],
    binding: Digest,
    roster: &Roster,
    authors: &Authors,
) -> Vec<&'a Review> {
    let all = words(reviews, binding).into_values().flat_map(BTreeMap::into_values);
    let counts = |review: &&Review| {
        let seat = review.seat.as_ref();
        review.vote == Vote::Reject
            && seat.is_some_and(|seat| may_fill(&review.reviewer, seat, roster, authors).is_ok())
    };
    all.filter(counts).collect()
}

/// Why a rationale is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRationale {
    #[error("a review needs a rationale: say why, in a sentence")]
    Empty,
    #[error("this is word for word the rationale of your last vote: say what you looked at this time")]
    Repeated,
}

/// Takes a rationale. `last` is the [`fingerprint`] of that person's last one.
///
/// # Errors
/// When it is empty, or says for a vote what the last one said.
pub fn rationale(vote: Vote, text: &str, last: Option<Digest>) -> Result<String, NoRationale> {
    if text.trim().is_empty() {
        Err(NoRationale::Empty)
    } else if vote.decides() && last == Some(fingerprint(text)) {
        Err(NoRationale::Repeated)
    } else {
        Ok(text.trim().to_owned())
    }
}

/// A rationale without its spelling: case and white space do not make another one.
#[must_use]
pub fn fingerprint(text: &str) -> Digest {
    let folded: Vec<String> = text.split_whitespace().map(crate::names::fold).collect();
    Digest::of(folded.join(" ").as_bytes())
}

/// Who changed a version since somebody else last voted on it, given when each last did.
#[must_use]
pub fn writers_since(writes: &BTreeMap<PersonId, Millis>, reviews: &[Review]) -> BTreeSet<PersonId> {
    let since = |(person, at): &(&PersonId, &Millis)| {
        let others = reviews.iter().filter(|review| review.vote.decides() && &review.reviewer != *person);
        others.map(|review| review.at).max().is_none_or(|reviewed| **at >= reviewed)
    };
    writes.iter().filter(since).map(|(person, _)| person.clone()).collect()
}

#[cfg(test)]
mod tests;

//! The parts of what stands behind a write, as entries tell of them: plain data, each with the entry that says so.

use serde::{Deserialize, Serialize};

use super::Told;
use crate::check::Conclusion;
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::entry::CheckRunRecord;
use crate::facts::Subject;
use crate::names::{GateName, PersonId, PluginName, Seat, Version};
use crate::review::{Review, Signature, Vote};
use crate::time::{Millis, rfc3339};
use crate::waiver::Endorsement;

/// Exactly what was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectSeen {
    pub version: Version,
    #[serde(with = "rfc3339")]
    pub created: Millis,
    pub source: String,
    /// Over the files of the model.
    pub manifest: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatFilled {
    pub gate: GateName,
    /// `false`: the gate only monitors.
    pub enforced: bool,
    pub seat: Seat,
    pub needed: u32,
    pub signed: Vec<PersonId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSeen {
    pub entry: u64,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub by: PersonId,
    pub seat: Option<Seat>,
    pub vote: Vote,
    pub rationale: String,
    /// Whether the write rests on it.
    pub counts: bool,
    /// From opening the evidence to the vote.
    pub looked_for_ms: Option<i64>,
    pub signature: Option<Signed>,
}

/// An electronic signature, with everything that its manifestation must show (21 CFR 11.50).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub name: String,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub meaning: String,
    pub proved_by: String,
    pub over: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSeen {
    pub entry: u64,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub plugin: PluginName,
    pub conclusion: String,
    pub plugin_digest: Digest,
    pub config_digest: Digest,
    pub input_digest: Digest,
    pub transcript_digest: Digest,
    pub outcome_digest: Digest,
}

/// An emergency that opened the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlassBroken {
    pub entry: u64,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub by: PersonId,
    pub reason: String,
    pub ticket: String,
    pub drill: bool,
    /// Seats whose people were passed over.
    pub skipped: Vec<Seat>,
    pub reviewed: Option<Endorsed>,
}

/// Somebody's word on an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsed {
    pub entry: u64,
    pub by: PersonId,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub rationale: String,
}

impl Endorsed {
    pub(crate) fn new(entry: u64, word: &Endorsement) -> Self {
        Self { entry, by: word.by.clone(), at: word.at, rationale: word.rationale.clone() }
    }
}

impl CheckSeen {
    /// Whether it lets a promotion go on.
    #[must_use]
    pub fn passed(&self) -> bool {
        [Conclusion::Pass, Conclusion::Warn].iter().any(|good| good.as_str() == self.conclusion)
    }
}

impl SubjectSeen {
    pub(super) fn of(subject: &Subject) -> Self {
        Self {
            version: subject.version,
            created: subject.created,
            source: subject.source.clone(),
            manifest: subject.manifest,
        }
    }
}

impl ReviewSeen {
    pub(crate) fn of(entry: u64, review: &Review, gates: &[GateVerdict]) -> Self {
        let signed = gates.iter().flat_map(|gate| &gate.seats).any(|(seat, count)| {
            let here = review.seat.as_ref().is_none_or(|named| named == seat);
            here && count.signed.contains(&review.reviewer)
        });
        Self {
            entry,
            at: review.at,
            by: review.reviewer.clone(),
            seat: review.seat.clone(),
            vote: review.vote,
            rationale: review.rationale.clone(),
            counts: signed && review.vote == Vote::Approve,
            looked_for_ms: review.looked_for,
            signature: review.signature.as_ref().map(Signed::of),
        }
    }
}

impl Signed {
    fn of(signature: &Signature) -> Self {
        Self {
            name: signature.name.clone(),
            at: signature.at,
            meaning: signature.meaning.clone(),
            proved_by: signature.method.phrase().to_owned(),
            over: signature.binding,
        }
    }
}

impl CheckSeen {
    pub(crate) fn of(told: &Told, run: &CheckRunRecord) -> Self {
        Self {
            entry: told.index,
            at: told.at,
            plugin: run.plugin.clone(),
            conclusion: run.conclusion.clone(),
            plugin_digest: run.plugin_digest,
            config_digest: run.config_digest,
            input_digest: run.input_digest,
            transcript_digest: run.transcript_digest,
            outcome_digest: run.outcome_digest,
        }
    }
}

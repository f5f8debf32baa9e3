//! Packs: what a text asks for, as dated data, and which evidence answers each clause. A pack is no legal advice and
//! certifies nothing; a clause that nothing of ours touches says so.

use serde::{Deserialize, Serialize};

use super::{Audit, Found, Selector};

/// One text, as of one date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// As it is asked for: `eu-ai-act`.
    pub id: String,
    pub title: String,
    /// What was read, as it is cited.
    pub text: String,
    /// The date of the text: a day.
    pub dated: String,
    /// Where it can be read.
    pub source: String,
    /// From when it binds, and whom, in words.
    #[serde(default)]
    pub applies: String,
    /// What a reader must know before relying on it.
    #[serde(default)]
    pub note: String,
    #[serde(rename = "clause")]
    pub clauses: Vec<Clause>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    pub id: String,
    /// What it asks for, in our words.
    pub asks: String,
    #[serde(default)]
    pub evidence: Vec<Selector>,
    /// What of it our evidence does not show. Must be said where there is no evidence.
    #[serde(default)]
    pub not_covered: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    #[error("{0}")]
    Toml(String),
    #[error("pack `{0}` is dated `{1}`: write the day of its text, as in `2024-07-12`")]
    Date(String, String),
    #[error("pack `{0}` has no clause: give it at least one `[[clause]]`")]
    Empty(String),
    #[error("clause `{clause}` of pack `{pack}` names no evidence: say in `not_covered` what is missing")]
    Silent { pack: String, clause: String },
    #[error("clause `{clause}` is in pack `{pack}` twice: give each an id of its own")]
    Twice { pack: String, clause: String },
}

/// How far a clause is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// There is evidence for all that it asks, as the pack has it.
    Answered,
    /// There is evidence, and something that it asks for is not here.
    InPart,
    /// Countersign would have evidence, and there is none in this document.
    NothingRecorded,
    /// Countersign has no evidence for it.
    NotCovered,
}

/// A pack held against a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub id: String,
    pub title: String,
    pub text: String,
    pub dated: String,
    pub source: String,
    pub applies: String,
    pub note: String,
    pub clauses: Vec<ClauseAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseAnswer {
    pub id: String,
    pub asks: String,
    pub cover: Cover,
    pub evidence: Vec<Found>,
    pub not_covered: String,
}

impl Cover {
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Answered => "Evidence here",
            Self::InPart => "In part",
            Self::NothingRecorded => "Nothing recorded",
            Self::NotCovered => "Not covered here",
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::InPart => "in-part",
            Self::NothingRecorded => "nothing-recorded",
            Self::NotCovered => "not-covered",
        }
    }
}

impl Pack {
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let pack: Self = toml::from_str(text).map_err(|error| PackError::Toml(error.to_string()))?;
        let is_day =
            pack.dated.len() == "2024-07-12".len() && pack.dated.parse::<crate::time::Millis>().is_ok();
        if !is_day {
            return Err(PackError::Date(pack.id, pack.dated));
        }
        if pack.clauses.is_empty() {
            return Err(PackError::Empty(pack.id));
        }
        for (place, clause) in pack.clauses.iter().enumerate() {
            let (of, id) = (|| pack.id.clone(), || clause.id.clone());
            if clause.evidence.is_empty() && clause.not_covered.trim().is_empty() {
                return Err(PackError::Silent { pack: of(), clause: id() });
            }
            if pack.clauses.iter().take(place).any(|earlier| earlier.id == clause.id) {
                return Err(PackError::Twice { pack: of(), clause: id() });
            }
        }
        Ok(pack)
    }

    /// What of it a document answers.
    #[must_use]
    pub fn answered(&self, audit: &Audit) -> Answered {
        Answered {
            id: self.id.clone(),
            title: self.title.clone(),
            text: self.text.clone(),
            dated: self.dated.clone(),
            source: self.source.clone(),
            applies: self.applies.clone(),
            note: self.note.clone(),
            clauses: self.clauses.iter().map(|clause| clause.answered(audit)).collect(),
        }
    }
}

impl Clause {
    fn answered(&self, audit: &Audit) -> ClauseAnswer {
        let evidence: Vec<Found> = self.evidence.iter().map(|selector| selector.found(audit)).collect();
        let any = evidence.iter().any(|found| found.count > 0);
        let cover = match (self.evidence.is_empty(), any, self.not_covered.is_empty()) {
            (true, ..) => Cover::NotCovered,
            (false, false, _) => Cover::NothingRecorded,
            (false, true, true) => Cover::Answered,
            (false, true, false) => Cover::InPart,
        };
        let (id, asks, not_covered) = (self.id.clone(), self.asks.clone(), self.not_covered.clone());
        ClauseAnswer { id, asks, cover, evidence, not_covered }
    }
}

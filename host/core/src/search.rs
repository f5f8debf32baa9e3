//! What one box asks of the requests: `model:credit* tier:high state:open seat:risk by:ana alias:champion`.
//!
//! Several words of one key ask for any of them, words of several keys for all. A word without a key is part of a
//! model's name. [`Card`] is what of a request is looked at: little, so that a list of thousands can be gone through.
//! This module must not know: where cards are kept, who is called what, how a page shows the box.

mod card;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use self::card::Card;
use crate::names::{Pattern, PersonId};

/// Nobody types more.
pub const LONGEST: usize = 500;

/// What a word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Model,
    Alias,
    Stage,
    Tier,
    State,
    /// A seat that still lacks a signature.
    Seat,
    /// Who asked.
    By,
    /// A check that failed, or could not judge.
    Check,
}

impl Key {
    pub const ALL: [Self; 8] =
        [Self::Model, Self::Alias, Self::Stage, Self::Tier, Self::State, Self::Seat, Self::By, Self::Check];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Alias => "alias",
            Self::Stage => "stage",
            Self::Tier => "tier",
            Self::State => "state",
            Self::Seat => "seat",
            Self::By => "by",
            Self::Check => "check",
        }
    }
}

/// Words for `state:`; the first two stand for several states.
pub const STATES: [&str; 18] = [
    "open",
    "ended",
    "blocked",
    "in-review",
    "approved",
    "applying",
    "applied",
    "rejected",
    "withdrawn",
    "superseded",
    "lapsed",
    "expired",
    "suspended",
    "revoked",
    "stale",
    "bypassed",
    "waived",
    "break-glass",
];

/// What somebody asks for. It says itself in the spelling that it is read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    words: Vec<(Key, Pattern)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    #[error("`{0}` is no key here: write one of {keys}", keys = listed(Key::ALL.map(Key::as_str)))]
    Key(String),
    #[error("`{key}:` has no value: write one behind it without a space, as in `{key}:credit`, or take it out", key = .0.as_str())]
    NoValue(Key),
    #[error("`{0}` is no state: write one of {states}", states = listed(STATES))]
    State(String),
    #[error("a quotation mark is not closed: write `model:\"two words\"`")]
    Quote,
    #[error("that is longer than {LONGEST} characters: ask for less at once")]
    Long,
}

fn listed<const N: usize>(words: [&str; N]) -> String {
    words.join(", ")
}

impl FromStr for Search {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        if text.chars().count() > LONGEST {
            return Err(SearchError::Long);
        }
        Ok(Self { words: parse::words(text)? })
    }
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (key, value)) in self.words.iter().enumerate() {
            let space = if nth == 0 { "" } else { " " };
            write!(f, "{space}{}:{}", key.as_str(), parse::quoted(value.as_str()))?;
        }
        Ok(())
    }
}

impl Search {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The values of one key.
    pub fn of(&self, key: Key) -> impl Iterator<Item = &str> {
        self.words.iter().filter(move |word| word.0 == key).map(|word| word.1.as_str())
    }

    /// The states of requests that are asked for, where only states are: a flag is found in any.
    #[must_use]
    pub fn states(&self) -> Option<Vec<&'static str>> {
        let mut states = Vec::new();
        for word in self.of(Key::State) {
            states.extend(card::states(word)?);
        }
        (!states.is_empty()).then_some(states)
    }

    /// With ids in place of the names of people.
    #[must_use]
    pub fn by_id(self, id: impl Fn(&str) -> PersonId) -> Self {
        let named = |(key, value): (Key, Pattern)| match key {
            Key::By => (key, Pattern::new(id(value.as_str()).as_str())),
            _ => (key, value),
        };
        Self { words: self.words.into_iter().map(named).collect() }
    }

    /// Whether a request is asked for. Of people only ids are known: see [`Search::by_id`].
    #[must_use]
    pub fn wants(&self, card: &Card) -> bool {
        Key::ALL.into_iter().all(|key| {
            let mut words = self.words.iter().filter(|word| word.0 == key).map(|word| &word.1).peekable();
            words.peek().is_none() || words.any(|value| card.is(key, value))
        })
    }
}

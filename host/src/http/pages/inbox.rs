//! The inbox: every promotion request, and first those that wait for the viewer.

use askama::Template;
use countersign_core::search::Key;
pub use countersign_core::search::LONGEST;

use super::parts::count;
use super::pictures::Unit;
use super::{Chip, Chrome, ModelAt, Person, When};
use crate::app::COUNTED;
use crate::http::negotiate::encoded;

/// What the box asks by.
pub const KEYS: [Key; 8] = Key::ALL;

#[derive(Debug, Template)]
#[template(path = "inbox.html")]
pub struct InboxPage {
    pub chrome: Chrome,
    pub tab: Tab,
    pub needs_my_review: usize,
    pub requested_by_me: usize,
    pub all: usize,
    pub rows: Vec<InboxRow>,
    pub search: SearchBox,
    /// Emergencies that passed a seat of the viewer over.
    pub skipped: Vec<Skipped>,
    /// The page with older requests.
    pub older: Option<String>,
}

/// The box above the list.
#[derive(Debug, Clone, Default)]
pub struct SearchBox {
    /// As it was typed.
    pub typed: String,
    /// Why it means nothing.
    pub wrong: Option<String>,
}

impl SearchBox {
    fn is_set(&self) -> bool {
        !self.typed.trim().is_empty()
    }

    /// `&q=…` for an address.
    #[must_use]
    pub fn query(&self) -> String {
        if self.is_set() { format!("&q={}", encoded(self.typed.trim())) } else { String::new() }
    }
}

/// When a request is likely to be decided.
#[derive(Debug, Clone)]
pub enum Expected {
    By(When),
    /// Later than nearly all; half took no longer than this, in milliseconds.
    Late(i64),
}

impl Expected {
    /// `2026-11-30`, or how it is late.
    fn words(&self) -> String {
        match self {
            Self::By(when) => when.exact.get(..10).unwrap_or(&when.exact).to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "said with two digits")]
            Self::Late(usual) => format!("late: half took {}", Unit::Time.say(*usual as f64)),
        }
    }

    const fn when(&self) -> Option<&When> {
        if let Self::By(when) = self { Some(when) } else { None }
    }
}

/// An emergency that passed the viewer over, until they say that they have seen it.
#[derive(Debug, Clone)]
pub struct Skipped {
    pub id: String,
    pub request: String,
    pub action: String,
    pub by: Person,
    pub at: When,
    pub reason: String,
    pub ticket: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    NeedsMyReview,
    RequestedByMe,
    All,
}

impl Tab {
    /// As in `?tab=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsMyReview => "review",
            Self::RequestedByMe => "mine",
            Self::All => "all",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::NeedsMyReview, Self::RequestedByMe, Self::All].into_iter().find(|tab| tab.as_str() == text)
    }
}

#[derive(Debug, Clone)]
pub struct InboxRow {
    pub id: String,
    pub chips: Vec<Chip>,
    /// What it is about: several workspaces may have one of the same name.
    pub model: ModelAt,
    /// ``Set alias `champion` of credit to version 7``.
    pub action: String,
    /// Who must act next.
    pub headline: String,
    /// What else is not met: `check fairness failed`.
    pub missing: Vec<String>,
    /// When it is likely to be decided, where that can be told.
    pub expected: Option<Expected>,
    /// Its place among those that wait for a seat.
    pub line: Vec<String>,
    pub requester: Person,
    pub opened: When,
    pub checks: CheckTally,
    pub signed: u32,
    pub needed: u32,
}

/// How many check runs ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckTally {
    /// Failed, or could not judge.
    pub failed: usize,
    pub warned: usize,
    pub passed: usize,
    pub skipped: usize,
}

impl CheckTally {
    /// Failures first: `1 failed · 3 passed`.
    #[must_use]
    pub fn summary(&self) -> String {
        let parts = [
            (self.failed, "failed".to_owned()),
            (self.warned, if self.warned == 1 { "warning".to_owned() } else { "warnings".to_owned() }),
            (self.passed, "passed".to_owned()),
            (self.skipped, "skipped".to_owned()),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        if parts.is_empty() { "no checks".to_owned() } else { parts.join(" · ") }
    }

    #[must_use]
    pub const fn tone(&self) -> &'static str {
        match self {
            Self { failed: 1.., .. } => "bad",
            Self { warned: 1.., .. } => "warning",
            _ => "quiet",
        }
    }
}

/// Counting ends somewhere.
fn counted(number: usize) -> String {
    if number < COUNTED { number.to_string() } else { format!("{}+", COUNTED - 1) }
}

impl InboxPage {
    fn tabs(&self) -> [(Tab, &'static str, String); 3] {
        [
            (Tab::NeedsMyReview, "Needs my review", counted(self.needs_my_review)),
            (Tab::RequestedByMe, "Requested by me", counted(self.requested_by_me)),
            (Tab::All, "All", counted(self.all)),
        ]
    }

    fn acknowledge_url(&self, skipped: &Skipped) -> String {
        format!("{}/exceptions/break-glass/{}/acknowledge", self.chrome.base, skipped.id)
    }

    /// What an empty tab says.
    fn empty(&self) -> (&'static str, &'static str) {
        match self.tab {
            _ if self.search.wrong.is_some() => {
                ("Not searched", "Correct what is in the box and search again.")
            }
            _ if self.search.is_set() && self.older.is_some() => (
                "No such request so far",
                "A few thousand requests were looked at; go on with those before them.",
            ),
            _ if self.search.is_set() => {
                ("No such request", "Nothing on this tab is like that. Try All, or ask for less.")
            }
            Tab::NeedsMyReview => (
                "Nothing waits for your signature",
                "When a promotion needs a seat that you may fill, it appears here.",
            ),
            Tab::RequestedByMe => (
                "You have not asked for a promotion",
                "Set a governed alias or stage as usual: a request opens by itself and appears here.",
            ),
            Tab::All => (
                "There is no promotion request yet",
                "The first write to a governed alias, stage or model opens one.",
            ),
        }
    }

    fn heading(&self) -> String {
        match self.needs_my_review {
            0 => "Promotion requests".to_owned(),
            COUNTED.. => format!("{} requests wait for your review", counted(self.needs_my_review)),
            n => format!("{} for your review", count(n, "request waits", "requests wait")),
        }
    }
}

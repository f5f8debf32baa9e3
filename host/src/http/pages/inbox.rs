//! The inbox: every promotion request, and first those that wait for the viewer.

use askama::Template;

use super::parts::count;
use super::{Chip, Chrome, Person, When};
use crate::app::COUNTED;

#[derive(Debug, Template)]
#[template(path = "inbox.html")]
pub struct InboxPage {
    pub chrome: Chrome,
    pub tab: Tab,
    pub needs_my_review: usize,
    pub requested_by_me: usize,
    pub all: usize,
    pub rows: Vec<InboxRow>,
    /// Emergencies that passed a seat of the viewer over.
    pub skipped: Vec<Skipped>,
    /// The page with older requests.
    pub older: Option<String>,
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
    pub model: String,
    pub version: Option<String>,
    /// ``Set alias `champion` of credit to version 7``.
    pub action: String,
    /// Who must act next.
    pub headline: String,
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

//! Who sits in which seat, who stands in for whom, and what waits for them.

use askama::Template;

use super::parts::count;
use super::{Chip, Chrome, Tone, When};

#[derive(Debug, Template)]
#[template(path = "people.html")]
pub struct PeoplePage {
    pub chrome: Chrome,
    /// The viewer's own seats, and how many requests wait for them; `None` for strangers.
    pub mine: Option<(Vec<String>, usize)>,
    pub seats: Vec<SeatCard>,
    /// What waits was counted up to a limit.
    pub more: bool,
    pub delegations: Vec<DelegationRow>,
    pub form: DelegationFields,
    /// The lines for the policy, or what is wrong.
    pub prepared: Option<Result<String, String>>,
}

#[derive(Debug, Clone)]
pub struct SeatCard {
    pub name: String,
    pub veto: bool,
    /// `production: 2 for tier high, 1 for tier low`.
    pub asked_by: Vec<String>,
    pub people: Vec<SeatPerson>,
    /// A group, and how many of it have been seen here.
    pub groups: Vec<String>,
    pub waiting: usize,
    /// The most that any gate asks for.
    pub needed: u32,
}

#[derive(Debug, Clone)]
pub struct SeatPerson {
    pub name: String,
    /// `member`, `by group`, `stands in for omar`.
    pub how: String,
    pub machine: bool,
    /// Nobody here has this name.
    pub unknown: bool,
    pub waiting: usize,
}

#[derive(Debug, Clone)]
pub struct DelegationRow {
    pub from: String,
    pub to: String,
    pub seat: String,
    pub starts: When,
    pub ends: When,
    pub chip: Chip,
}

/// As it was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct DelegationFields {
    pub from: String,
    pub to: String,
    pub seat: String,
    pub starts: String,
    pub ends: String,
}

impl DelegationFields {
    #[must_use]
    pub fn is_sent(&self) -> bool {
        [&self.from, &self.to, &self.starts, &self.ends].iter().any(|field| !field.is_empty())
    }
}

impl DelegationRow {
    /// `-1`: not yet, `0`: now, `1`: over.
    #[must_use]
    pub const fn chip_of(when: std::cmp::Ordering) -> Chip {
        match when {
            std::cmp::Ordering::Less => Chip::new("To come", "clock", Tone::Waiting),
            std::cmp::Ordering::Equal => Chip::new("Runs", "check", Tone::Good),
            std::cmp::Ordering::Greater => Chip::new("Over", "dash", Tone::Quiet),
        }
    }
}

impl SeatCard {
    /// Whether there are too few for what is asked; groups may have members who never came here.
    fn is_short(&self) -> bool {
        let can = self.people.iter().filter(|person| !person.machine && !person.unknown).count();
        self.groups.is_empty() && can < usize::try_from(self.needed).unwrap_or(usize::MAX)
    }

    fn waits(&self) -> String {
        match self.waiting {
            0 => "nothing waits".to_owned(),
            waiting => count(waiting, "request waits", "requests wait"),
        }
    }
}

//! How the server is: what was looked at, what was found, and what to do about it.

use askama::Template;

use super::{Chip, Chrome, Tone};

#[derive(Debug, Template)]
#[template(path = "health.html")]
pub struct HealthPage {
    pub chrome: Chrome,
    /// What is wrong comes first.
    pub rows: Vec<HealthRow>,
}

#[derive(Debug, Clone)]
pub struct HealthRow {
    pub about: &'static str,
    pub state: HealthState,
    pub says: String,
    pub todo: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthState {
    Bad,
    Warning,
    Good,
}

impl HealthRow {
    const fn chip(&self) -> Chip {
        match self.state {
            HealthState::Bad => Chip::new("Wrong", "cross", Tone::Bad),
            HealthState::Warning => Chip::new("Look at it", "alert", Tone::Warning),
            HealthState::Good => Chip::new("Well", "check", Tone::Good),
        }
    }
}

impl HealthPage {
    /// The worst of it in a sentence.
    fn headline(&self) -> String {
        let number = |state| self.rows.iter().filter(|row| row.state == state).count();
        let things = |number| super::parts::count(number, "thing", "things");
        match (number(HealthState::Bad), number(HealthState::Warning)) {
            (0, 0) => format!("All {} things that were looked at are well", self.rows.len()),
            (0, warned) => format!("Nothing is wrong; {} to look at", things(warned)),
            (bad, 0) => format!("{} wrong", are(bad, &things(bad))),
            (bad, warned) => format!("{} wrong, and {} to look at", are(bad, &things(bad)), things(warned)),
        }
    }
}

fn are(number: usize, things: &str) -> String {
    format!("{things} {}", if number == 1 { "is" } else { "are" })
}

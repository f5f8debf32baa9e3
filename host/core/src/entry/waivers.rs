//! Waivers as entries tell of them: asked for, then approved or revoked by entries of their own.
//!
//! One fold for everybody who must know what a waiver was at a moment.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Entry;
use crate::waiver::Waiver;

/// The waivers of the entries that were read so far.
#[derive(Debug, Clone, Default)]
pub struct Waivers(BTreeMap<Uuid, Waiver>);

impl Waivers {
    /// Takes the next entry, of whatever kind.
    pub fn read(&mut self, entry: &Entry) {
        match entry {
            Entry::WaiverAsked { waiver } => {
                // What became of it later is said by entries of their own.
                let asked = Waiver { approvals: Vec::new(), revoked: None, ..waiver.clone() };
                self.0.insert(waiver.id, asked);
            }
            Entry::WaiverApproved { waiver, word } => {
                self.0.entry(*waiver).and_modify(|waiver| waiver.approvals.push(word.clone()));
            }
            Entry::WaiverRevoked { waiver, word } => {
                self.0.entry(*waiver).and_modify(|waiver| waiver.revoked = Some(word.clone()));
            }
            _ => {}
        }
    }

    #[must_use]
    pub fn get(&self, id: &Uuid) -> Option<&Waiver> {
        self.0.get(id)
    }

    pub fn values(&self) -> impl Iterator<Item = &Waiver> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiver::Requirement;
    use crate::waiver::tests::{waiver, word};

    fn asked() -> Entry {
        let seat = Requirement::Seat { gate: "production".into(), seat: "risk".into() };
        // An entry that says more than was known then is not believed.
        let waiver =
            Waiver { approvals: vec![word("mallory")], revoked: Some(word("mallory")), ..waiver(seat) };
        Entry::WaiverAsked { waiver }
    }

    /// `approvals/revoked` after the entries.
    fn check(entries: &[Entry], expect: &str) {
        let mut waivers = Waivers::default();
        entries.iter().for_each(|entry| waivers.read(entry));
        let said = waivers.get(&Uuid::nil()).map(|found| {
            let approvals: Vec<&str> = found.approvals.iter().map(|word| word.by.as_str()).collect();
            format!("{}/{}", approvals.join("+"), found.revoked.is_some())
        });
        assert_eq!(said.unwrap_or_default(), expect);
    }

    #[test]
    fn each_entry_says_what_it_is_about() {
        let approved = |who: &str| Entry::WaiverApproved { waiver: Uuid::nil(), word: word(who) };
        let revoked = || Entry::WaiverRevoked { waiver: Uuid::nil(), word: word("omar") };
        check(&[], "");
        check(&[asked()], "/false");
        check(&[asked(), approved("ruth"), approved("rob")], "ruth+rob/false");
        check(&[asked(), approved("ruth"), revoked()], "ruth/true");
        check(&[approved("ruth")], "");
    }
}

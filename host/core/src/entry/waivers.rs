//! Waivers as entries tell of them: asked for, then approved or revoked by entries of their own.
//!
//! One fold for everybody who must know what a waiver was at a moment.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Entry;
use crate::waiver::Waiver;

/// The waivers of the entries that were read so far.
#[derive(Debug, Clone, Default)]
pub struct Waivers(BTreeMap<Uuid, WaiverTold>);

/// A waiver, and the entries that told of it.
#[derive(Debug, Clone)]
pub struct WaiverTold {
    pub waiver: Waiver,
    pub asked: u64,
    /// One for each approval.
    pub approved: Vec<u64>,
    pub revoked: Option<u64>,
}

impl Waivers {
    /// Takes the next entry, of whatever kind, and its index.
    pub fn read(&mut self, index: u64, entry: &Entry) {
        match entry {
            Entry::WaiverAsked { waiver } => {
                // What became of it later is said by entries of their own.
                let waiver = Waiver { approvals: Vec::new(), revoked: None, ..waiver.clone() };
                let told = WaiverTold { waiver, asked: index, approved: Vec::new(), revoked: None };
                self.0.insert(told.waiver.id, told);
            }
            Entry::WaiverApproved { waiver, word } => {
                self.0.entry(*waiver).and_modify(|told| {
                    told.waiver.approvals.push(word.clone());
                    told.approved.push(index);
                });
            }
            Entry::WaiverRevoked { waiver, word } => {
                self.0.entry(*waiver).and_modify(|told| {
                    told.waiver.revoked = Some(word.clone());
                    told.revoked = Some(index);
                });
            }
            _ => {}
        }
    }

    #[must_use]
    pub fn get(&self, id: &Uuid) -> Option<&Waiver> {
        self.0.get(id).map(|told| &told.waiver)
    }

    pub fn values(&self) -> impl Iterator<Item = &Waiver> {
        self.0.values().map(|told| &told.waiver)
    }

    pub fn into_told(self) -> impl Iterator<Item = WaiverTold> {
        self.0.into_values()
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

    /// `approvals/revoked` after the entries, each word with the index of its entry.
    fn check(entries: &[Entry], expect: &str) {
        let mut waivers = Waivers::default();
        (0..).zip(entries).for_each(|(index, entry)| waivers.read(index, entry));
        let said = waivers.into_told().map(|WaiverTold { waiver, asked, approved, revoked }| {
            let words = waiver.approvals.iter().zip(approved);
            let approvals: Vec<String> = words.map(|(word, entry)| format!("{}@{entry}", word.by)).collect();
            let revoked =
                waiver.revoked.iter().zip(revoked).map(|(word, entry)| format!("{}@{entry}", word.by));
            format!("@{asked} {}/{}", approvals.join("+"), revoked.collect::<String>())
        });
        assert_eq!(said.collect::<Vec<_>>().join(", "), expect);
    }

    #[test]
    fn each_entry_says_what_it_is_about() {
        let approved = |who: &str| Entry::WaiverApproved { waiver: Uuid::nil(), word: word(who) };
        let revoked = || Entry::WaiverRevoked { waiver: Uuid::nil(), word: word("omar") };
        check(&[], "");
        check(&[asked()], "@0 /");
        check(&[asked(), approved("ruth"), approved("rob")], "@0 ruth@1+rob@2/");
        check(&[asked(), approved("ruth"), revoked()], "@0 ruth@1/omar@2");
        check(&[approved("ruth")], "");
    }
}

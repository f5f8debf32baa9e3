//! What did not go the usual way: waivers, broken glass, and what went round.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Range;
use crate::entry::{Entry, WaiverTold, Waivers};
use crate::held::{Account, Endorsed, GlassBroken, Name};
use crate::names::{PersonId, Version};
use crate::time::{Millis, rfc3339};
use crate::waiver::Endorsement;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceptions {
    pub waivers: Vec<WaiverSeen>,
    pub break_glass: Vec<GlassBroken>,
    /// Moves without a permit.
    pub bypasses: Vec<Round>,
    /// How often a gate that only monitors would not have let something pass.
    pub would_refuse: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverSeen {
    pub id: Uuid,
    pub entry: u64,
    pub requirement: String,
    pub reason: String,
    pub author: PersonId,
    pub owner: PersonId,
    #[serde(with = "rfc3339")]
    pub asked_at: Millis,
    #[serde(with = "rfc3339")]
    pub expires: Millis,
    pub approvals: Vec<Endorsed>,
    pub revoked: Option<Endorsed>,
}

impl WaiverSeen {
    fn of(WaiverTold { waiver, asked, approved, revoked }: WaiverTold) -> Self {
        let endorsed = |(word, entry): (&Endorsement, u64)| Endorsed::new(entry, word);
        Self {
            id: waiver.id,
            entry: asked,
            requirement: waiver.requirement.to_string(),
            reason: waiver.reason,
            author: waiver.author,
            owner: waiver.owner,
            asked_at: waiver.asked_at,
            expires: waiver.expires,
            approvals: waiver.approvals.iter().zip(approved).map(endorsed).collect(),
            revoked: waiver.revoked.iter().zip(revoked).map(endorsed).next(),
        }
    }
}

/// A name that was found moved without a permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    pub entry: u64,
    /// When it was found; it moved before.
    #[serde(with = "rfc3339")]
    pub at: Millis,
    /// `alias:champion`, `stage:Production:7` or `version:7`.
    pub what: String,
    pub was: Option<Version>,
    pub is: Option<Version>,
}

impl Round {
    /// `alias champion`, for people.
    #[must_use]
    pub fn words(&self) -> String {
        Name::of_entry(&self.what).map_or_else(|| self.what.replacen(':', " ", 1), |(name, _)| name.words())
    }
}

impl Exceptions {
    pub(super) fn people(&self) -> impl Iterator<Item = &PersonId> {
        let waived = self.waivers.iter().flat_map(|waiver| {
            let words = waiver.approvals.iter().chain(&waiver.revoked).map(|word| &word.by);
            [&waiver.author, &waiver.owner].into_iter().chain(words)
        });
        let broken = self.break_glass.iter();
        let broken = broken
            .flat_map(|used| std::iter::once(&used.by).chain(used.reviewed.iter().map(|word| &word.by)));
        waived.chain(broken)
    }
}

pub(super) fn all(account: &Account, range: Range) -> Exceptions {
    let (mut found, mut waivers) = (Exceptions::default(), Waivers::default());
    for told in account.entries() {
        waivers.read(told.index, &told.entry);
        match &told.entry {
            Entry::BrokeGlass { used } if range.has(used.at) => {
                found.break_glass.extend(account.emergency(used.id))
            }
            Entry::Bypassed(bypass) if range.has(told.at) => found.bypasses.push(Round {
                entry: told.index,
                at: told.at,
                what: bypass.what.clone(),
                was: bypass.was,
                is: bypass.is,
            }),
            Entry::WouldRefuse { .. } if range.has(told.at) => found.would_refuse += 1,
            _ => {}
        }
    }
    let ran = |told: &WaiverTold| range.meets(told.waiver.asked_at, Some(told.waiver.expires));
    found.waivers = waivers.into_told().filter(ran).map(WaiverSeen::of).collect();
    found.waivers.sort_by_key(|seen| seen.entry);
    found
}

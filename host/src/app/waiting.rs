//! Who waits for whom: how many requests wait for each seat and each person, and where each stands in the line of a
//! seat. Read from the lists of what waits, never from the requests.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::names::{PersonId, Seat};
use countersign_core::request::RequestId;
use countersign_core::review::Roster;

use super::lists::Waiting as Listed;
use super::{App, AppError, COUNTED};
use crate::store::{Scan, codec, keys};

/// More than these are not counted for one seat.
const MOST: usize = 500;

/// How many requests wait.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub by_seat: BTreeMap<Seat, usize>,
    pub by_person: BTreeMap<PersonId, usize>,
    /// There are more than were counted.
    pub more: bool,
}

/// The requests that wait for each of some seats, the oldest [`COUNTED`], oldest first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Lines(BTreeMap<Seat, Vec<RequestId>>);

/// The place of a request among those that wait for a seat. The oldest is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InLine {
    pub seat: Seat,
    /// `None`: behind the last that was counted.
    pub place: Option<usize>,
    /// [`COUNTED`] at most.
    pub of: usize,
}

impl App {
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting(&self) -> Result<Waiting, AppError> {
        let policy = &self.generation.load().policy;
        let roster = self.people.roster(policy, self.clock.now());
        let (mut waiting, mut people) = (Waiting::default(), BTreeMap::new());
        for holders in policy.seats() {
            let listed = self.listed(&holders.name, MOST)?;
            waiting.more |= listed.len() == MOST;
            for (id, what) in &listed {
                note(&mut people, &holders.name, *id, what, &roster);
            }
            waiting.by_seat.insert(holders.name.clone(), listed.len());
        }
        // Whoever may fill two of its seats has one request to look at.
        waiting.by_person = people.into_iter().map(|(person, ids)| (person, ids.len())).collect();
        Ok(waiting)
    }

    /// The lines before some seats.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lines_of(&self, seats: BTreeSet<Seat>) -> Result<Lines, AppError> {
        let mut lines = BTreeMap::new();
        for seat in seats {
            let ids = self.store.scan(&Scan::prefix(keys::requests_waiting(seat.as_str())).limit(COUNTED))?;
            let ids = ids.iter().filter_map(|(key, _)| key.last_id()).map(RequestId).collect();
            lines.insert(seat, ids);
        }
        Ok(Lines(lines))
    }

    fn listed(&self, seat: &Seat, most: usize) -> Result<Vec<(RequestId, Listed)>, AppError> {
        let rows = self.store.scan(&Scan::prefix(keys::requests_waiting(seat.as_str())).limit(most))?;
        let row = |(key, value)| {
            let what = codec::decode(key, value);
            key.last_id().map(|id| Ok((RequestId(id), what?)))
        };
        rows.iter().map(|(key, value)| (key, value.as_slice())).filter_map(row).collect()
    }
}

fn note(
    people: &mut BTreeMap<PersonId, BTreeSet<RequestId>>,
    seat: &Seat,
    id: RequestId,
    what: &Listed,
    roster: &Roster,
) {
    let members = roster.seats.get(seat).into_iter().flatten();
    let delegates = roster.delegates.get(seat).into_iter().flat_map(BTreeMap::keys);
    for person in members.chain(delegates).filter(|person| what.is_for(person, seat, roster)) {
        people.entry(person.clone()).or_default().insert(id);
    }
}

impl Lines {
    /// Where a request stands, in each of the lines that it is in.
    #[must_use]
    pub fn of(&self, id: RequestId, seats: &BTreeSet<Seat>) -> Vec<InLine> {
        let places = seats.iter().filter_map(|seat| {
            let line = self.0.get(seat)?;
            let place = line.iter().position(|other| *other == id).map(|before| before + 1);
            let behind = line.len() >= COUNTED && line.last().is_some_and(|last| *last < id);
            (place.is_some() || behind).then(|| InLine { seat: seat.clone(), place, of: line.len() })
        });
        places.collect()
    }
}

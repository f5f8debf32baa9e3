//! Who waits for whom: of the requests in review, how many wait for each seat and each person.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::names::{PersonId, Seat};
use countersign_core::request::PromotionRequest;
use countersign_core::review::{Roster, may_fill};

use super::{App, AppError, RequestFilter};

/// More than these are not counted.
const COUNTED: usize = 500;

/// How many requests wait.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub by_seat: BTreeMap<Seat, usize>,
    pub by_person: BTreeMap<PersonId, usize>,
    /// There are more than were counted.
    pub more: bool,
}

impl App {
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting(&self) -> Result<Waiting, AppError> {
        let state = Some("in-review".to_owned());
        let requests = self.requests(&RequestFilter { state, limit: COUNTED, ..RequestFilter::default() })?;
        let roster = self.people.roster(&self.generation.load().policy, self.clock.now());
        let mut waiting = Waiting { more: requests.len() == COUNTED, ..Waiting::default() };
        for request in &requests {
            waiting.add(request, &roster);
        }
        Ok(waiting)
    }
}

impl Waiting {
    fn add(&mut self, request: &PromotionRequest, roster: &Roster) {
        let (mut seats, mut people) = (BTreeSet::new(), BTreeSet::new());
        for (seat, count) in request.gates.iter().flat_map(|gate| &gate.seats) {
            if u32::try_from(count.signed.len()).unwrap_or(u32::MAX) >= count.needed {
                continue;
            }
            let members = roster.seats.get(seat).into_iter().flatten();
            let delegates = roster.delegates.get(seat).into_iter().flat_map(BTreeMap::keys);
            let may = |person: &&PersonId| {
                may_fill(person, seat, roster, &request.authors).is_ok() && !count.signed.contains(*person)
            };
            people.extend(members.chain(delegates).filter(may).cloned());
            seats.insert(seat.clone());
        }
        seats.into_iter().for_each(|seat| *self.by_seat.entry(seat).or_default() += 1);
        people.into_iter().for_each(|person| *self.by_person.entry(person).or_default() += 1);
    }
}

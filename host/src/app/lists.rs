//! Lists of requests, kept in the store: by state, by who asked, by the seat that they wait for; each in a few words,
//! to be searched. Each is written in the batch that writes what it lists, so that a page reads what it shows and no more,
//! however many requests there are. The lists of the ledger's entries: [`super::listed`].

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::names::{PersonId, Seat};
use countersign_core::request::{PromotionRequest, RequestId, State};
use countersign_core::review::{Authors, Roster, may_fill};
use countersign_core::search::Card;
use serde::{Deserialize, Serialize};

use super::{App, AppError};
use crate::auth::Identity;
use crate::store::{Batch, Key, Scan, codec, keys};

/// Nobody reads a number that is larger than this: counting ends here.
pub const COUNTED: usize = 100;

/// Which lists there are: a store with those of an earlier version gets the others.
const KEPT: &[u8] = b"2";

/// How many rows of a list are read at a time.
const AT_ONCE: usize = 256;

/// How many requests there are, each [`COUNTED`] at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub waiting_for_me: usize,
    pub asked_by_me: usize,
    pub all: usize,
}

/// What decides whether a request waits for somebody in one seat.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    authors: Authors,
    signed: BTreeSet<PersonId>,
}

impl Waiting {
    pub(super) fn is_for(&self, person: &PersonId, seat: &Seat, roster: &Roster) -> bool {
        self.authors.requester.as_ref() != Some(person)
            && !self.signed.contains(person)
            && may_fill(person, seat, roster, &self.authors).is_ok()
    }
}

/// Where a request is listed.
fn places(request: &PromotionRequest) -> Result<BTreeMap<Key, Vec<u8>>, AppError> {
    let id = request.id.0;
    let mut places = BTreeMap::new();
    places.insert(keys::request_cards().id(id), codec::encode(&Card::of(request))?);
    places.insert(keys::requests_in_state(request.state.as_str()).id(id), codec::encode_raw(&[]));
    if let Some(person) = &request.authors.requester {
        places.insert(keys::requests_of_person(person.as_str()).id(id), codec::encode_raw(&[]));
    }
    // Where a check is in the way, a signature moves nothing.
    if matches!(request.state, State::InReview) {
        for (seat, count) in request.gates.iter().flat_map(|gate| &gate.seats) {
            if count.is_lacking() {
                let waiting = Waiting { authors: request.authors.clone(), signed: count.signed.clone() };
                places.insert(keys::requests_waiting(seat.as_str()).id(id), codec::encode(&waiting)?);
            }
        }
    }
    if let Some(seat) = request.sample_waits_for() {
        let waiting = Waiting { authors: request.authors.clone(), signed: BTreeSet::new() };
        places.insert(keys::requests_waiting(seat.as_str()).id(id), codec::encode(&waiting)?);
    }
    Ok(places)
}

/// Lists a request as it is now, and no longer as it was.
pub(super) fn move_in_lists(
    batch: Batch,
    before: Option<&PromotionRequest>,
    now: &PromotionRequest,
) -> Result<Batch, AppError> {
    let (mut was, is) = (before.map(places).transpose()?.unwrap_or_default(), places(now)?);
    let mut batch = batch;
    for (key, value) in is {
        if was.remove(&key).as_ref() != Some(&value) {
            batch = batch.put(key, value);
        }
    }
    Ok(was.into_keys().fold(batch, Batch::delete))
}

impl App {
    /// Lists the requests of a store that was written before there were these lists.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) async fn list_requests(&self) -> Result<(), AppError> {
        if self.store.get(&keys::requests_indexed())?.is_some_and(|kept| kept == codec::encode_raw(KEPT)) {
            return Ok(());
        }
        let mut scan = Scan::prefix(keys::requests()).limit(AT_ONCE);
        loop {
            let rows = self.store.scan(&scan)?;
            let mut batch = Batch::new();
            for (key, value) in &rows {
                batch = move_in_lists(batch, None, &codec::decode(key, value)?)?;
            }
            self.store.commit(batch).await?;
            match rows.last() {
                Some((last, _)) if rows.len() == AT_ONCE => scan = scan.after(last.clone()),
                _ => break,
            }
        }
        Ok(self.store.commit(Batch::new().put(keys::requests_indexed(), codec::encode_raw(KEPT))).await?)
    }

    /// How many requests there are for somebody to see.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts(&self, who: Option<&Identity>) -> Result<Counts, AppError> {
        let of = |prefix: Key| Ok::<_, AppError>(self.request_ids(prefix, None, COUNTED)?.len());
        let Some(who) = who else {
            return Ok(Counts { all: of(keys::request_cards())?, ..Counts::default() });
        };
        Ok(Counts {
            waiting_for_me: self.waiting_for(who, None, COUNTED)?.len(),
            asked_by_me: of(keys::requests_of_person(who.person.as_str()))?,
            all: of(keys::request_cards())?,
        })
    }

    /// A request in a few words.
    pub(super) fn card(&self, id: RequestId) -> Result<Card, AppError> {
        let key = keys::request_cards().id(id.0);
        match self.store.get(&key)? {
            Some(value) => Ok(codec::decode(&key, &value)?),
            None => Ok(Card::of(&self.load_request(id)?.value)),
        }
    }

    /// The newest of several lists before a request, newest first.
    pub(super) fn merged(
        &self,
        lists: &[Key],
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestId>, AppError> {
        let mut found = BTreeSet::new();
        for list in lists {
            found.extend(self.request_ids(list.clone(), after.map(|id| list.clone().id(id.0)), limit)?);
        }
        Ok(found.into_iter().rev().take(limit).collect())
    }

    /// The requests that need a seat that this person may fill and has not filled, newest first.
    pub(super) fn waiting_for(
        &self,
        who: &Identity,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestId>, AppError> {
        let policy = &self.generation.load().policy;
        let roster = self.people.roster(policy, self.clock.now());
        let mut found = BTreeSet::new();
        for seat in self.people.seats_of(policy, who, self.clock.now()) {
            found.extend(self.waiting_in(&seat, &who.person, &roster, after, limit)?);
        }
        Ok(found.into_iter().rev().take(limit).collect())
    }

    fn waiting_in(
        &self,
        seat: &Seat,
        person: &PersonId,
        roster: &Roster,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<RequestId>, AppError> {
        let prefix = keys::requests_waiting(seat.as_str());
        let mut scan = Scan::prefix(prefix.clone()).newest_first().limit(AT_ONCE);
        if let Some(after) = after {
            scan = scan.after(prefix.id(after.0));
        }
        let mut found = Vec::new();
        loop {
            let rows = self.store.scan(&scan)?;
            for (key, value) in &rows {
                let waiting: Waiting = codec::decode(key, value)?;
                let id = key.last_id().filter(|_| waiting.is_for(person, seat, roster));
                found.extend(id.map(RequestId));
            }
            match rows.last() {
                Some((last, _)) if rows.len() == AT_ONCE && found.len() < limit => {
                    scan = scan.after(last.clone())
                }
                _ => return Ok(found),
            }
        }
    }
}

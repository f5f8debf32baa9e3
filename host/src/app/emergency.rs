//! Break-glass: a gate is opened for a short time, and looked at afterwards before it can be again.

use std::collections::BTreeSet;

use countersign_core::action::Placed;
use countersign_core::break_glass::BreakGlass;
use countersign_core::decide::{GateVerdict, Verdict};
use countersign_core::entry::Entry;
use countersign_core::names::PersonId;
use countersign_core::policy::Policy;
use countersign_core::request::{PromotionRequest, RequestId};
use countersign_core::time::Millis;
use uuid::Uuid;

use super::records::{Seen, put_request};
use super::review::{must_be_live, signed_in};
use super::{App, AppError};
use crate::auth::{Caller, Identity};
use crate::store::{Batch, Key, Scan, codec, keys};

/// An emergency as it is declared.
#[derive(Debug, Clone)]
pub struct NewEmergency {
    pub reason: String,
    pub ticket: String,
    /// Goes through the motions and changes nothing.
    pub drill: bool,
}

impl App {
    /// Opens the way for the write of one request, for as long as the policy says.
    ///
    /// # Errors
    /// `Forbidden` for those who may not, `Conflict` while the last use was not reviewed; both are recorded.
    pub async fn break_glass(
        &self,
        caller: &Caller,
        id: RequestId,
        new: NewEmergency,
    ) -> Result<BreakGlass, AppError> {
        let identity = signed_in(caller, "an emergency needs a name under it")?;
        let (generation, now) = (self.generation.load_full(), self.clock.now());
        let seen = self.load_request(id)?;
        must_be_live(&seen.value)?;
        let rule = generation.policy.break_glass();
        let until = rule.map_or(now, |rule| now.plus(rule.lasts));
        let used = declared(self.clock.new_id()?, &seen.value, &identity.person, new, (now, until));
        let roster = self.people.roster(&generation.policy, now);
        let checked = used.check(rule, &roster, &self.emergencies()?);
        self.or_recorded(checked, &used.by, &format!("break the glass for request {id}")).await?;
        tracing::warn!(
            request.id = %id, emergency.id = %used.id, emergency.ticket = used.ticket, emergency.drill = used.drill,
            "the glass was broken"
        );
        let mut batch = Batch::new().put(keys::emergency(used.id), codec::encode(&used)?);
        if !used.drill {
            let seen = seen.try_map(|request| Ok(request.broken_by_glass()?))?;
            // Of two at once, one finds that the other was first.
            batch = put_request(batch, &seen)?
                .expect_absent(keys::open_emergency())
                .put(keys::open_emergency(), codec::encode(&used.id)?);
        }
        self.record(&[Entry::BrokeGlass { used: used.clone() }], batch).await?;
        crash_point!(GlassBroken);
        Ok(used)
    }

    /// Somebody else has looked at it: it is closed, and the next one is possible.
    ///
    /// # Errors
    /// `Forbidden` for those who may not, which is recorded.
    pub async fn review_break_glass(
        &self,
        caller: &Caller,
        id: Uuid,
        rationale: &str,
    ) -> Result<BreakGlass, AppError> {
        let word = self.word(caller, rationale)?;
        let (key, seen) = self.load_emergency(id)?;
        let (generation, roster) = self.in_force();
        let reviewed = seen.value.clone().reviewed(word.clone(), generation.policy.break_glass(), &roster);
        let reviewed = self.or_recorded(reviewed, &word.by, &format!("review break-glass {id}")).await?;
        let closed = Batch::new().delete(keys::open_emergency());
        let batch = if reviewed.drill { Batch::new() } else { closed };
        self.replace(batch, (key, seen), &reviewed, Entry::BreakGlassReviewed { used: id, word }).await?;
        crash_point!(GlassReviewed);
        Ok(reviewed)
    }

    /// The emergencies that passed somebody over and that they have not said to have seen, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn skipped(&self, who: &Identity) -> Result<Vec<BreakGlass>, AppError> {
        let (_, roster) = self.in_force();
        let all = self.emergencies()?.into_iter();
        Ok(all.filter(|used| used.skips(&who.person, &roster)).collect())
    }

    /// Somebody who was passed over says that they have seen it.
    ///
    /// # Errors
    /// `Conflict` when they were not passed over, or have said so already.
    pub async fn acknowledge_skip(&self, caller: &Caller, id: Uuid) -> Result<BreakGlass, AppError> {
        let identity = signed_in(caller, "this needs a name under it")?;
        let (key, seen) = self.load_emergency(id)?;
        let (_, roster) = self.in_force();
        if !seen.value.skips(&identity.person, &roster) {
            let why = "you were not passed over by it, or have said already that you have seen it";
            return Err(AppError::Conflict(why.to_owned()));
        }
        let by = identity.person.clone();
        let mut used = seen.value.clone();
        used.seen_by.insert(by.clone());
        let entry = Entry::SkipAcknowledged { used: id, by };
        self.replace(Batch::new(), (key, seen), &used, entry).await?;
        Ok(used)
    }

    /// Every use, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn emergencies(&self) -> Result<Vec<BreakGlass>, AppError> {
        let rows = self.store.scan(&Scan::prefix(keys::emergencies()))?;
        rows.iter().map(|(key, value)| Ok(codec::decode(key, value)?)).collect()
    }

    fn load_emergency(&self, id: Uuid) -> Result<(Key, Seen<BreakGlass>), AppError> {
        let key = keys::emergency(id);
        let absent = || AppError::NotFound(format!("there was no break-glass {id}: see the list"));
        let seen = self.read_seen(&key)?.ok_or_else(absent)?;
        Ok((key, seen))
    }

    /// The one that a decision about this write must look at.
    pub(super) fn emergency_for(
        &self,
        policy: &Policy,
        placed: &Placed,
    ) -> Result<Option<BreakGlass>, AppError> {
        if policy.break_glass().is_none() {
            return Ok(None);
        }
        let Some(id) = self.read::<Uuid>(&keys::open_emergency())? else { return Ok(None) };
        let found: Option<BreakGlass> = self.read(&keys::emergency(id))?;
        Ok(found.filter(|used| &used.placed == placed))
    }
}

fn declared(
    id: Uuid,
    request: &PromotionRequest,
    by: &PersonId,
    new: NewEmergency,
    (at, until): (Millis, Millis),
) -> BreakGlass {
    let stands = |gate: &&GateVerdict| gate.verdict != Verdict::Satisfied;
    BreakGlass {
        id,
        request: request.id,
        placed: request.placed.clone(),
        by: by.clone(),
        reason: new.reason.trim().to_owned(),
        ticket: new.ticket.trim().to_owned(),
        at,
        until,
        drill: new.drill,
        skipped: request.gates.iter().filter(stands).cloned().collect(),
        reviewed: None,
        seen_by: BTreeSet::new(),
    }
}

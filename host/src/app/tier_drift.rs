//! Tier drift: the tier of everything that is live is found again, and compared with the one that it was approved
//! for. What has moved makes the approval stale and asks for it again, by the tier of now.
//!
//! held by a permit ► facts ► tier ► as approved, or an entry, a stale approval and a request that renews it

use std::collections::BTreeMap;

use countersign_core::action::{Action, Placed};
use countersign_core::decide::{GateVerdict, TierFound};
use countersign_core::entry::{Entry, Intent, Live};
use countersign_core::names::{ModelName, Seat, Tier, Version, Workspace};
use countersign_core::policy::{FactRead, Governance, Mode, tier};
use countersign_core::request::{PromotionRequest, RequestId, State, TierDrift};

use super::bypass::{Name, alias_name, stage_name, watched};
use super::judge::Asked;
use super::records::{Earlier, Holding, Seen, put_request};
use super::{App, AppError, Generation};
use crate::auth::Caller;
use crate::facts::FactsError;
use crate::store::{Batch, Key, codec, keys};

/// A version that a governed name holds by a permit of ours.
struct Held {
    live: Live,
    key: Key,
    seen: Seen<Holding>,
    intent: Intent,
    /// What it was approved for, and by which facts.
    tier: Tier,
    read: Vec<FactRead>,
}

impl App {
    /// Finds the tiers of all that is live again. Gives the number of those that moved since the last time.
    ///
    /// # Errors
    /// When the store cannot be read. What MLflow does not tell is looked at in the next round.
    pub async fn watch_tiers(&self, workspace: &Workspace) -> Result<usize, AppError> {
        let mut moved = 0;
        for model in self.models_with_holdings(workspace)? {
            moved += self.watch_tiers_of(workspace, &model).await?;
        }
        Ok(moved)
    }

    /// As [`App::watch_tiers`], of one model.
    pub(super) async fn watch_tiers_of(
        &self,
        workspace: &Workspace,
        model: &ModelName,
    ) -> Result<usize, AppError> {
        let generation = self.generation.load_full();
        if generation.policy.tiers().iter().all(|tier| tier.when.is_none()) {
            return Ok(0);
        }
        let names = self.known_holdings(workspace, model)?.into_keys();
        let mut moved = 0;
        for name in names.filter(|name| watched(&generation.policy, model, name).is_some()) {
            let Some(held) = self.held_by_permit(workspace, model, name)? else { continue };
            match self.watch_tier(&generation, held).await {
                Ok(found) => moved += usize::from(found),
                // Gone, or written by somebody else at this moment: the next round looks again.
                Err(AppError::Conflict(_) | AppError::Facts(FactsError::NotFound { .. })) => {}
                Err(error) => {
                    tracing::warn!(%error, model.name = %model, "the tier of a live version is not known")
                }
            }
        }
        Ok(moved)
    }

    /// What a name holds, where an intent of ours says how it got there and by which tier.
    fn held_by_permit(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        name: Name,
    ) -> Result<Option<Held>, AppError> {
        let key = keys::holding(workspace.as_str(), model.as_str(), &name);
        let Some(seen) = self.read_seen::<Holding>(&key)? else { return Ok(None) };
        let (Some(version), false) = (seen.value.version, seen.value.bypassed) else { return Ok(None) };
        let index = match seen.value.intent {
            Some(index) => Some(index),
            None => self.intent_from_before(workspace, model, &name, version)?,
        };
        let record = index.map(|index| self.ledger.get(index)).transpose()?.flatten();
        let Some(Entry::Intent(intent)) = record.as_ref().map(Self::entry_of).transpose()? else {
            return Ok(None);
        };
        let Some((tier, read)) = judged_by(&intent.gates) else { return Ok(None) };
        let request = self.approval_of(&intent)?.map(|seen| seen.value.id);
        let live = Live { workspace: workspace.clone(), model: model.clone(), version, what: name, request };
        Ok(Some(Held { live, key, seen, intent, tier, read }))
    }

    /// The intent behind a name that was written before its index was kept.
    fn intent_from_before(
        &self,
        workspace: &Workspace,
        model: &ModelName,
        name: &str,
        version: Version,
    ) -> Result<Option<u64>, AppError> {
        let found = self.requests_for(workspace, model, name, Some(version))?;
        Ok(found.into_iter().find_map(|seen| match seen.value.state {
            State::Applied { intent, .. } | State::Suspended { intent, .. } => Some(intent),
            _ => None,
        }))
    }

    /// The request by which a write was made. The same call made again rests on the one that it was first made by.
    fn approval_of(&self, intent: &Intent) -> Result<Option<Seen<PromotionRequest>>, AppError> {
        let mut at = match intent.request {
            Some(id) => Some(id),
            None => self.current_request(&intent.placed)?.map(|seen| seen.value.id),
        };
        while let Some(id) = at {
            let seen = self.load_request(id)?;
            let made = matches!(seen.value.state, State::Applied { .. } | State::Suspended { .. });
            if made && seen.value.binding == intent.binding {
                return Ok(Some(seen));
            }
            at = seen.value.previous;
        }
        Ok(None)
    }

    async fn watch_tier(&self, generation: &Generation, held: Held) -> Result<bool, AppError> {
        let live = &held.live;
        let snapshot = self.registry.get(&live.workspace, &live.model, live.version).await?;
        let (found, read) = generation.policy.tier_found(&snapshot.facts, &held.intent.placed.action);
        // A tier that cannot be told is neither the one nor another.
        let TierFound::Known(to) = found else { return Ok(false) };
        let before = held.seen.value.drift.as_ref();
        if to == held.tier {
            return if before.is_some() { self.restored(held).await } else { Ok(false) };
        }
        let drift = TierDrift {
            at: self.clock.now(),
            from: held.tier.clone(),
            changes: tier::changed(&held.read, &read),
            seats: seats(generation, &held.intent.gates, &to),
            read,
            renewal: None,
            to,
        };
        if drift.says_the_same(before) { Ok(false) } else { self.drifted(generation, held, drift).await }
    }

    async fn drifted(&self, generation: &Generation, held: Held, drift: TierDrift) -> Result<bool, AppError> {
        let renewal = self.ask_again(generation, &held).await.unwrap_or_else(|error| {
            tracing::warn!(%error, model.name = %held.live.model, "a stale approval is not asked for again");
            None
        });
        let drift = TierDrift { renewal, ..drift };
        tracing::warn!(
            model.name = %held.live.model, model.version = %held.live.version, name = held.live.what,
            tier.from = %drift.from, tier.to = %drift.to, "the tier of a live version has moved"
        );
        let entry = Entry::TierDrift { live: held.live.clone(), drift: drift.clone() };
        self.note_tier(held, Some(drift), entry, Batch::new()).await
    }

    async fn restored(&self, held: Held) -> Result<bool, AppError> {
        let entry = Entry::TierRestored { live: held.live.clone(), tier: held.tier.clone() };
        let renewal = held.seen.value.drift.as_ref().and_then(|drift| drift.renewal);
        let batch = self.renewal_ended(renewal, held.live.request)?;
        self.note_tier(held, None, entry, batch).await
    }

    /// Writes the entry with the name and the approval that it is about. Of two at once, one finds that the other
    /// was first.
    async fn note_tier(
        &self,
        held: Held,
        drift: Option<TierDrift>,
        entry: Entry,
        mut batch: Batch,
    ) -> Result<bool, AppError> {
        let holding = Holding { drift: drift.clone(), ..held.seen.value.clone() };
        batch = batch
            .expect_unchanged(held.key.clone(), held.seen.into_bytes())
            .put(held.key, codec::encode(&holding)?);
        if let Some(id) = held.live.request {
            let seen = self.load_request(id)?.try_map(|request| Ok(request.drifted(drift)))?;
            batch = put_request(batch, &seen)?;
        }
        self.metrics.approval_ending(entry.kind());
        self.record(&[entry], batch).await?;
        Ok(true)
    }

    /// Opens the request that renews an approval, in the name of whoever asked for it first; the one that is open
    /// already is brought up to date. `None` where Countersign could not make the write itself.
    async fn ask_again(&self, generation: &Generation, held: &Held) -> Result<Option<RequestId>, AppError> {
        let placed = &held.intent.placed;
        if !Self::applies(placed) {
            return Ok(None);
        }
        let earlier = self.earlier(placed)?;
        if let Earlier::Live(seen) = &earlier {
            return Ok(Some(Box::pin(self.judge_live(seen.value.id)).await?.id));
        }
        let holdings = self.holdings(&generation.policy, placed).await;
        let Governance::Gates(gates) = generation.policy.governs(&placed.action, &holdings) else {
            return Ok(None);
        };
        if gates.iter().all(|matched| matched.gate.mode != Mode::Enforce) {
            return Ok(None);
        }
        self.registry.look_again(placed);
        let requester = held.intent.authors.requester.clone().or_else(|| held.intent.by.clone());
        let asked = Asked { requester, ..Asked::default() };
        let judged = Box::pin(self.judge(generation, &gates, placed, asked)).await?;
        if earlier.stands_against(&judged).is_some() {
            return Ok(None);
        }
        // Nobody was refused: no call was made.
        let request = self.keep_request(&Caller::Anonymous, placed.clone(), judged, earlier, "allow").await?;
        Ok(Some(request.id))
    }

    /// The tier is as it was approved: what would have renewed it is not needed, unless somebody has spoken.
    fn renewal_ended(
        &self,
        renewal: Option<RequestId>,
        stands: Option<RequestId>,
    ) -> Result<Batch, AppError> {
        let (Some(renewal), Some(stands)) = (renewal, stands) else { return Ok(Batch::new()) };
        let seen = self.load_request(renewal)?;
        let untouched = seen.value.state.is_live() && seen.value.reviews.is_empty();
        if !untouched || matches!(seen.value.state, State::Applying { .. }) {
            return Ok(Batch::new());
        }
        let now = self.clock.now();
        let seen = seen.try_map(|request| Ok(request.superseded(stands, now)?))?;
        put_request(Batch::new(), &seen)
    }

    /// What is to be said of an approval that a held write had before.
    pub(super) fn stale_before(&self, placed: &Placed) -> Result<Option<TierDrift>, AppError> {
        let (model, name, version) = match &placed.action {
            Action::SetAlias { model, alias, version } => (model, alias_name(alias.as_str()), version),
            Action::TransitionStage { model, version, stage, .. } => {
                (model, stage_name(*stage, *version), version)
            }
            _ => return Ok(None),
        };
        let key = keys::holding(placed.workspace.as_str(), model.as_str(), &name);
        let holding: Option<Holding> = self.read(&key)?;
        Ok(holding.filter(|holding| holding.version == Some(*version)).and_then(|holding| holding.drift))
    }
}

fn judged_by(gates: &[GateVerdict]) -> Option<(Tier, Vec<FactRead>)> {
    let mut enforced = gates.iter().filter(|gate| gate.enforced);
    enforced.find_map(|gate| Some((gate.tier.known()?.clone(), gate.tier_facts.clone())))
}

/// Whom the gates ask at a tier.
fn seats(generation: &Generation, gates: &[GateVerdict], tier: &Tier) -> BTreeMap<Seat, u32> {
    let enforced = gates.iter().filter(|gate| gate.enforced);
    let asked = enforced.filter_map(|verdict| {
        let gate = generation.policy.gate(&verdict.gate)?;
        generation.policy.approvals(gate, tier)
    });
    let mut most = BTreeMap::new();
    for (seat, &count) in asked.flat_map(|approvals| &approvals.seats) {
        let before: &mut u32 = most.entry(seat.clone()).or_insert(count);
        *before = (*before).max(count);
    }
    most
}

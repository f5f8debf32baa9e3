//! The second entry of a governed write: how it ended.
//!
//! It is written behind the answer. What the caller was told is MLflow's own word, and the durable intent already
//! binds us to find out how it ended: a crash before the outcome is on disk leaves an orphan, which the sweeper
//! resolves against the registry, as it does for a crash before the answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::action::Placed;
use countersign_core::entry::{Entry, Intent, OutcomeResult};
use countersign_core::request::{PromotionRequest, State};
use futures_util::poll;
use uuid::Uuid;

use super::records::{Earlier, Seen, put_request};
use super::{App, AppError};
use crate::store::{Batch, keys};

/// A write that has ended.
pub(super) struct Concluded {
    pub(super) intent: Intent,
    /// Of the entry that announced it.
    pub(super) index: u64,
    pub(super) request: Option<Seen<PromotionRequest>>,
    pub(super) result: OutcomeResult,
}

/// The outcomes that are on their way to the disk, counted, and the uploads that have none yet.
#[derive(Debug, Default)]
pub struct Concluding(AtomicUsize, Mutex<BTreeSet<Uuid>>);

impl Concluding {
    /// Whether files are being written under this intent at this moment, however long that takes.
    pub(super) fn is_under_way(&self, intent: Uuid) -> bool {
        self.uploads().contains(&intent)
    }

    pub(super) fn uploads(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Writes how it ended, behind the answer. The write stands in the committer's queue before this returns, and
    /// the runtime carries it on from there.
    pub(super) async fn conclude_behind(self: &Arc<Self>, ended: Concluded) {
        let app = Arc::clone(self);
        self.concluding.0.fetch_add(1, Ordering::SeqCst);
        let mut written = Box::pin(async move {
            let Concluded { intent, index, request, result } = ended;
            app.conclude(&intent, index, request, &result).await;
            crash_point!(WriteConcluded);
            app.concluding.0.fetch_sub(1, Ordering::SeqCst);
        });
        if poll!(&mut written).is_pending() {
            tokio::spawn(written);
        }
    }

    /// Waits for outcomes that are on their way, so that whoever reads next sees what was answered before.
    ///
    /// # Errors
    /// When the store takes no more writes.
    pub async fn settled(&self) -> Result<(), AppError> {
        if self.concluding.0.load(Ordering::SeqCst) == 0 { Ok(()) } else { Ok(self.store.flush().await?) }
    }

    /// As [`App::earlier`]. An approved request may be one whose write has just been made.
    pub(super) async fn earlier_settled(&self, placed: &Placed) -> Result<Earlier, AppError> {
        let earlier = self.earlier(placed)?;
        if !earlier.is_approved() || self.concluding.0.load(Ordering::SeqCst) == 0 {
            return Ok(earlier);
        }
        self.settled().await?;
        self.earlier(placed)
    }

    /// Writes how it ended. Failing to leaves an orphan, which the sweeper resolves.
    pub(super) async fn conclude(
        &self,
        intent: &Intent,
        index: u64,
        request: Option<Seen<PromotionRequest>>,
        result: &OutcomeResult,
    ) {
        let concluded = match self.try_conclude(intent, index, request, result).await {
            // Somebody else wrote the request meanwhile, such as the same call made twice at once.
            Err(AppError::Conflict(_)) => self.conclude_beside(intent, index, result).await,
            concluded => concluded,
        };
        if let Err(error) = concluded {
            tracing::error!(error = %error, intent.index = index, "outcome not recorded, the sweeper will");
        }
    }

    /// Writes how it ended against the request as it is now.
    async fn conclude_beside(
        &self,
        intent: &Intent,
        index: u64,
        result: &OutcomeResult,
    ) -> Result<(), AppError> {
        const TRIES: usize = 8;
        for _ in 1..TRIES {
            let request = self.approved_request(intent)?;
            match self.try_conclude(intent, index, request, result).await {
                Err(AppError::Conflict(_)) => {}
                concluded => return concluded,
            }
        }
        let request = self.approved_request(intent)?;
        self.try_conclude(intent, index, request, result).await
    }

    /// The request that an intent was made for, where its write is not written down yet.
    pub(super) fn approved_request(
        &self,
        intent: &Intent,
    ) -> Result<Option<Seen<PromotionRequest>>, AppError> {
        let request = intent.request.map(|id| self.load_request(id)).transpose()?;
        Ok(request.filter(|seen| {
            let request = &seen.value;
            let broken = request.flags.break_glass && request.state.is_live();
            broken || matches!(request.state, State::Approved { .. } | State::Applying { .. })
        }))
    }

    pub(super) async fn try_conclude(
        &self,
        intent: &Intent,
        index: u64,
        request: Option<Seen<PromotionRequest>>,
        result: &OutcomeResult,
    ) -> Result<(), AppError> {
        if matches!(result, OutcomeResult::Unknown { .. }) {
            return Ok(());
        }
        let mut batch = Batch::new().delete(keys::open_intent(intent.id));
        if result.may_have_acted() {
            let now = self.clock.now();
            if let Some(seen) = request {
                let applied = seen.try_map(|request| Ok(request.applied(index, now)?))?;
                batch = put_request(batch, &applied)?;
            }
            batch = self.note_moved(batch, &intent.placed, (now, Some(index)))?;
        } else if let Some(seen) = request.filter(|seen| matches!(seen.value.state, State::Applying { .. })) {
            let now = self.clock.now();
            batch = put_request(batch, &seen.try_map(|request| Ok(request.not_applied(now)))?)?;
        }
        let entry = Entry::Outcome { intent: intent.id, result: result.clone() };
        self.record(std::slice::from_ref(&entry), batch).await?;
        self.tell_outcome(&intent.placed, intent.request);
        Ok(())
    }
}

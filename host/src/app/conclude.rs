//! The second entry of a governed write: how it ended.
//!
//! It is written behind the answer. What the caller was told is MLflow's own word, and the durable intent already
//! binds us to find out how it ended: a crash before the outcome is on disk leaves an orphan, which the sweeper
//! resolves against the registry, as it does for a crash before the answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::action::Placed;
use countersign_core::entry::{Entry, Intent, OutcomeResult};
use countersign_core::request::{PromotionRequest, State};
use tokio::sync::Notify;
use uuid::Uuid;

use super::govern::log_decision;
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
    /// Whether the decision is still to be logged: a line costs as much as a third of judging.
    pub(super) unlogged: bool,
}

/// The outcomes that are on their way to the disk, numbered, and the uploads that have none yet.
#[derive(Debug, Default)]
pub struct Concluding {
    begun: AtomicU64,
    pending: Mutex<BTreeSet<u64>>,
    ended: Notify,
    uploads: Mutex<BTreeSet<Uuid>>,
}

/// One outcome on its way, for as long as this lives.
struct OnItsWay {
    app: Arc<App>,
    number: u64,
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.app.concluding.pending().remove(&self.number);
        self.app.concluding.ended.notify_waiters();
    }
}

impl Concluding {
    fn begin(app: &Arc<App>) -> OnItsWay {
        let number = app.concluding.begun.fetch_add(1, Ordering::SeqCst);
        app.concluding.pending().insert(number);
        OnItsWay { app: Arc::clone(app), number }
    }

    /// Waits for those that are on their way now, not for any that begins meanwhile.
    async fn wait(&self) {
        let Some(last) = self.pending().last().copied() else { return };
        loop {
            let ended = self.ended.notified();
            if self.pending().first().is_none_or(|first| *first > last) {
                return;
            }
            ended.await;
        }
    }

    fn is_quiet(&self) -> bool {
        self.pending().is_empty()
    }

    fn pending(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether files are being written under this intent at this moment, however long that takes.
    pub(super) fn is_under_way(&self, intent: Uuid) -> bool {
        self.uploads().contains(&intent)
    }

    pub(super) fn uploads(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Writes how it ended, behind the answer: on the thread of a lane it begins when the answer is with the kernel. From now on [`App::settled`] waits for it.
    pub(super) fn conclude_behind(self: &Arc<Self>, ended: Concluded) {
        let on_its_way = Concluding::begin(self);
        tokio::spawn(async move {
            let Concluded { intent, index, request, result, unlogged } = ended;
            if unlogged {
                log_decision(&intent.placed, "allow");
            }
            on_its_way.app.conclude(&intent, index, request, &result).await;
            crash_point!(WriteConcluded);
        });
    }

    /// Waits for outcomes that are on their way, so that whoever reads next sees what was answered before.
    ///
    /// # Errors
    /// When the store takes no more writes.
    pub async fn settled(&self) -> Result<(), AppError> {
        self.concluding.wait().await;
        Ok(self.store.health()?)
    }

    /// As [`App::earlier`]. An approved request may be one whose write has just been made.
    pub(super) async fn earlier_settled(&self, placed: &Placed) -> Result<Earlier, AppError> {
        let earlier = self.earlier(placed)?;
        if !earlier.is_approved() || self.concluding.is_quiet() {
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

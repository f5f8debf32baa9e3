//! What time ends: requests that nobody settled, and approvals that have run out. Each step is an entry of its own.

use countersign_core::entry::Entry;
use countersign_core::request::{Fallback, PromotionRequest, State};

use super::records::{Seen, put_request};
use super::{App, AppError};
use crate::store::{Batch, Key, Scan, keys};

/// How many are looked at in one go: the next round has the rest.
const AT_ONCE: usize = 256;

/// What follows for one request from the time that it is.
enum Step {
    Ends(Box<PromotionRequest>),
    Warns(u16),
    FallsBack,
    ClosesWindow,
    Nothing,
}

impl App {
    /// Takes every step that has come due. Gives their number. What cannot be done now is tried again in the next
    /// round, and keeps nobody else waiting.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn age(&self) -> Result<usize, AppError> {
        let now = u64::try_from(self.clock.now().get()).unwrap_or_default();
        let mut taken = 0;
        for (key, _) in self.store.scan(&Scan::prefix(keys::dues()).limit(AT_ONCE))? {
            if key >= keys::due(now + 1, uuid::Uuid::nil()) {
                break;
            }
            match Box::pin(self.age_one(key)).await {
                Ok(done) => taken += usize::from(done),
                // Somebody settles it at this moment: the next round looks again.
                Err(AppError::Conflict(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "a request whose time has come is looked at again later")
                }
            }
        }
        Ok(taken)
    }

    async fn age_one(&self, due: Key) -> Result<bool, AppError> {
        let seen: Option<Seen<PromotionRequest>> = match due.last_id() {
            Some(id) => self.read_seen(&keys::request(id))?,
            None => None,
        };
        let step = seen.as_ref().map_or(Step::Nothing, |seen| self.step(&seen.value));
        match (step, seen) {
            (Step::Ends(ended), Some(seen)) => self.end(seen.try_map(|_| Ok(*ended))?, due).await,
            (Step::Warns(days), Some(seen)) => self.warn(seen, days, due).await,
            (Step::FallsBack, Some(seen)) => Box::pin(self.fall_back(seen)).await,
            (Step::ClosesWindow, Some(seen)) => Box::pin(self.close_window(seen, Some(due))).await,
            _ => {
                // The request was settled meanwhile, or has another time now, under another key.
                self.store.commit(Batch::new().delete(due)).await?;
                Ok(false)
            }
        }
    }

    fn step(&self, request: &PromotionRequest) -> Step {
        let now = self.clock.now();
        if let Some(window) = request.open_window() {
            return if window.until <= now { Step::ClosesWindow } else { Step::Nothing };
        }
        if let Some(ended) = request.aged(now) {
            return Step::Ends(Box::new(ended));
        }
        if let Some(days) = request.warning(now) {
            return Step::Warns(days);
        }
        match request.fallback {
            Some(Fallback::Due | Fallback::Moving { .. }) => Step::FallsBack,
            _ => Step::Nothing,
        }
    }

    async fn end(&self, ended: Seen<PromotionRequest>, due: Key) -> Result<bool, AppError> {
        let request = ended.value.id;
        let (entry, ended) = match ended.value.state {
            State::Expired { .. } => (Entry::Expired { request }, self.with_fallback(ended)?),
            _ => (Entry::Lapsed { request }, ended),
        };
        tracing::info!(request.id = %request, request.state = ended.value.state.as_str(), "time has ended a request");
        self.metrics.approval_ending(entry.kind());
        let batch = put_request(Batch::new().delete(due), &ended)?;
        self.record(&[entry], batch).await?;
        crash_point!(RequestEnded);
        Ok(true)
    }
}

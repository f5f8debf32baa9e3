//! What time ends: requests that nobody settled, and approvals that have run out.

use countersign_core::entry::Entry;
use countersign_core::request::{PromotionRequest, State};

use super::records::{Seen, put_request};
use super::{App, AppError};
use crate::store::{Batch, Key, Scan, keys};

/// How many are ended in one go: the next round has the rest.
const AT_ONCE: usize = 256;

impl App {
    /// Ends what has come due. Gives the number of requests that were ended.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn age(&self) -> Result<usize, AppError> {
        let now = u64::try_from(self.clock.now().get()).unwrap_or_default();
        let mut ended = 0;
        for (key, _) in self.store.scan(&Scan::prefix(keys::dues()).limit(AT_ONCE))? {
            if key >= keys::due(now + 1, uuid::Uuid::nil()) {
                break;
            }
            ended += usize::from(self.age_one(key).await?);
        }
        Ok(ended)
    }

    async fn age_one(&self, due: Key) -> Result<bool, AppError> {
        let seen: Option<Seen<PromotionRequest>> = match due.last_id() {
            Some(id) => self.read_seen(&keys::request(id))?,
            None => None,
        };
        let aged = seen.and_then(|seen| {
            let aged = seen.value.aged(self.clock.now())?;
            seen.try_map(|_| Ok(aged)).ok()
        });
        let Some(aged) = aged else {
            // The request was settled meanwhile, or has another time now, under another key.
            self.store.commit(Batch::new().delete(due)).await?;
            return Ok(false);
        };
        match self.end(&aged, due).await {
            // Somebody settles it at this moment: the next round looks again.
            Err(AppError::Conflict(_)) => Ok(false),
            ended => ended.map(|()| true),
        }
    }

    async fn end(&self, aged: &Seen<PromotionRequest>, due: Key) -> Result<(), AppError> {
        let request = aged.value.id;
        let entry = match aged.value.state {
            State::Expired { .. } => Entry::Expired { request },
            _ => Entry::Lapsed { request },
        };
        tracing::info!(request.id = %request, request.state = aged.value.state.as_str(), "time has ended a request");
        let batch = put_request(Batch::new().delete(due), aged)?;
        self.record(&[entry], batch).await?;
        Ok(())
    }
}

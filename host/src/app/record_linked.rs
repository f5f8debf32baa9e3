//! An entry together with state that names it by its index, in one durable step.

use countersign_core::entry::Entry;

use super::{App, AppError};
use crate::store::{Batch, Write};

impl App {
    /// As [`App::record`], with writes that need to know the entry's index. Gives it.
    ///
    /// `link` runs on the committer's thread: it must be quick and have no other effect.
    pub(super) async fn record_linked<F>(&self, entry: &Entry, batch: Batch, link: F) -> Result<u64, AppError>
    where
        F: Fn(u64) -> Vec<Write> + Send + Sync + 'static,
    {
        let entries = std::slice::from_ref(entry);
        let (draft, batch) = (self.draft(entry)?, self.with_notices(entries, batch)?);
        let writes = move |range: std::ops::Range<u64>| link(range.start);
        let range = self.ledger.append_linked(vec![draft], batch, writes).await?;
        self.tell(entries);
        self.metrics.ledger_size(range.end);
        Ok(range.start)
    }
}

//! The audit document of a model, from the ledger and the evidence in a store.

use std::sync::Arc;

use countersign_core::audit::{Audit, LedgerSeen, Made, Range};
use countersign_core::digest::Digest;
use countersign_core::held::Account;
use countersign_core::names::{ModelName, Workspace};
use countersign_core::time::Millis;

use super::account::account_of;
use super::evidence::blob;
use super::{App, AppError};
use crate::ledger::{Checkpoint, Ledger, LedgerError};
use crate::store::Store;

/// Who makes it.
const SOFTWARE: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));

/// When and of what time a document is made.
#[must_use]
pub fn made(at: Millis, range: Range) -> Made {
    Made { at, software: SOFTWARE.to_owned(), range }
}

/// The document, without names and without packs. Reads the whole ledger: not for a thread that serves others.
///
/// # Errors
/// When the store cannot be read, or the checkpoint not signed.
pub fn audit_of(
    ledger: &Ledger,
    store: &dyn Store,
    (workspace, model): (&Workspace, &ModelName),
    (note, made): (String, Made),
) -> Result<Audit, AppError> {
    let account = account_of(ledger, workspace, model)?;
    let signed = Checkpoint::open(&note, ledger.verifier()).map_err(LedgerError::from)?;
    let seen = LedgerSeen {
        origin: ledger.verifier().name().to_owned(),
        vkey: ledger.verifier().to_string(),
        entries: signed.size,
        root: Digest::from_bytes(signed.root),
        checkpoint: note,
    };
    Ok(Audit::new(&account, seen, made, &|digest| blob(store, digest).ok()))
}

/// The document that an export alone gives: without evidence.
#[must_use]
pub fn audit_without_evidence(account: &Account, seen: LedgerSeen, made: Made) -> Audit {
    Audit::new(account, seen, made, &|_| None)
}

impl App {
    /// Everything about one model, with what people are called.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(
        self: Arc<Self>,
        workspace: Workspace,
        model: ModelName,
        range: Range,
    ) -> Result<Audit, AppError> {
        let (note, made) = (self.ledger.checkpoint().await?, made(self.clock.now(), range));
        let reading = tokio::task::spawn_blocking(move || {
            let audit = audit_of(&self.ledger, &*self.store, (&workspace, &model), (note, made))?;
            Ok(Audit { names: self.names_of(audit.people()), ..audit })
        });
        reading
            .await
            .unwrap_or_else(|_| Err(AppError::Conflict("reading the ledger broke off: ask again".to_owned())))
    }
}

#[cfg(test)]
mod tests;

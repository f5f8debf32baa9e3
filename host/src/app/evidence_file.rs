//! The evidence file of a request: written from a store, and checked on a machine that has nothing else.
//!
//! `countersign_core::evidence_file` has the form, and what belongs into it. [`export`] fetches it from store and
//! ledger; [`read`] checks lines, signature, proofs and references; [`verify`] executes the runs again, [`redecided`]
//! makes the decisions again, and both say what was found. Reading and verifying must not know: a store, a configuration, the network.

mod decided;
mod export;
mod read;
mod redecided;
mod statement;
mod verify;

use std::io::Write;

use countersign_core::request::RequestId;

pub use self::export::export_evidence;
pub use self::read::{EvidenceError, EvidenceFile, read};
pub use self::redecided::{Redecided, Redecision};
pub use self::verify::{Execution, Gap, Proved, Reexecuted, Report, Signed, verify};
use super::{App, AppError};

impl App {
    /// Writes the evidence file of a request.
    ///
    /// # Errors
    /// As [`export_evidence`].
    pub async fn write_evidence(
        &self,
        request: RequestId,
        out: &mut (dyn Write + Send),
    ) -> Result<(), AppError> {
        export_evidence((&*self.store, &self.vault), &self.ledger, request, out, &mut |_| ()).await
    }
}

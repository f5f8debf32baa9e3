//! Separation of duties, proved from the entries while they are checked: see `countersign_core::separation`.

use countersign_core::entry::Entry;
use countersign_core::separation::{Breach, KINDS, Prover};
use countersign_core::time::Millis;
use serde::Deserialize;

use super::entry::kind_of;

/// Reads entries as they lie in the ledger. Kinds that prove nothing are not even parsed.
#[derive(Debug, Default)]
pub(super) struct Duties {
    prover: Prover,
    unread: Vec<Breach>,
}

#[derive(Deserialize)]
struct When {
    index: u64,
    at: Millis,
}

impl Duties {
    pub(super) fn read(&mut self, json: &str) {
        if !kind_of(json).is_some_and(|kind| KINDS.contains(&kind)) {
            return;
        }
        let Ok(When { index, at }) = serde_json::from_str(json) else { return };
        match serde_json::from_str::<Entry>(json) {
            Ok(entry) => self.prover.read(index, at, &entry),
            Err(error) => {
                let reason = format!("this version cannot read it, so it proves nothing: {error}");
                self.unread.push(Breach { entry: index, reason });
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Breach> {
        let mut breaches = self.prover.finish();
        breaches.extend(self.unread);
        breaches.sort_by_key(|breach| breach.entry);
        breaches
    }
}

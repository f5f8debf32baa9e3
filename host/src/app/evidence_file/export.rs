//! Everything that a request rests on, from the store into one file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use countersign_core::canonical;
use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::evidence_file::belongs::{Aimed, Belongs, KINDS};
use countersign_core::evidence_file::line::{
    Blob, Checkpoint, Header, Missing, PolicyText, Proven, Statement,
};
use countersign_core::evidence_file::refer::{self, Named, Purpose};
use countersign_core::evidence_file::write::Seal;
use countersign_core::evidence_file::{FORMAT, MAX_KEPT_BYTES};
use countersign_core::request::RequestId;
use serde::Serialize;

use super::super::AppError;
use super::super::attest::{Attestable, attestations};
use super::super::evidence::{blob, policy_text};
use super::super::listed::Listed;
use super::super::words::digested;
use crate::ledger::{self, Ledger, LedgerError, Record};
use crate::store::{Scan, Store, keys};
use crate::vault::Vault;

/// How many entries are read at a time.
const STEP: u64 = 256;

/// Writes the evidence file of a request, under a fresh checkpoint. `progress` is told how many entries of the ledger
/// were looked at.
///
/// # Errors
/// When there is no such request, the store cannot be read, or the output not written.
pub async fn export_evidence(
    (store, vault): (&dyn Store, &Vault),
    ledger: &Ledger,
    request: RequestId,
    out: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), AppError> {
    let missing = || AppError::NotFound(format!("there is no request {request}: see the list of requests"));
    store.get(&keys::request(request.0))?.ok_or_else(missing)?;
    let note = ledger.checkpoint().await?;
    let size = ledger::Checkpoint::open(&note, ledger.verifier()).map_err(LedgerError::from)?.size;
    let found = Found::of(store, ledger, (request, size), progress)?;
    let mut lines = Lines { out, seal: Seal::default() };
    let (origin, vkey) = (ledger.verifier().name().to_owned(), ledger.verifier().to_string());
    lines.put(&Header { evidence: FORMAT, request, origin, vkey })?;
    lines.put(&Checkpoint { checkpoint: note })?;
    for (index, (record, _)) in &found.entries {
        let path = ledger.inclusion_path(*index, size)?;
        lines.put(&Proven { index: *index, entry: record.json.clone(), path })?;
    }
    found.blobs(store, vault, &mut lines)?;
    let statements = attestations(store, ledger, Attestable::Request(request)).await?;
    let mut statements = statements.iter().map(canonical::to_string).collect::<Result<Vec<_>, _>>()?;
    statements.sort_by_key(|statement| Digest::of(statement.as_bytes()));
    for statement in statements {
        lines.put(&Statement { statement })?;
    }
    let end = lines.seal.end()?;
    lines.out.write_all(end.as_bytes()).and_then(|()| lines.out.flush()).map_err(unwritten)
}

/// Entries that belong to a request, by index, and what they name.
struct Found {
    entries: Told,
    named: BTreeMap<Digest, Named>,
}

impl Found {
    fn of(
        store: &dyn Store,
        ledger: &Ledger,
        (request, size): (RequestId, u64),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Self, AppError> {
        let mut entries = own(store, ledger, request, size)?;
        let mut belongs = Belongs::to(request, entries.iter().map(|(index, (_, entry))| (*index, entry)));
        let mut aimed = |input: &Digest| blob(store, *input).ok().and_then(|bytes| Aimed::of_input(&bytes));
        let mut look = |belongs: &mut Belongs, record: &Record| {
            // A kind that only a later version knows says nothing that this one could follow.
            let entry = Some(record).filter(|record| may_belong(&record.json));
            if let Some((index, Ok(entry))) = entry.map(|r| (r.index, serde_json::from_str(&r.json))) {
                belongs.look(index, &entry, &mut aimed);
            }
        };
        match Listed::of(store)? {
            Some(listed) => {
                let found = listed.beside(&belongs, size)?;
                found.values().for_each(|record| look(&mut belongs, record));
            }
            None => each(ledger, size, progress, &mut |record| look(&mut belongs, record))?,
        }
        progress(size);
        let beside: Vec<u64> =
            belongs.finish().into_iter().filter(|index| !entries.contains_key(index)).collect();
        entries.extend(told(ledger, beside)?);
        let all = entries.iter().map(|(index, (_, entry))| (*index, entry));
        let named = refer::everything(all, &mut |transcript| blob(store, *transcript).ok());
        let damaged =
            |digest| AppError::Conflict(format!("the transcript {digest} is damaged: restore the store"));
        Ok(Self { named: named.map_err(damaged)?, entries })
    }

    /// Policies, then blobs, each by digest; what is not kept in its place.
    fn blobs(&self, store: &dyn Store, vault: &Vault, lines: &mut Lines<'_>) -> Result<(), AppError> {
        let words = self.words(store, vault)?;
        let mut without = BTreeSet::new();
        for (digest, _) in self.named.iter().filter(|(_, named)| named.purpose == Purpose::Policy) {
            match policy_text(store, digest)? {
                Some(text) => lines.put(&PolicyText::of(*digest, text))?,
                None => drop(without.insert(*digest)),
            }
        }
        let mut kept = 0;
        for (digest, named) in &self.named {
            let bytes = match named.purpose {
                Purpose::Policy if without.contains(digest) => None,
                Purpose::Policy => continue,
                Purpose::Words => words.get(digest).map(|words| words.clone().into_bytes()),
                _ => kept_blob(store, *digest)?,
            };
            kept += bytes.as_ref().map_or(0, Vec::len);
            if kept > MAX_KEPT_BYTES {
                let why =
                    format!("its evidence has more than {} MiB: export the store", MAX_KEPT_BYTES >> 20);
                return Err(AppError::Invalid(why));
            }
            match bytes {
                Some(bytes) => lines.put(&Blob::of(*digest, &bytes))?,
                None => lines.put(&Missing { missing: *digest })?,
            }
        }
        Ok(())
    }

    /// The words of comments, which lie apart from evidence so that they can be taken back.
    fn words(&self, store: &dyn Store, vault: &Vault) -> Result<BTreeMap<Digest, String>, AppError> {
        let mut words = BTreeMap::new();
        for (_, entry) in self.entries.values() {
            let Entry::Commented { comment, .. } = entry else { continue };
            let Some(text) = digested(store, vault, comment)? else { continue };
            words.insert(Digest::of(text.as_bytes()), text);
        }
        Ok(words)
    }
}

/// Entries with what they say.
type Told = BTreeMap<u64, (Record, Entry)>;

/// The entries about a request, from the list of them; where that began later than the request, from the ledger.
fn own(store: &dyn Store, ledger: &Ledger, request: RequestId, size: u64) -> Result<Told, AppError> {
    let listed = store.scan(&Scan::prefix(keys::entries_of_request(request.0)))?;
    let listed = listed.into_iter().filter_map(|(key, _)| key.last_number()).filter(|index| *index < size);
    let mut own = told(ledger, listed)?;
    own.retain(|_, (_, entry)| entry.request() == Some(request));
    if matches!(own.values().next(), Some((_, Entry::RequestOpened { .. }))) {
        return Ok(own);
    }
    let (mut named, id) = (Vec::new(), request.to_string());
    each(ledger, size, &mut |_| (), &mut |record| {
        named.extend(Some(record.index).filter(|_| record.json.contains(&id)));
    })?;
    let mut own = told(ledger, named)?;
    own.retain(|_, (_, entry)| entry.request() == Some(request));
    Ok(own)
}

/// What entries say, as far as this version knows.
fn told(ledger: &Ledger, indexes: impl IntoIterator<Item = u64>) -> Result<Told, AppError> {
    let mut told = Told::new();
    for index in indexes {
        let Some(record) = ledger.get(index)? else { continue };
        if let Ok(entry) = serde_json::from_str(&record.json) {
            told.insert(index, (record, entry));
        }
    }
    Ok(told)
}

/// Every entry below an index, oldest first.
fn each(
    ledger: &Ledger,
    size: u64,
    progress: &mut (dyn FnMut(u64) + Send),
    work: &mut dyn FnMut(&Record),
) -> Result<(), AppError> {
    let mut next = 0;
    while next < size {
        let page = ledger.range(next, usize::try_from(STEP.min(size - next)).unwrap_or_default())?;
        let Some(last) = page.last().map(|record| record.index) else { break };
        page.iter().for_each(&mut *work);
        next = last + 1;
        progress(next);
    }
    Ok(())
}

/// Entries are canonical JSON, in which the kind is spelt in one way. Words may be spelt like it.
fn may_belong(entry: &str) -> bool {
    let Some((_, tail)) = entry.rsplit_once(r#","kind":""#) else { return false };
    tail.split_once('"').is_some_and(|(kind, _)| KINDS.contains(&kind))
}

fn kept_blob(store: &dyn Store, digest: Digest) -> Result<Option<Vec<u8>>, AppError> {
    match blob(store, digest) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(AppError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unwritten(error: std::io::Error) -> AppError {
    AppError::Ledger(LedgerError::Write(error))
}

/// Lines on their way out.
struct Lines<'o> {
    out: &'o mut (dyn Write + Send),
    seal: Seal,
}

impl Lines<'_> {
    fn put<T: Serialize>(&mut self, line: &T) -> Result<(), AppError> {
        let line = self.seal.line(line)?;
        self.out.write_all(line.as_bytes()).map_err(unwritten)
    }
}

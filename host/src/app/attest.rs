//! A decision as signed in-toto statements, for whoever verifies with tools of their own: see `countersign_core::attest`.
//!
//! Needs a store and its ledger only: no server, no MLflow, no policy.

mod alone;

use countersign_core::attest::{PAYLOAD_TYPE, Recorded, statements};
use countersign_core::canonical;
use countersign_core::facts::{File, ModelFacts, VersionFacts};
use countersign_core::request::{PromotionRequest, RequestId};

use self::alone::Announced;
use super::AppError;
use super::evidence::blob;
use crate::ledger::{Checkpoint, Envelope, Ledger, LedgerError};
use crate::store::{Scan, Store, codec, keys};

/// A statement in its DSSE envelope.
pub type Attestation = Envelope;

/// Of very many entries about a request the newest are named.
const ENTRIES: usize = 2_000;

/// What statements are wanted about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attestable {
    Request(RequestId),
    /// An entry that announced a write: also one that no request is about, because its tier asked nobody.
    Entry(u64),
}

/// The statements about a decision under a fresh checkpoint, each in a DSSE envelope that the ledger's key signs: what
/// its checks found (where any ran), what was verified, and who approved it.
///
/// # Errors
/// When there is no such request or entry, or the store cannot be read.
pub async fn attestations(
    store: &dyn Store,
    ledger: &Ledger,
    what: Attestable,
) -> Result<Vec<Attestation>, AppError> {
    let (request, recorded) = match what {
        Attestable::Request(id) => settled(store, ledger, id).await?,
        Attestable::Entry(index) => {
            let announced = Announced::read(ledger, index)?;
            match announced.intent.request {
                Some(id) => settled(store, ledger, id).await?,
                None => announced.told(store, ledger).await?,
            }
        }
    };
    let files = files(store, &request)?;
    let said = statements(&request, &files, &recorded);
    let sealed =
        said.iter().map(|statement| Ok(ledger.envelope(&canonical::to_string(statement)?, PAYLOAD_TYPE)));
    sealed.collect()
}

/// The request and where the ledger has it, of one moment: what was read before the checkpoint was signed is under it,
/// and what is the same afterwards has no entry that it does not know.
async fn settled(
    store: &dyn Store,
    ledger: &Ledger,
    id: RequestId,
) -> Result<(PromotionRequest, Recorded), AppError> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        let before = request(store, id)?;
        let checkpoint = ledger.checkpoint().await?;
        let recorded = recorded(store, ledger, id, checkpoint)?;
        if request(store, id)? == before {
            return Ok((before, recorded));
        }
    }
    Err(AppError::Conflict(format!("request {id} is changed by too many at once: try again")))
}

fn request(store: &dyn Store, id: RequestId) -> Result<PromotionRequest, AppError> {
    let key = keys::request(id.0);
    let missing = || AppError::NotFound(format!("there is no request {id}: see the list of requests"));
    Ok(codec::decode(&key, &store.get(&key)?.ok_or_else(missing)?)?)
}

fn recorded(
    store: &dyn Store,
    ledger: &Ledger,
    id: RequestId,
    checkpoint: String,
) -> Result<Recorded, AppError> {
    let key = ledger.verifier();
    let size = Checkpoint::open(&checkpoint, key).map_err(LedgerError::from)?.size;
    let listed = Scan::prefix(keys::entries_of_request(id.0)).newest_first().limit(ENTRIES);
    let rows = store.scan(&listed)?;
    let indexes = rows.iter().rev().filter_map(|(key, _)| key.last_number());
    let entries = indexes.filter(|index| *index < size).collect();
    Ok(Recorded { origin: key.name().to_owned(), vkey: key.to_string(), entries, checkpoint, alone: false })
}

/// The files that the request's facts list. Facts that are not kept any more list none.
fn files(store: &dyn Store, request: &PromotionRequest) -> Result<Vec<File>, AppError> {
    match blob(store, request.facts) {
        Ok(facts) => {
            let (version, _): (VersionFacts, ModelFacts) = serde_json::from_slice(&facts)?;
            Ok(version.files)
        }
        Err(AppError::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

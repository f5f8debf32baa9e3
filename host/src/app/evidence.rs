//! Evidence: blobs that entries point to, kept under the digest of their bytes.

use std::collections::BTreeMap;

use countersign_core::digest::Digest;

use super::{App, AppError};
use crate::store::{Batch, codec, keys};

/// Blobs on their way into the store.
#[derive(Debug, Default)]
pub(super) struct Evidence(BTreeMap<Digest, Vec<u8>>);

impl Evidence {
    /// Keeps some bytes; gives their digest.
    pub(super) fn keep(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds the blobs to a batch.
    pub(super) fn put(self, batch: Batch) -> Batch {
        self.0.into_iter().fold(batch, |batch, (digest, bytes)| {
            batch.put(keys::evidence(&digest), codec::encode_raw(&bytes))
        })
    }
}

impl App {
    /// A blob by its digest.
    ///
    /// # Errors
    /// When it was not kept, or is not what its digest says.
    pub fn evidence(&self, digest: Digest) -> Result<Vec<u8>, AppError> {
        let key = keys::evidence(&digest);
        let bytes = self.store.get(&key)?;
        let bytes = bytes.ok_or_else(|| AppError::NotFound(format!("no evidence is kept under {digest}")))?;
        let bytes = codec::decode_raw(&key, &bytes)?.to_vec();
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(AppError::Conflict(format!("the evidence kept under {digest} is damaged: restore the store")))
        }
    }
}

//! Proofs from the ledger in the store, in the form that people and programs are handed.

use countersign_core::digest::Digest;
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::head::{self, Head, StoredTiles};
use super::note::{NoteError, VerifierKey};
use super::tree::{self, Hash};
use super::{Ledger, LedgerError, proof};

/// Shows that an entry is in the ledger that a checkpoint signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    pub index: u64,
    /// The entry's bytes, as a string.
    pub entry: String,
    /// From the leaf's sibling up.
    pub path: Vec<Digest>,
    /// The signed note.
    pub checkpoint: String,
}

impl InclusionProof {
    /// Whether the entry is in the ledger of that key. `Ok(false)`: the path does not lead to the signed root.
    ///
    /// # Errors
    /// When the key did not sign the checkpoint.
    pub fn verify(&self, key: &VerifierKey) -> Result<bool, NoteError> {
        let signed = Checkpoint::open(&self.checkpoint, key)?;
        let leaf = tree::leaf_hash(self.entry.as_bytes());
        Ok(proof::verify_inclusion(&leaf, self.index, signed.size, &to_hashes(&self.path), &signed.root))
    }
}

/// Shows that a ledger of some size is the beginning of the one that a checkpoint signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    pub from: u64,
    /// RFC 6962 §2.1.2.
    pub path: Vec<Digest>,
    /// The signed note.
    pub checkpoint: String,
}

/// Shows that a ledger of some size is the beginning of a later one, for whoever holds a checkpoint of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BetweenProof {
    pub from: u64,
    pub to: u64,
    /// RFC 6962 §2.1.2.
    pub path: Vec<Digest>,
}

impl ConsistencyProof {
    /// Whether the tree of `from` entries with this root is the beginning of the signed one.
    ///
    /// # Errors
    /// When the key did not sign the checkpoint.
    pub fn verify(&self, from_root: &Hash, key: &VerifierKey) -> Result<bool, NoteError> {
        let signed = Checkpoint::open(&self.checkpoint, key)?;
        let path = to_hashes(&self.path);
        Ok(proof::verify_consistency(self.from, from_root, signed.size, &signed.root, &path))
    }
}

impl Ledger {
    /// Proves an entry under a fresh checkpoint.
    ///
    /// # Errors
    /// When there is no such entry, or the store cannot be read.
    pub async fn prove(&self, index: u64) -> Result<InclusionProof, LedgerError> {
        let note = self.checkpoint().await?;
        let size = Checkpoint::open(&note, self.verifier())?.size;
        let record = self.get(index)?.filter(|_| index < size).ok_or(LedgerError::NoEntry { index, size })?;
        let head = Head::read(&**self.store())?;
        let path = proof::inclusion(head.edge(), &head::StoredTiles(&**self.store()), index, size)?;
        Ok(InclusionProof { index, entry: record.json, path: to_digests(&path), checkpoint: note })
    }

    /// The hashes that lead from an entry to the root of the first `size` entries.
    ///
    /// # Errors
    /// When there is no such entry, or the store cannot be read.
    pub fn inclusion_path(&self, index: u64, size: u64) -> Result<Vec<Digest>, LedgerError> {
        let head = Head::read(&**self.store())?;
        if index >= size || size > head.size() {
            return Err(LedgerError::NoEntry { index, size: head.size() });
        }
        Ok(to_digests(&proof::inclusion(head.edge(), &StoredTiles(&**self.store()), index, size)?))
    }

    /// Proves that the ledger of the first `from` entries is the beginning of the present one.
    ///
    /// # Errors
    /// When the ledger is shorter, or the store cannot be read.
    pub async fn prove_consistency(&self, from: u64) -> Result<ConsistencyProof, LedgerError> {
        let note = self.checkpoint().await?;
        let size = Checkpoint::open(&note, self.verifier())?.size;
        let path = self.consistency_path(from, size)?;
        Ok(ConsistencyProof { from, path: to_digests(&path), checkpoint: note })
    }

    /// Proves that the ledger of the first `from` entries is the beginning of that of the first `to`.
    ///
    /// # Errors
    /// As [`Ledger::consistency_path`].
    pub fn prove_between(&self, from: u64, to: u64) -> Result<BetweenProof, LedgerError> {
        Ok(BetweenProof { from, to, path: to_digests(&self.consistency_path(from, to)?) })
    }

    /// The hashes that lead from the tree of one size to that of another, both at most [`Ledger::len`].
    ///
    /// # Errors
    /// When the sizes are out of order or too large, or the store cannot be read.
    pub fn consistency_path(&self, from: u64, to: u64) -> Result<Vec<Hash>, LedgerError> {
        let head = Head::read(&**self.store())?;
        if from > to || to > head.size() {
            return Err(LedgerError::NoSuchSizes { from, to, size: head.size() });
        }
        proof::consistency(head.edge(), &StoredTiles(&**self.store()), from, to)
    }

    /// The root of the tree of the first `size` entries.
    ///
    /// # Errors
    /// When the ledger is shorter, or the store cannot be read.
    #[cfg(test)]
    pub(crate) fn root_at(&self, size: u64) -> Result<Hash, LedgerError> {
        let head = Head::read(&**self.store())?;
        if size > head.size() {
            return Err(LedgerError::NoSuchSizes { from: size, to: size, size: head.size() });
        }
        tree::subtree(head.edge(), &StoredTiles(&**self.store()), 0, size)
    }
}

fn to_digests(path: &[Hash]) -> Vec<Digest> {
    path.iter().copied().map(Digest::from_bytes).collect()
}

fn to_hashes(path: &[Digest]) -> Vec<Hash> {
    path.iter().map(|digest| *digest.as_bytes()).collect()
}

//! Checkpoints, `c2sp.org/tlog-checkpoint`: origin, size and root of the ledger, as a signed note.
//!
//! They are signed when somebody asks, not per append. What is signed is what the committer sees when the
//! request's turn comes, and it is given out once that is durable: a checkpoint over entries that a power cut
//! could still take back would be a fork.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::store::{Batch, View, Write, codec, keys};

use super::Ledger;
use super::entry::is_decimal;
use super::error::LedgerError;
use super::head::Head;
use super::note::{NoteError, SigningKey, VerifierKey};
use super::tree::Hash;

/// The text of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// Opens a signed checkpoint.
    ///
    /// # Errors
    /// When the key did not sign it, or its text is not a checkpoint of that key's origin.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(key.open(note)?)?;
        if checkpoint.origin == key.name() {
            Ok(checkpoint)
        } else {
            Err(NoteError::Unsigned(checkpoint.origin))
        }
    }

    /// The checkpoint as a signed note.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root)))
    }

    /// Lines after the third are extensions, which are passed over as the specification asks.
    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(NoteError::Form("a checkpoint has at least three lines"));
        let (origin, size, root) = (line()?, line()?, line()?);
        let size = Some(size).filter(|size| is_decimal(size)).and_then(|size| size.parse().ok());
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        Ok(Self {
            origin: origin.to_owned(),
            size: size.ok_or(NoteError::Form("a checkpoint's second line is its size"))?,
            root: root.ok_or(NoteError::Form("a checkpoint's third line is its root hash in base64"))?,
        })
    }
}

impl Ledger {
    /// A signed checkpoint of everything that is durable when this call's turn comes; it is kept in the store.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn checkpoint(&self) -> Result<String, LedgerError> {
        let slot = Arc::new(Mutex::new(String::new()));
        let (key, signed) = (Arc::clone(&self.key), Arc::clone(&slot));
        let batch = Batch::new().derive(move |view| {
            let (note, writes) = sign_head(view, &key)?;
            crash_point!(CheckpointSigned);
            *signed.lock().unwrap_or_else(PoisonError::into_inner) = note;
            Ok(writes)
        });
        self.store.commit(batch).await?;
        let note = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(note)
    }
}

/// The newest checkpoint that was signed, with its note. It may be older than the ledger.
pub(super) fn stored(
    view: &(impl View + ?Sized),
    key: &VerifierKey,
) -> Result<Option<(Checkpoint, String)>, LedgerError> {
    let at = keys::ledger_checkpoint();
    let Some(value) = view.get(&at)? else { return Ok(None) };
    let note = String::from_utf8_lossy(codec::decode_raw(&at, &value)?).into_owned();
    Ok(Some((Checkpoint::open(&note, key)?, note)))
}

/// Signs the end of the ledger, unless the newest checkpoint is already there.
fn sign_head(view: &dyn View, key: &SigningKey) -> Result<(String, Vec<Write>), LedgerError> {
    let head = Head::read(view)?;
    let now = Checkpoint { origin: key.verifier().name().to_owned(), size: head.size(), root: head.root() };
    match stored(view, key.verifier())? {
        Some((last, note)) if last == now => Ok((note, Vec::new())),
        _ => {
            let note = now.sign(key);
            let value = codec::encode_raw(note.as_bytes());
            Ok((note, vec![Write::Put(keys::ledger_checkpoint(), value)]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_note_of_three_lines() {
        let key = SigningKey::from_seed("ledger.example", [1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "ledger.example".to_owned(), size: 3, root: [0; 32] };
        let note = checkpoint.sign(&key);
        let text =
            "ledger.example\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} ledger.example ";
        assert!(note.starts_with(text), "{note}");
        assert_eq!(Checkpoint::open(&note, key.verifier()), Ok(checkpoint));
    }

    #[test]
    fn refuses_what_is_not_one() {
        let key = SigningKey::from_seed("ledger.example", [1; 32]).unwrap();
        let root = STANDARD.encode([0; 32]);
        let check =
            |text: &str| assert!(Checkpoint::open(&key.sign(text), key.verifier()).is_err(), "{text}");
        check("ledger.example\n3\n");
        check(&format!("ledger.example\n03\n{root}\n"));
        check(&format!("ledger.example\n+3\n{root}\n"));
        check(&format!("another.example\n3\n{root}\n"));
        check("ledger.example\n3\nAAAA\n");
        let extended = key.sign(&format!("ledger.example\n3\n{root}\nextension\n"));
        assert_eq!(Checkpoint::open(&extended, key.verifier()).unwrap().size, 3);
    }
}

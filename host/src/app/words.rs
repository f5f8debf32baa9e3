//! The words of a comment: sealed under their author's key, so that they go when the author is erased. Entries hold
//! a digest that nobody can guess the words by: what is digested begins with bytes that are sealed with them.

use countersign_core::digest::Digest;
use countersign_core::discussion::Comment;
use countersign_core::names::PersonId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::profiles::{read_sealed, seal};
use super::{App, AppError};
use crate::store::{Batch, Store, codec, keys};
use crate::vault::Vault;

/// Bytes before the words.
const SALT: usize = 16;

/// As they are sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sealed {
    salt: String,
    words: String,
}

impl App {
    /// Seals words. Gives the digest for the entry, and what to write.
    pub(super) fn seal_words(
        &self,
        author: &PersonId,
        comment: Uuid,
        words: &str,
    ) -> Result<(Digest, Batch), AppError> {
        let mut salt = [0; SALT];
        self.clock.fill_random(&mut salt)?;
        let sealed = Sealed { salt: hex::encode(salt), words: words.to_owned() };
        let digest = sealed.digest();
        let key = keys::sealed_comment(comment);
        let batch = seal(Batch::new(), &self.vault, author, key, &sealed)?;
        // Where version 0.1 kept them.
        Ok((digest, batch.delete(keys::comment_text(comment))))
    }

    /// What was said; `None` where it was taken back, or its author was erased.
    pub(super) fn words_of(&self, comment: &Comment) -> Result<Option<String>, AppError> {
        let key = keys::sealed_comment(comment.id);
        let sealed: Option<Sealed> = read_sealed(&*self.store, &self.vault, &comment.author, &key)?;
        match sealed.filter(|sealed| sealed.digest() == comment.text) {
            Some(sealed) => Ok(Some(sealed.words)),
            None => self.read(&keys::comment_text(comment.id)),
        }
    }
}

/// What the digest of a comment's words is over: the salt, then the words. `None` where they are gone.
pub(super) fn digested(
    store: &dyn Store,
    vault: &Vault,
    comment: &Comment,
) -> Result<Option<String>, AppError> {
    let key = keys::sealed_comment(comment.id);
    if let Some(Sealed { salt, words }) = read_sealed(store, vault, &comment.author, &key)? {
        return Ok(Some(salt + &words));
    }
    let key = keys::comment_text(comment.id);
    Ok(store.get(&key)?.map(|value| codec::decode(&key, &value)).transpose()?)
}

/// Takes the words of a comment out, wherever they are.
pub(super) fn without_words(batch: Batch, comment: Uuid) -> Batch {
    batch.delete(keys::sealed_comment(comment)).delete(keys::comment_text(comment))
}

impl Sealed {
    fn digest(&self) -> Digest {
        Digest::of(format!("{}{}", self.salt, self.words).as_bytes())
    }
}

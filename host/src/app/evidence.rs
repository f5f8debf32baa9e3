//! Evidence: blobs that entries point to, kept under the digest of their bytes. What is taken out when its time is
//! over ([`super::retention`]) leaves the number of the entry that says so.

use std::collections::BTreeMap;

use countersign_core::digest::Digest;

use super::retention::tombstone;
use super::{App, AppError};
use crate::store::{Batch, Store, codec, keys};

/// Blobs on their way into the store, in the form that it keeps.
#[derive(Debug, Default)]
pub(super) struct Evidence(BTreeMap<Digest, Vec<u8>>);

impl Evidence {
    /// Keeps some bytes; gives their digest.
    pub(super) fn keep(&mut self, bytes: impl AsRef<[u8]>) -> Digest {
        self.keep_as(Digest::of(bytes.as_ref()), bytes)
    }

    /// Keeps some bytes whose digest is known.
    pub(super) fn keep_as(&mut self, digest: Digest, bytes: impl AsRef<[u8]>) -> Digest {
        self.0.insert(digest, codec::encode_raw(bytes.as_ref()));
        digest
    }

    /// Keeps some bytes whose digest is known and whose end was kept as `tail`.
    pub(super) fn keep_head(&mut self, digest: Digest, head: &[u8], tail: Digest) -> Digest {
        // Without a head they are the tail.
        if digest != tail {
            self.0.insert(digest, codec::encode_head(head, tail.as_bytes()));
        }
        digest
    }

    /// Leaves out what is in the store: outcomes and transcripts are often those of an earlier run.
    pub(super) fn leave_out_known(&mut self, app: &App) -> Result<(), AppError> {
        self.pin(app);
        let mut known = Vec::new();
        for digest in self.0.keys() {
            if app.known_evidence.has(&*app.store, digest)? {
                known.push(*digest);
            }
        }
        self.0.retain(|digest, _| !known.contains(digest));
        Ok(())
    }

    /// Lets none of it be taken out before what names it is on disk.
    pub(super) fn pin(&self, app: &App) {
        app.known_evidence.pin(self.0.keys().copied(), app.clock.now());
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds the blobs to a batch.
    pub(super) fn put(self, batch: Batch) -> Batch {
        self.0.into_iter().fold(batch, |batch, (digest, value)| batch.put(keys::evidence(&digest), value))
    }
}

impl App {
    /// A blob by its digest.
    ///
    /// # Errors
    /// When it was not kept, or is not what its digest says.
    pub fn evidence(&self, digest: Digest) -> Result<Vec<u8>, AppError> {
        blob(&*self.store, digest)
    }
}

/// A blob of a store by its digest.
///
/// # Errors
/// When it was not kept, or is not what its digest says.
pub fn blob(store: &dyn Store, digest: Digest) -> Result<Vec<u8>, AppError> {
    let key = keys::evidence(&digest);
    let value = match store.get(&key)? {
        Some(value) => value,
        None => return Err(absent(store, digest)?),
    };
    let bytes = match codec::decode_head(&value) {
        Some((head, tail)) => [head, &tail_of(store, tail)?].concat(),
        None => codec::decode_raw(&key, &value)?.to_vec(),
    };
    if Digest::of(&bytes) == digest {
        Ok(bytes)
    } else {
        Err(AppError::Conflict(format!("the evidence kept under {digest} is damaged: restore the store")))
    }
}

/// The text of a policy that was in force; `None` where it was not kept. Stores of before have the text itself in the
/// place of where it lies.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn policy_text(store: &dyn Store, policy: &Digest) -> Result<Option<String>, AppError> {
    let key = keys::policy_text(policy);
    let Some(value) = store.get(&key)? else { return Ok(None) };
    let text = match codec::decode_head(&value) {
        Some((_, text)) => blob(store, Digest::from_bytes(text))?,
        None => codec::decode_raw(&key, &value)?.to_vec(),
    };
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Keeps the text of a policy once, as evidence, and where it lies by the digest of what it says.
pub(super) fn put_policy_text(batch: Batch, policy: &Digest, text: &str) -> Batch {
    let digest = Digest::of(text.as_bytes());
    let batch = batch.put(keys::evidence(&digest), codec::encode_raw(text.as_bytes()));
    batch.put(keys::policy_text(policy), codec::encode_head(&[], digest.as_bytes()))
}

/// Why there is no such blob.
fn absent(store: &dyn Store, digest: Digest) -> Result<AppError, AppError> {
    let gone = tombstone(store, digest)?;
    Ok(AppError::NotFound(gone.unwrap_or_else(|| format!("no evidence is kept under {digest}"))))
}

fn tail_of(store: &dyn Store, tail: [u8; 32]) -> Result<Vec<u8>, AppError> {
    let digest = Digest::from_bytes(tail);
    let key = keys::evidence(&digest);
    let Some(value) = store.get(&key)? else {
        let gone = tombstone(store, digest)?;
        let missing = || format!("a part of evidence is missing, {digest}: restore the store");
        return Err(AppError::NotFound(gone.unwrap_or_else(missing)));
    };
    Ok(codec::decode_raw(&key, &value)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;

    #[tokio::test]
    async fn the_text_of_a_policy_lies_once_and_is_read_where_stores_of_before_have_it() {
        let (app, _files) = app().await;
        let (policy, text) = (Digest::of(b"what it says"), "# as it is written\n");
        assert_eq!(policy_text(&*app.store, &policy).unwrap(), None);
        let before = Batch::new().put(keys::policy_text(&policy), codec::encode_raw(text.as_bytes()));
        app.store.commit(before).await.unwrap();
        assert_eq!(policy_text(&*app.store, &policy).unwrap().as_deref(), Some(text));
        app.store.commit(put_policy_text(Batch::new(), &policy, text)).await.unwrap();
        assert_eq!(policy_text(&*app.store, &policy).unwrap().as_deref(), Some(text));
        assert_eq!(app.evidence(Digest::of(text.as_bytes())).unwrap(), text.as_bytes());
        let kept = app.store.get(&keys::policy_text(&policy)).unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains("as it is written"), "the text lies twice");
    }

    #[tokio::test]
    async fn evidence_reads_back_whole_or_in_two_parts_and_is_written_once() {
        let (app, _files) = app().await;
        for (head, written) in [("a", 2), ("b", 1), ("", 0)] {
            let tail = "a long end";
            let whole = [head, tail].concat();
            let mut evidence = Evidence::default();
            let tail = evidence.keep(tail);
            evidence.leave_out_known(&app).unwrap();
            let digest = evidence.keep_head(Digest::of(whole.as_bytes()), head.as_bytes(), tail);
            assert_eq!(evidence.0.len(), written, "{head}");
            app.store.commit(evidence.put(Batch::new())).await.unwrap();
            assert_eq!(app.evidence(digest).unwrap(), whole.as_bytes());
        }
    }

    #[tokio::test]
    async fn evidence_that_lacks_a_part_or_is_not_what_it_says_is_an_error() {
        let (app, _files) = app().await;
        let check = async |evidence: Evidence, expect: &str| {
            app.store.commit(evidence.put(Batch::new())).await.unwrap();
            let error = app.evidence(Digest::of(b"ab")).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(Evidence::default(), "no evidence is kept under").await;
        let mut evidence = Evidence::default();
        evidence.keep_head(Digest::of(b"ab"), b"a", Digest::of(b"b"));
        check(evidence, "a part of evidence is missing").await;
        let mut evidence = Evidence::default();
        evidence.keep_as(Digest::of(b"b"), b"c");
        check(evidence, "is damaged").await;
    }
}

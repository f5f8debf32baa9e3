//! One entry of the ledger, as bytes: canonical JSON (RFC 8785) that carries its own index and the leaf hash of
//! the entry before it.
//!
//! ```json
//! {"at":1767225600000,"body":{…},"index":7,"kind":"…","prev":"sha256:…","v":1}
//! ```
//!
//! The members sort with `at` and `body` first, so everything that a caller knows is a prefix: it is written and
//! hashed on the caller's thread, and the committer only adds the tail. This module must not know what a body says.

use std::io::Write as _;

use countersign_core::canonical::{self, CanonicalError};
use countersign_core::digest::Digest;
use countersign_core::time::Millis;
use ring::digest::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tree::{self, Hash};
use crate::store::Key;

/// The largest entry, in bytes. Anything larger is evidence, and belongs in a blob that the entry points to.
pub const MAX_ENTRY_BYTES: usize = 256 << 10;

/// Room for the tail, so that a draft that fits still fits when it is sealed.
const MAX_TAIL_BYTES: usize = 256;
/// Most entries fit in it.
const USUAL_BYTES: usize = 2 << 10;
const MAX_KIND_BYTES: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("body of a `{kind}` entry has no canonical form")]
    Canonical { kind: String, source: CanonicalError },
    #[error(
        "body of a `{kind}` entry has {bytes} bytes, more than {MAX_ENTRY_BYTES}: keep it as evidence and enter its \
         digest"
    )]
    TooLarge { kind: String, bytes: usize },
    #[error("`{0}` is not a kind of entry: use up to 64 of a-z, 0-9, `.`, `-`, `_`")]
    Kind(String),
}

/// An entry that has no place yet.
pub struct Draft {
    kind: String,
    /// Where its number is noted, in the batch that it is written in.
    pub(super) lists: Vec<Key>,
    prefix: Vec<u8>,
    hash: Context,
}

impl Draft {
    /// # Errors
    /// See [`DraftError`].
    pub fn new<T: Serialize>(at: Millis, kind: &str, body: &T) -> Result<Self, DraftError> {
        Self::around(at, kind, |out| canonical::append(body, out))
    }

    /// As [`Draft::new`], of a body that is canonical JSON already.
    ///
    /// # Errors
    /// See [`DraftError`].
    pub fn of_canonical(at: Millis, kind: &str, body: &str) -> Result<Self, DraftError> {
        Self::around(at, kind, |out| {
            out.extend_from_slice(body.as_bytes());
            Ok(())
        })
    }

    fn around(
        at: Millis,
        kind: &str,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), CanonicalError>,
    ) -> Result<Self, DraftError> {
        if !is_kind(kind) {
            return Err(DraftError::Kind(kind.to_owned()));
        }
        let canonical = |source| DraftError::Canonical { kind: kind.to_owned(), source };
        let mut prefix = Vec::with_capacity(USUAL_BYTES);
        prefix.extend_from_slice(br#"{"at":"#);
        canonical::append(&at, &mut prefix).map_err(canonical)?;
        prefix.extend_from_slice(br#","body":"#);
        body(&mut prefix).map_err(canonical)?;
        prefix.extend_from_slice(br#","index":"#);
        if prefix.len() + MAX_TAIL_BYTES > MAX_ENTRY_BYTES {
            return Err(DraftError::TooLarge { kind: kind.to_owned(), bytes: prefix.len() });
        }
        let mut hash = tree::leaf_context();
        hash.update(&prefix);
        Ok(Self { kind: kind.to_owned(), lists: Vec::new(), prefix, hash })
    }

    /// To be found by these lists: under each, its number is the end of a key.
    #[must_use]
    pub fn listed_in(self, lists: Vec<Key>) -> Self {
        Self { lists, ..self }
    }

    /// The most bytes that [`Draft::seal`] appends.
    pub(super) const fn room(&self) -> usize {
        self.prefix.len() + MAX_TAIL_BYTES
    }

    /// Appends the entry at its place to `out`. Returns its leaf hash.
    pub(super) fn seal(&self, index: u64, prev: &Hash, out: &mut Vec<u8>) -> Hash {
        out.extend_from_slice(&self.prefix);
        let tail = out.len();
        let mut digits = [0; 2 * size_of::<Hash>()];
        // Neither can fail: the room is twice the hash, and a vector takes what is written.
        let _ = hex::encode_to_slice(prev, &mut digits);
        let _ = write!(out, r#"{index},"kind":"{}","prev":"sha256:"#, self.kind);
        out.extend_from_slice(&digits);
        out.extend_from_slice(br#"","v":1}"#);
        let mut hash = self.hash.clone();
        hash.update(out.get(tail..).unwrap_or_default());
        tree::finish(hash)
    }
}

/// An entry as read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub index: u64,
    /// When its author wrote it, milliseconds since 1970-01-01 UTC.
    pub at: Millis,
    pub kind: String,
    pub body: Value,
    /// The leaf hash of the entry before; of the empty tree for the first.
    pub prev: Digest,
    /// The version of this form.
    pub v: u8,
}

/// The exact bytes of an entry at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub index: u64,
    pub json: String,
}

impl Record {
    /// # Errors
    /// When the bytes are not an entry.
    pub fn parse(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(&self.json)
    }

    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        tree::leaf_hash(self.json.as_bytes())
    }
}

/// What an entry says about its own place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) prev: Hash,
}

impl Place {
    /// Reads the tail, from the right; no kind holds a quote, so there is one way to read it.
    pub(super) fn of(entry: &str) -> Option<Self> {
        let rest = entry.strip_suffix(r#"","v":1}"#)?;
        let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
        if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut prev = Hash::default();
        hex::decode_to_slice(digits, &mut prev).ok()?;
        let rest = rest.strip_suffix(r#"","prev":"sha256:"#)?;
        let (rest, kind) = rest.rsplit_once('"')?;
        let rest = rest.strip_suffix(r#","kind":"#)?;
        let (rest, index) = rest.rsplit_once(':')?;
        let named = rest.ends_with(r#","index""#) && is_kind(kind) && is_decimal(index);
        named.then_some(Self { index: index.parse().ok()?, prev })
    }
}

/// The kind in the tail of an entry.
pub(super) fn kind_of(entry: &str) -> Option<&str> {
    let rest = entry.strip_suffix(r#"","v":1}"#)?;
    let (rest, _) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    let (_, kind) = rest.strip_suffix(r#"","prev":"sha256:"#)?.rsplit_once('"')?;
    Some(kind)
}

fn is_kind(kind: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'-' | b'_');
    (1..=MAX_KIND_BYTES).contains(&kind.len()) && kind.bytes().all(plain)
}

/// Digits without a sign and without a leading zero.
pub(super) fn is_decimal(text: &str) -> bool {
    text == "0" || (!text.is_empty() && !text.starts_with('0') && text.bytes().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn seal(draft: &Draft, index: u64, prev: &Hash) -> (String, Hash) {
        let mut out = Vec::new();
        let leaf = draft.seal(index, prev, &mut out);
        assert!(out.len() <= draft.room());
        (String::from_utf8(out).unwrap(), leaf)
    }

    #[test]
    fn is_canonical_json_and_says_its_place() {
        let draft = Draft::new(Millis::new(5), "decision.allow", &json!({"b": "\"", "a": [1]})).unwrap();
        let (json, leaf) = seal(&draft, 7, &[0xab; 32]);
        let expect = format!(
            r#"{{"at":5,"body":{{"a":[1],"b":"\""}},"index":7,"kind":"decision.allow","prev":"sha256:{}","v":1}}"#,
            "ab".repeat(32)
        );
        assert_eq!(json, expect);
        assert_eq!(canonical::to_string(&serde_json::from_str::<Value>(&json).unwrap()).unwrap(), json);
        assert_eq!(leaf, tree::leaf_hash(json.as_bytes()));
        assert_eq!(Place::of(&json), Some(Place { index: 7, prev: [0xab; 32] }));
    }

    #[test]
    fn refuses_what_would_not_be_canonical_or_not_small() {
        let check = |kind: &str, body: Value, expect: &str| {
            let error = Draft::new(Millis::new(0), kind, &body).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains(expect)), "{error:?}");
        };
        check("Kind", json!({}), "is not a kind");
        check("", json!({}), "is not a kind");
        check("k", json!(0.5), "no canonical form");
        check("k", json!("x".repeat(MAX_ENTRY_BYTES)), "keep it as evidence");
    }

    proptest! {
        #[test]
        fn whatever_the_body_the_place_is_read_back(body in ".*", index in any::<u64>(), prev in any::<Hash>(), kind in "[a-z0-9._-]{1,64}") {
            let draft = Draft::new(Millis::new(1), &kind, &body).unwrap();
            let (json, _) = seal(&draft, index, &prev);
            prop_assert_eq!(Place::of(&json), Some(Place { index, prev }));
            prop_assert_eq!(kind_of(&json), Some(kind.as_str()));
            let entry = Record { index, json }.parse().unwrap();
            prop_assert_eq!((entry.index, entry.kind, entry.body), (index, kind, json!(body)));
        }
    }
}

//! Signed notes, `c2sp.org/signed-note`, with Ed25519 keys: how a checkpoint is signed and by whom.
//!
//! This module must not know what a note says.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The signature type of Ed25519, `c2sp.org/signed-note` §"Signature types".
const ED25519_TYPE: u8 = 1;
/// U+2014, as each signature line begins.
const SIGNATURE: &str = "\u{2014} ";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("`{0}` is not a key name: it must not be empty or contain spaces or `+`")]
    Name(String),
    #[error("`{0}` is not a verifier key: it reads `name+8 hex digits+base64`")]
    VerifierKey(String),
    #[error("not a signing key: the file must hold one line `PRIVATE+KEY+name+8 hex digits+base64`")]
    SigningKey,
    #[error("not a signed note: {0}")]
    Form(&'static str),
    #[error("note is not signed by `{0}`")]
    Unsigned(String),
    #[error("signature by `{0}` does not fit what it is under")]
    Signature(String),
}

/// A key that signs.
pub struct SigningKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SigningKey {
    /// # Errors
    /// When the name is none.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteError::SigningKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::SigningKey)?;
        Ok(Self { seed, pair, verifier: VerifierKey::new(name, public)? })
    }

    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The note with our signature. The text must end in a newline.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let blob = [self.verifier.hash().as_slice(), &self.sign_bytes(text.as_bytes())].concat();
        format!("{text}\n{SIGNATURE}{} {}\n", self.verifier.name, STANDARD.encode(blob))
    }

    /// The bare signature. What is signed must say what it is: see [`super::dsse`].
    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }

    /// As the key file holds it: the form of Go's `golang.org/x/mod/sumdb/note`.
    #[must_use]
    pub fn encode(&self) -> String {
        let key = [&[ED25519_TYPE], self.seed.as_slice()].concat();
        format!(
            "PRIVATE+KEY+{}+{}+{}",
            self.verifier.name,
            hex::encode(self.verifier.hash()),
            STANDARD.encode(key)
        )
    }
}

impl FromStr for SigningKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(NoteError::SigningKey)?;
        let (name, hash, seed) = split_key(rest).ok_or(NoteError::SigningKey)?;
        let key = Self::from_seed(name, seed)?;
        if key.verifier.hash() == hash { Ok(key) } else { Err(NoteError::SigningKey) }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

/// A key that verifies: `name+hash+key`, a "vkey".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    /// # Errors
    /// When the name is none.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.contains(bad) {
            return Err(NoteError::Name(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), public })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key hash: the first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    #[must_use]
    pub fn hash(&self) -> [u8; 4] {
        let input = [self.name.as_bytes(), &[b'\n', ED25519_TYPE], &self.public].concat();
        digest(&SHA256, &input).as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// The text of a note, if we signed it. Signatures of others are passed over, as the specification asks.
    ///
    /// # Errors
    /// When it is no note, or has no signature of this key, or one that does not fit.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = split_note(note)?;
        let mut ours = Err(NoteError::Unsigned(self.name.clone()));
        for line in signatures.lines() {
            let (name, blob) = split_signature(line)?;
            let Some((hash, signature)) = blob.split_first_chunk::<4>() else {
                return Err(NoteError::Form("a signature is shorter than its key hash"));
            };
            if name == self.name && *hash == self.hash() {
                self.check(text.as_bytes(), signature)?;
                ours = Ok(text);
            }
        }
        ours
    }

    pub(super) fn check(&self, signed: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        let fits = UnparsedPublicKey::new(&ED25519, &self.public).verify(signed, signature).is_ok();
        if fits { Ok(()) } else { Err(NoteError::Signature(self.name.clone())) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_TYPE], self.public.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.hash()), STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let error = || NoteError::VerifierKey(text.to_owned());
        let (name, hash, public) = split_key(text).ok_or_else(error)?;
        let key = Self::new(name, public)?;
        // The hash binds name and key; a key that prints differently was not written by us.
        if key.hash() == hash && key.to_string() == text { Ok(key) } else { Err(error()) }
    }
}

/// `name+hash+base64(type ‖ key)`.
fn split_key(text: &str) -> Option<(&str, [u8; 4], [u8; 32])> {
    let (name, rest) = text.split_once('+')?;
    let (hash, key) = rest.split_once('+')?;
    let mut hash_bytes = [0; 4];
    hex::decode_to_slice(hash, &mut hash_bytes).ok()?;
    let key = STANDARD.decode(key).ok()?;
    match key.split_first()? {
        (&ED25519_TYPE, key) => Some((name, hash_bytes, key.try_into().ok()?)),
        _ => None,
    }
}

/// The text with its last newline, and the signature lines after the blank one.
fn split_note(note: &str) -> Result<(&str, &str), NoteError> {
    if note.chars().any(|c| c != '\n' && c.is_control()) {
        return Err(NoteError::Form("it holds control characters"));
    }
    let blank = note.rfind("\n\n").ok_or(NoteError::Form("no blank line before the signatures"))?;
    let (text, signatures) = note.split_at(blank + 1);
    let signatures = signatures.strip_prefix('\n').unwrap_or(signatures);
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(NoteError::Form("no signature lines at its end"));
    }
    Ok((text, signatures))
}

fn split_signature(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let rest = line.strip_prefix(SIGNATURE).ok_or(NoteError::Form("a signature line without its dash"))?;
    let (name, blob) = rest.split_once(' ').ok_or(NoteError::Form("a signature line without a signature"))?;
    let blob = STANDARD.decode(blob).map_err(|_| NoteError::Form("a signature that is not base64"))?;
    Ok((name, blob))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Go's `golang.org/x/mod/sumdb/note`, on which the specification rests.
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const SIGNED: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn agrees_with_the_known_note() {
        let key: SigningKey = SKEY.parse().unwrap();
        assert_eq!(key.verifier().to_string(), VKEY);
        assert_eq!(key.encode(), SKEY);
        assert_eq!(key.sign(TEXT), SIGNED);
        assert_eq!(VKEY.parse::<VerifierKey>().unwrap().open(SIGNED), Ok(TEXT));
    }

    #[test]
    fn others_may_sign_as_well() {
        let ours: VerifierKey = VKEY.parse().unwrap();
        let other = SigningKey::from_seed("witness.example", [7; 32]).unwrap();
        let cosignature = other.sign(TEXT).rsplit_once("\n\n").unwrap().1.to_owned();
        assert_eq!(ours.open(&format!("{SIGNED}{cosignature}")), Ok(TEXT));
        assert_eq!(other.verifier().open(SIGNED), Err(NoteError::Unsigned("witness.example".to_owned())));
    }

    #[test]
    fn no_changed_byte_goes_unseen() {
        let key: VerifierKey = VKEY.parse().unwrap();
        for at in 0..SIGNED.len() {
            let mut bytes = SIGNED.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(String::from_utf8(bytes).map_or(true, |note| key.open(&note).is_err()), "byte {at}");
        }
        for at in 0..VKEY.len() {
            let mut bytes = VKEY.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(
                String::from_utf8(bytes).map_or(true, |key| key.parse::<VerifierKey>().is_err()),
                "byte {at}"
            );
        }
    }

    #[test]
    fn names_are_checked() {
        for name in ["", "a b", "a+b", "a\n"] {
            assert_eq!(VerifierKey::new(name, [0; 32]), Err(NoteError::Name(name.to_owned())));
        }
    }
}

//! The shapes of lines. Each is written by `serde_json` with its members in this order, and no other spelling is read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::request::RequestId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the form.
    pub evidence: u64,
    pub request: RequestId,
    /// Of the ledger.
    pub origin: String,
    /// C2SP verifier key.
    pub vkey: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub checkpoint: String,
}

/// An entry, and what leads from it to the checkpoint's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    pub index: u64,
    pub entry: String,
    pub path: Vec<Digest>,
}

/// A policy as it was written. Its digest is that of what it says: see [`crate::policy::PolicyDigest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    pub policy: Digest,
    /// Of the text, comments and white space included.
    sha256: Digest,
    text: String,
}

/// Bytes by their digest: as text where they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    pub blob: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    pub missing: Digest,
}

/// A signed statement about the decision: the exact text of a DSSE envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub statement: String,
}

/// What all lines before it are held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many lines stand before it.
    pub end: u64,
    /// Of those lines, with their newlines.
    pub sha256: Digest,
}

impl PolicyText {
    #[must_use]
    pub fn of(policy: Digest, text: String) -> Self {
        Self { policy, sha256: Digest::of(text.as_bytes()), text }
    }

    /// Its text, where it has its digest. What it says is for whoever can read policies.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn text(self) -> Result<String, String> {
        match Digest::of(self.text.as_bytes()) {
            digest if digest == self.sha256 => Ok(self.text),
            other => Err(format!("its text has the digest {other}")),
        }
    }
}

impl Blob {
    #[must_use]
    pub fn of(digest: Digest, bytes: &[u8]) -> Self {
        match text(bytes) {
            Some(text) => Self { blob: digest, text: Some(text.to_owned()), base64: None },
            None => Self { blob: digest, text: None, base64: Some(STANDARD.encode(bytes)) },
        }
    }

    /// Its bytes, where they have its digest and are written in the one way that they can be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn bytes(self) -> Result<Vec<u8>, String> {
        let spelt = || "it is not written as an export writes it".to_owned();
        let bytes = match (self.text, self.base64) {
            (Some(plain), None) if text(plain.as_bytes()).is_some() => plain.into_bytes(),
            (None, Some(encoded)) => {
                let bytes = STANDARD.decode(encoded).map_err(|_| "it is not base64".to_owned())?;
                if text(&bytes).is_some() {
                    return Err(spelt());
                }
                bytes
            }
            _ => return Err(spelt()),
        };
        match Digest::of(&bytes) {
            digest if digest == self.blob => Ok(bytes),
            other => Err(format!("its bytes have the digest {other}")),
        }
    }
}

/// Bytes that people can read: UTF-8 without control characters but for line ends and tabs, so that no byte takes
/// more than two in a line.
fn text(bytes: &[u8]) -> Option<&str> {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(plain))
}

/// A line that says this and is written as we write it, so that no changed byte goes unseen.
pub(super) fn strictly<T: DeserializeOwned + Serialize>(line: &str) -> Result<T, String> {
    let value: T = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match serde_json::to_string(&value) {
        Ok(written) if written == line => Ok(value),
        _ => Err("it is not written as an export writes it".to_owned()),
    }
}

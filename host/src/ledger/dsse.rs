//! DSSE envelopes, version 1 of `secure-systems-lab/dsse`, signed with the ledger's key.
//!
//! What is signed begins with `DSSEv1 ` and is one line; a checkpoint begins with an origin, which has no space, and is
//! three. No signature over the one can be taken for one over the other, so one key serves both. `keyid` is the key as
//! notes name it: `name+hash`, the beginning of the verifier key. It is a hint, as DSSE says: the key decides.
//!
//! This module must not know what a payload says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Ledger;
use super::note::{NoteError, SigningKey, VerifierKey};

/// The JSON form of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// Base64 of the payload's bytes.
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// Why an envelope does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("envelope holds `{found}`, not `{wanted}`")]
    Type { found: String, wanted: String },
    #[error("{0} of the envelope is not base64")]
    Base64(&'static str),
    #[error("payload of the envelope is not UTF-8")]
    Text,
    #[error("envelope is not signed by `{0}`")]
    Unsigned(String),
    #[error(transparent)]
    Signature(#[from] NoteError),
}

impl Envelope {
    fn sign(payload: &str, payload_type: &str, key: &SigningKey) -> Self {
        let signature = key.sign_bytes(&pae(payload_type, payload.as_bytes()));
        Self {
            payload: STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![Signature { keyid: key_id(key.verifier()), sig: STANDARD.encode(signature) }],
        }
    }

    /// The payload, if the key signed it and it is of that type. Signatures of others are passed over.
    ///
    /// # Errors
    /// See [`EnvelopeError`].
    pub fn open(&self, payload_type: &str, key: &VerifierKey) -> Result<String, EnvelopeError> {
        if self.payload_type != payload_type {
            let (found, wanted) = (self.payload_type.clone(), payload_type.to_owned());
            return Err(EnvelopeError::Type { found, wanted });
        }
        let decode = |text: &str, what| STANDARD.decode(text).map_err(|_| EnvelopeError::Base64(what));
        let payload = decode(&self.payload, "payload")?;
        let id = key_id(key);
        let ours = self.signatures.iter().find(|signature| signature.keyid == id);
        let ours = ours.ok_or_else(|| EnvelopeError::Unsigned(key.to_string()))?;
        key.check(&pae(payload_type, &payload), &decode(&ours.sig, "signature")?)?;
        String::from_utf8(payload).map_err(|_| EnvelopeError::Text)
    }
}

/// PAE of DSSE v1, "Protocol".
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn key_id(key: &VerifierKey) -> String {
    format!("{}+{}", key.name(), hex::encode(key.hash()))
}

impl Ledger {
    /// A payload in an envelope that this ledger's key signs.
    #[must_use]
    pub fn envelope(&self, payload: &str, payload_type: &str) -> Envelope {
        Envelope::sign(payload, payload_type, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "application/vnd.in-toto+json";

    fn key() -> SigningKey {
        SigningKey::from_seed("ledger.example", [1; 32]).unwrap()
    }

    /// The example of the specification.
    #[test]
    fn encodes_as_the_specification_says() {
        let expect = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), expect.as_bytes());
    }

    #[test]
    fn opens_what_was_signed() {
        let envelope = Envelope::sign("{\"é\":1}", TYPE, &key());
        assert_eq!(envelope.open(TYPE, key().verifier()).as_deref(), Ok("{\"é\":1}"));
        let json = serde_json::to_string(&envelope).unwrap();
        assert_eq!(serde_json::from_str::<Envelope>(&json).unwrap(), envelope);
    }

    #[test]
    fn refuses_whatever_was_changed() {
        let good = Envelope::sign("{}", TYPE, &key());
        let check = |change: fn(&mut Envelope), expect: &str| {
            let mut bad = good.clone();
            change(&mut bad);
            let error = bad.open(TYPE, key().verifier()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(|bad| bad.payload = STANDARD.encode("{ }"), "does not fit");
        check(|bad| bad.payload = "{}".to_owned(), "payload of the envelope is not base64");
        check(|bad| bad.payload_type = "text/plain".to_owned(), "holds `text/plain`");
        check(|bad| bad.signatures[0].sig = STANDARD.encode([0; 64]), "does not fit");
        check(|bad| bad.signatures.clear(), "is not signed by");
        let other = SigningKey::from_seed("other.example", [1; 32]).unwrap();
        let error = good.open(TYPE, other.verifier()).unwrap_err().to_string();
        assert!(error.contains("is not signed by `other.example+"), "{error}");
    }
}

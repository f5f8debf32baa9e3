//! A provider's public keys (RFC 7517), of the kinds that tokens may be signed with.
//!
//! Keys of other kinds, for encryption, or with parts that cannot be read are left out: a provider may publish
//! more than we understand. This module must not know: where keys come from, what tokens say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;

use super::jws::{Algorithm, Family};

/// More than any provider has at once; each may be tried for a token without `kid`.
const MAX_KEYS: usize = 64;

/// All usable keys of one provider.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
pub(super) struct Key {
    kid: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, uncompressed, or 32 bytes of Ed25519.
    Point(Family, Vec<u8>),
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("its keys are no JSON Web Key Set: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("it publishes no key that signs with RS256, PS256, ES256 or EdDSA")]
    NoneUsable,
}

impl Keys {
    /// # Errors
    /// When this is no key set, or has no key that we could use.
    pub fn read(bytes: &[u8]) -> Result<Self, KeysError> {
        let set: JwkSet = serde_json::from_slice(bytes)?;
        let read = |value| serde_json::from_value::<Jwk>(value).ok().and_then(key);
        let keys: Vec<Key> = set.keys.into_iter().filter_map(read).take(MAX_KEYS).collect();
        if keys.is_empty() { Err(KeysError::NoneUsable) } else { Ok(Self(keys)) }
    }

    /// The keys that may have signed a token that claims this.
    pub(super) fn fitting<'k>(
        &'k self,
        algorithm: Algorithm,
        kid: Option<&'k str>,
    ) -> impl Iterator<Item = &'k Key> {
        self.0.iter().filter(move |key| {
            (kid.is_none() || key.kid.as_deref() == kid)
                && key.family() == algorithm.family()
                && key.algorithm.as_deref().is_none_or(|own| Algorithm::named(own) == Some(algorithm))
        })
    }
}

impl Key {
    const fn family(&self) -> Family {
        match &self.material {
            Material::Rsa { .. } => Family::Rsa,
            Material::Point(family, _) => *family,
        }
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], with: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => algorithm
                .rsa()
                .is_some_and(|rsa| RsaPublicKeyComponents { n, e }.verify(rsa, message, with).is_ok()),
            Material::Point(family, point) => curve(*family)
                .is_some_and(|curve| UnparsedPublicKey::new(curve, point).verify(message, with).is_ok()),
        }
    }
}

/// JWS carries ECDSA signatures as two fixed numbers (RFC 7518 §3.4).
fn curve(family: Family) -> Option<&'static dyn VerificationAlgorithm> {
    match family {
        Family::P256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
        Family::P384 => Some(&signature::ECDSA_P384_SHA384_FIXED),
        Family::Ed25519 => Some(&signature::ED25519),
        Family::Rsa => None,
    }
}

fn key(jwk: Jwk) -> Option<Key> {
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return None;
    }
    let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?.trim_end_matches('=')).ok();
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { n: unsigned(part(&jwk.n)?), e: unsigned(part(&jwk.e)?) },
        ("EC", Some("P-256")) => point(Family::P256, 32, &part(&jwk.x)?, &part(&jwk.y)?)?,
        ("EC", Some("P-384")) => point(Family::P384, 48, &part(&jwk.x)?, &part(&jwk.y)?)?,
        ("OKP", Some("Ed25519")) => Material::Point(Family::Ed25519, part(&jwk.x).filter(|x| x.len() == 32)?),
        _ => return None,
    };
    Some(Key { kid: jwk.kid, algorithm: jwk.alg, material })
}

fn point(family: Family, length: usize, x: &[u8], y: &[u8]) -> Option<Material> {
    let whole = x.len() == length && y.len() == length;
    whole.then(|| Material::Point(family, [&[4], x, y].concat()))
}

/// Some providers write a leading zero byte, which ring refuses.
fn unsigned(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::Signer;
    use super::*;

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let good = Signer::fixed().jwk();
        let mut encrypts = good.clone();
        encrypts["use"] = "enc".into();
        let symmetric = serde_json::json!({"kty": "oct", "k": "c2VjcmV0"});
        let short = serde_json::json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
        let read = |keys: &[&serde_json::Value]| {
            Keys::read(serde_json::json!({ "keys": keys }).to_string().as_bytes()).map(|keys| keys.0.len())
        };
        assert_eq!(read(&[&symmetric, &encrypts, &short, &good]).unwrap(), 1);
        assert!(matches!(read(&[&symmetric, &encrypts]), Err(KeysError::NoneUsable)));
        assert!(matches!(Keys::read(b"[]"), Err(KeysError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Keys::read(&bytes).is_err());
        }
    }
}

//! Signed tokens in compact form (RFC 7515), read and verified with a provider's keys.
//!
//! Only asymmetric algorithms exist here: `none` and the `HS` family cannot even be spelled. This module must not
//! know: what claims mean, time, the network.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature as ring_keys;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::Keys;

/// Tokens with the groups of a whole company fit; what is longer is not read.
const MAX_CHARS: usize = 16 << 10;

/// An algorithm that a token may be signed with (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// What a key is, which must fit what a token claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    const ALL: [(&str, Self); 9] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
        }
    }

    /// For RSA keys of 2048 to 8192 bits.
    pub(super) const fn rsa(self) -> Option<&'static ring_keys::RsaParameters> {
        match self {
            Self::Rs256 => Some(&ring_keys::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&ring_keys::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&ring_keys::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Some(&ring_keys::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&ring_keys::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&ring_keys::RSA_PSS_2048_8192_SHA512),
            Self::Es256 | Self::Es384 | Self::EdDsa => None,
        }
    }
}

/// Why a token was not accepted, before its claims were looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("it is no signed JSON Web Token: {0}")]
    Malformed(&'static str),
    #[error("its algorithm `{0}` is not accepted: have the provider sign with RS256, PS256, ES256 or EdDSA")]
    Algorithm(String),
    #[error("it demands an extension that is not known here")]
    Critical,
    #[error("the provider publishes no key {}that it could be signed with", named(.0.as_deref()))]
    UnknownKey(Option<String>),
    #[error("its signature is wrong")]
    Signature,
}

fn named(kid: Option<&str>) -> String {
    kid.map(|kid| format!("`{}` ", kid.chars().take(64).collect::<String>())).unwrap_or_default()
}

/// A token that was read and not verified.
pub struct Token<'t> {
    pub algorithm: Algorithm,
    pub kid: Option<String>,
    signed: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

impl<'t> Token<'t> {
    /// # Errors
    /// When this is no token in compact form, or one that is not accepted whoever signed it.
    pub fn read(text: &'t str) -> Result<Self, JwsError> {
        if text.len() > MAX_CHARS {
            return Err(JwsError::Malformed("it is longer than 16 KiB"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed("it has no dots"))?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed("it has one dot only"))?;
        if payload.contains('.') {
            return Err(JwsError::Malformed("it has more than two dots"));
        }
        let header: Header = serde_json::from_slice(&decoded(header)?)
            .map_err(|_| JwsError::Malformed("its header is not understood"))?;
        if header.crit.is_some() {
            return Err(JwsError::Critical);
        }
        let algorithm = Algorithm::named(&header.alg)
            .ok_or_else(|| JwsError::Algorithm(header.alg.chars().take(32).collect()))?;
        Ok(Self { algorithm, kid: header.kid, signed, payload, signature: decoded(signature)? })
    }

    /// The claims, once one of the provider's keys has verified them.
    ///
    /// # Errors
    /// [`JwsError::UnknownKey`] when newer keys might help.
    pub fn verified(&self, keys: &Keys) -> Result<Map<String, Value>, JwsError> {
        let mut fitting = keys.fitting(self.algorithm, self.kid.as_deref()).peekable();
        if fitting.peek().is_none() {
            return Err(JwsError::UnknownKey(self.kid.clone()));
        }
        if !fitting.any(|key| key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature)) {
            return Err(JwsError::Signature);
        }
        serde_json::from_slice(&decoded(self.payload)?)
            .map_err(|_| JwsError::Malformed("its claims are no JSON object"))
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed("its base64url is broken"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::Signer;
    use super::*;

    fn check(text: &str, keys: &Keys, expect: Result<(), JwsError>) {
        let got = Token::read(text).and_then(|token| token.verified(keys)).map(|_| ());
        assert_eq!(got, expect, "{text}");
    }

    fn with_header(header: &str, of: &str) -> String {
        let (_, rest) = of.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn what_is_accepted() {
        let (signer, other) = (Signer::new("one"), Signer::new("two"));
        let keys = signer.keys();
        let token = signer.sign(&serde_json::json!({"sub": "ana"}));
        check(&token, &keys, Ok(()));
        check(&token, &other.keys(), Err(JwsError::UnknownKey(Some("one".to_owned()))));
        check(&token, &Signer::new("one").keys(), Err(JwsError::Signature));
        for alg in ["none", "None", "HS256", "ES512", ""] {
            let header = format!(r#"{{"alg":"{alg}","kid":"one"}}"#);
            check(&with_header(&header, &token), &keys, Err(JwsError::Algorithm(alg.to_owned())));
        }
        // A key of one kind never verifies what claims another.
        let unknown = JwsError::UnknownKey(Some("one".to_owned()));
        check(&with_header(r#"{"alg":"RS256","kid":"one"}"#, &token), &keys, Err(unknown));
        let critical = with_header(r#"{"alg":"ES256","kid":"one","crit":["b64"],"b64":false}"#, &token);
        check(&critical, &keys, Err(JwsError::Critical));
        check(&format!("{token}.x"), &keys, Err(JwsError::Malformed("it has more than two dots")));
        check("a.b", &keys, Err(JwsError::Malformed("it has one dot only")));
        check(&"a".repeat(MAX_CHARS + 1), &keys, Err(JwsError::Malformed("it is longer than 16 KiB")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}(\\.\\PC{0,80}){0,3}") {
            let keys = Keys::read(&[]).unwrap_or_default();
            prop_assert!(Token::read(&text).and_then(|token| token.verified(&keys)).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(at in 0_usize..2000, with in "[A-Za-z0-9._-]") {
            let signer = Signer::fixed();
            let token = signer.sign(&serde_json::json!({"sub": "ana", "groups": ["risk"]}));
            let at = at % token.len();
            let mut changed = token.clone();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != token);
            let keys = signer.keys();
            prop_assert!(Token::read(&changed).and_then(|token| token.verified(&keys)).is_err());
        }
    }
}

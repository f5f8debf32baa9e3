//! Small values that a browser keeps for us, signed: `v1.<base64url JSON>.<HMAC-SHA256>`.
//!
//! Each kind has a key of its own, so that none passes for another. Whether a value is still good is for its
//! reader to say. This module must not know: what the values mean.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Seals values of one kind.
pub struct Sealer(hmac::Key);

impl Sealer {
    /// `kind` is a word of our own that says what the values are.
    #[must_use]
    pub fn new(secret: &[u8; 32], kind: &str) -> Self {
        let parent = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&parent, format!("countersign {kind} v1").as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// Base64url text that only we can compute, for a word that everybody may see.
    #[must_use]
    pub fn derived(&self, what: &str, from: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, format!("{what} {from}").as_bytes()))
    }

    #[must_use]
    pub fn seal<T: Serialize>(&self, value: &T) -> Option<String> {
        let body = format!("v1.{}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).ok()?));
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, body.as_bytes()));
        Some(format!("{body}.{tag}"))
    }

    /// The value, when we sealed it.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, sealed: &str) -> Option<T> {
        let (body, tag) = sealed.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, body.as_bytes(), &tag).ok()?;
        let value = URL_SAFE_NO_PAD.decode(body.strip_prefix("v1.")?).ok()?;
        serde_json::from_slice(&value).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_ours_and_of_this_kind() {
        let sealer = Sealer::new(&[7; 32], "attempt");
        let sealed = sealer.seal(&("a", 1)).unwrap();
        assert_eq!(sealer.open::<(String, u8)>(&sealed), Some(("a".to_owned(), 1)));
        assert_eq!(Sealer::new(&[7; 32], "fresh").open::<(String, u8)>(&sealed), None);
        assert_eq!(Sealer::new(&[8; 32], "attempt").open::<(String, u8)>(&sealed), None);
        assert_ne!(sealer.derived("nonce", "x"), sealer.derived("verifier", "x"));
    }

    proptest! {
        #[test]
        fn a_changed_value_is_refused(at in 0_usize..200, with in "[A-Za-z0-9._-]") {
            let sealer = Sealer::new(&[7; 32], "attempt");
            let sealed = sealer.seal(&"somebody").unwrap();
            let mut changed = sealed.clone();
            let at = at % changed.len();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != sealed);
            prop_assert_eq!(sealer.open::<String>(&changed), None);
        }

        #[test]
        fn any_text_is_refused(text in "\\PC{0,120}") {
            prop_assert_eq!(Sealer::new(&[7; 32], "attempt").open::<String>(&text), None);
        }
    }
}

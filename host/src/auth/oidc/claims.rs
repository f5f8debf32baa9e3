//! What a verified token says, and whether it holds for us at this moment (OpenID Connect Core §3.1.3.7, RFC 9068 §4).
//!
//! Pure: the time is an argument. This module must not know: signatures, keys, the network, people.

use std::collections::BTreeSet;

use countersign_core::time::Millis;
use serde_json::{Map, Value};

/// By how much clocks may differ.
pub const LEEWAY_SECONDS: i64 = 60;

/// The claims of a token whose signature is right.
#[derive(Debug, Clone, Default)]
pub struct Claims(Map<String, Value>);

/// Why claims do not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    #[error("it has no usable claim `{0}`")]
    Missing(&'static str),
    #[error("it was issued by `{is}`, not by `{want}`")]
    Issuer { is: String, want: String },
    #[error(
        "it is meant for {is}, not for {want}: ask the provider for a token with that audience, or name another \
         as `audience` under [oidc]"
    )]
    Audience { is: String, want: String },
    #[error("it was given to another client, `{0}`")]
    Party(String),
    #[error("it expired {0} s ago: get a new one")]
    Expired(i64),
    #[error(
        "it is not valid for another {0} s: if it is new, the clocks of this machine and of the provider differ"
    )]
    NotYet(i64),
    #[error("it does not answer this sign-in")]
    Nonce,
    #[error("the provider did not ask for the password again: it was last given {0} s before")]
    OldAuthentication(i64),
}

impl Claims {
    #[must_use]
    pub const fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim by its name, or by a path with dots such as Keycloak's `realm_access.roles`.
    fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let mut parts = name.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        })
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether a claim says yes: `true`, or the word.
    #[must_use]
    pub fn says_yes(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| value == &Value::Bool(true) || value == "true")
    }

    /// Groups: an array of texts, or texts with spaces between. `None` when the token says nothing about them.
    #[must_use]
    pub fn groups(&self, name: &str) -> Option<BTreeSet<String>> {
        let owned = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match self.find(name)? {
            Value::String(text) => Some(text.split_whitespace().filter_map(owned).collect()),
            Value::Array(list) => {
                Some(list.iter().filter_map(Value::as_str).filter_map(|text| owned(text.trim())).collect())
            }
            _ => None,
        }
    }

    /// A time in whole seconds; providers also write fractions.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest number in range")]
        value.as_i64().or_else(|| value.as_f64().filter(|at| at.is_finite()).map(|at| at as i64))
    }

    /// When it was issued, or as good as that.
    #[must_use]
    pub fn issued(&self, now: Millis) -> Millis {
        let at = self.seconds("iat").map_or(now, |at| Millis::new(at.saturating_mul(1000)));
        at.min(now)
    }

    #[must_use]
    pub fn expires(&self) -> Millis {
        Millis::new(self.seconds("exp").unwrap_or(0).saturating_mul(1000))
    }

    fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether any of `wanted` is meant.
    ///
    /// # Errors
    /// [`ClaimsError::Audience`].
    pub fn meant_for(&self, wanted: &[String]) -> Result<(), ClaimsError> {
        let audiences = self.audiences();
        if audiences.iter().any(|audience| wanted.iter().any(|want| want == audience)) {
            return Ok(());
        }
        let listed = |names: &mut dyn Iterator<Item = &str>| {
            let names: Vec<String> = names.map(|name| format!("`{}`", short(name))).collect();
            if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
        };
        Err(ClaimsError::Audience {
            is: listed(&mut audiences.into_iter().take(4)),
            want: listed(&mut wanted.iter().map(String::as_str)),
        })
    }

    /// What every token must satisfy: who issued it, and when it holds.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn hold(&self, issuer: &str, now: Millis) -> Result<(), ClaimsError> {
        let is = self.text("iss").ok_or(ClaimsError::Missing("iss"))?;
        if is != issuer {
            return Err(ClaimsError::Issuer { is: short(is), want: issuer.to_owned() });
        }
        self.text("sub").ok_or(ClaimsError::Missing("sub"))?;
        let now = now.get().div_euclid(1000);
        let expires = self.seconds("exp").ok_or(ClaimsError::Missing("exp"))?;
        let ago = now.saturating_sub(expires);
        if ago >= LEEWAY_SECONDS {
            return Err(ClaimsError::Expired(ago));
        }
        for name in ["nbf", "iat"] {
            // A claim that is there and cannot be read must not count as one that is not there.
            if self.0.contains_key(name) && self.seconds(name).is_none() {
                return Err(ClaimsError::Missing(name));
            }
            let ahead = self.seconds(name).map_or(0, |at| at.saturating_sub(now));
            if ahead > LEEWAY_SECONDS {
                return Err(ClaimsError::NotYet(ahead));
            }
        }
        Ok(())
    }

    /// What an ID token must satisfy besides.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn answer(&self, client_id: &str, nonce: &str) -> Result<(), ClaimsError> {
        self.meant_for(std::slice::from_ref(&client_id.to_owned()))?;
        match self.text("azp") {
            Some(party) if party != client_id => return Err(ClaimsError::Party(short(party))),
            None if self.audiences().len() > 1 => return Err(ClaimsError::Missing("azp")),
            _ => {}
        }
        if self.text("nonce") == Some(nonce) { Ok(()) } else { Err(ClaimsError::Nonce) }
    }

    /// That the person proved who they are since `began`.
    ///
    /// # Errors
    /// Also when the provider does not say when they did.
    pub fn authenticated_since(&self, began: Millis) -> Result<(), ClaimsError> {
        let at = self.seconds("auth_time").ok_or(ClaimsError::Missing("auth_time"))?;
        let before = began.get().div_euclid(1000).saturating_sub(at);
        if before > LEEWAY_SECONDS / 2 { Err(ClaimsError::OldAuthentication(before)) } else { Ok(()) }
    }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Millis = Millis::new(1_000_000_000);

    fn claims(value: &Value) -> Claims {
        Claims::new(value.as_object().unwrap().clone())
    }

    fn check(changed: &Value, expect: Result<(), ClaimsError>) {
        let mut all = json!({"iss": "https://id", "sub": "ana", "aud": "us", "nonce": "n",
                             "iat": 1_000_000, "exp": 1_000_300});
        for (name, value) in changed.as_object().unwrap() {
            all[name] = value.clone();
        }
        let claims = claims(&all);
        let got = claims.hold("https://id", NOW).and_then(|()| claims.answer("us", "n"));
        assert_eq!(got, expect, "{changed}");
    }

    #[test]
    fn id_tokens() {
        check(&json!({}), Ok(()));
        let is = "https://id/".to_owned();
        check(&json!({"iss": is}), Err(ClaimsError::Issuer { is, want: "https://id".to_owned() }));
        let want = || "`us`".to_owned();
        check(&json!({"aud": "them"}), Err(ClaimsError::Audience { is: "`them`".to_owned(), want: want() }));
        check(&json!({"aud": []}), Err(ClaimsError::Audience { is: "nobody".to_owned(), want: want() }));
        check(&json!({"aud": ["us", "them"]}), Err(ClaimsError::Missing("azp")));
        check(&json!({"aud": ["us", "them"], "azp": "us"}), Ok(()));
        check(&json!({"azp": "them"}), Err(ClaimsError::Party("them".to_owned())));
        check(&json!({"exp": 999_941}), Ok(()));
        check(&json!({"exp": 999_940}), Err(ClaimsError::Expired(60)));
        check(&json!({"exp": "soon"}), Err(ClaimsError::Missing("exp")));
        check(&json!({"nbf": 1_000_061}), Err(ClaimsError::NotYet(61)));
        check(&json!({"nbf": "2001"}), Err(ClaimsError::Missing("nbf")));
        check(&json!({"iat": 1_000_100}), Err(ClaimsError::NotYet(100)));
        check(&json!({"nonce": "m"}), Err(ClaimsError::Nonce));
        check(&json!({"nonce": null}), Err(ClaimsError::Nonce));
        check(&json!({"sub": ""}), Err(ClaimsError::Missing("sub")));
    }

    #[test]
    fn groups_in_every_spelling() {
        let check = |value: Value, expect: Option<&[&str]>| {
            let got = claims(&json!({"g": value.clone(), "deep": {"er": value}}));
            let expect = expect.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(got.groups("g"), expect);
            assert_eq!(got.groups("deep.er"), expect);
        };
        check(json!(["model risk", "legal", ""]), Some(&["model risk", "legal"]));
        check(json!("risk  legal"), Some(&["risk", "legal"]));
        check(json!(""), Some(&[]));
        check(json!([1, {"a": 2}]), Some(&[]));
        check(json!(7), None);
        assert_eq!(claims(&json!({})).groups("g"), None);
    }

    #[test]
    fn a_recent_authentication() {
        let check = |at: Value, expect| {
            assert_eq!(claims(&json!({"auth_time": at})).authenticated_since(NOW), expect);
        };
        check(json!(1_000_002), Ok(()));
        check(json!(999_970), Ok(()));
        check(json!(999_969), Err(ClaimsError::OldAuthentication(31)));
        check(json!(null), Err(ClaimsError::Missing("auth_time")));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z ]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 12, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::from))
    }

    proptest! {
        /// Whatever a claim is, it never panics, and never makes an expired token hold.
        #[test]
        fn no_claim_revives_an_expired_token(name in "iat|nbf|aud|azp|nonce|sub|x", value in any_json()) {
            let mut all = json!({"iss": "https://id", "sub": "ana", "aud": "us", "nonce": "n", "exp": 900_000});
            all[name.as_str()] = value;
            let claims = claims(&all);
            prop_assert!(claims.hold("https://id", NOW).is_err());
            let _ = (claims.answer("us", "n"), claims.groups(&name), claims.issued(NOW), claims.expires());
        }

        /// A later moment never makes a token valid again that had expired.
        #[test]
        fn expiry_is_monotone(exp in any::<i64>(), at in 0_i64..4_000_000_000, later in 0_i64..4_000_000_000) {
            let claims = claims(&json!({"iss": "i", "sub": "s", "exp": exp}));
            let now = Millis::new(at * 1000);
            if matches!(claims.hold("i", now), Err(ClaimsError::Expired(_))) {
                let then = Millis::new((at + later) * 1000);
                prop_assert!(matches!(claims.hold("i", then), Err(ClaimsError::Expired(_))));
            }
        }
    }
}

//! What a browser carries for us while it is at the provider, and the proof that it brings back.
//!
//! Both cookies are sent to our own pages only, never to MLflow's. What a sign-in must keep secret (the PKCE
//! verifier, the nonce) is computed from its id and is in no cookie. This module must not know: the provider, tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_core::names::PersonId;
use countersign_core::time::Millis;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::auth::sealed::Sealer;
use crate::auth::sessions::cookies;

/// How long somebody may take at the provider.
pub const ATTEMPT_SECONDS: i64 = 600;
/// How long a signature may be given after its proof.
pub const FRESH_SECONDS: i64 = 300;

/// A sign-in that is under way in one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The `state` that the provider gives back.
    pub id: String,
    pub began: Millis,
    /// Where it leads to: a path on this server.
    pub next: String,
    pub purpose: Purpose,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    SignIn,
    /// To sign, as this person, exactly this.
    Prove {
        person: PersonId,
        about: String,
    },
}

/// That somebody has just signed in again, for one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    id: String,
    pub person: PersonId,
    pub about: String,
    until: Millis,
}

/// Makes and reads the two cookies.
pub struct Cookies {
    attempts: Sealer,
    proofs: Sealer,
    path: String,
    secure: bool,
    /// Proofs that were used, until they would be over anyway.
    used: Mutex<HashMap<String, Millis>>,
}

const ATTEMPT: &str = "countersign_oidc";
const FRESH: &str = "countersign_proof";

impl Cookies {
    /// `path` is where our pages begin.
    #[must_use]
    pub fn new(secret: &[u8; 32], path: &str, secure: bool) -> Self {
        Self {
            attempts: Sealer::new(secret, "oidc attempt"),
            proofs: Sealer::new(secret, "oidc proof"),
            path: path.to_owned(),
            secure,
            used: Mutex::default(),
        }
    }

    /// The PKCE verifier of an attempt (RFC 7636 §4.1): 43 characters.
    #[must_use]
    pub fn verifier(&self, attempt: &Attempt) -> String {
        self.attempts.derived("verifier", &attempt.id)
    }

    #[must_use]
    pub fn nonce(&self, attempt: &Attempt) -> String {
        self.attempts.derived("nonce", &attempt.id)
    }

    #[must_use]
    pub fn begin(&self, attempt: &Attempt) -> Option<String> {
        Some(self.set(ATTEMPT, &self.attempts.seal(attempt)?, ATTEMPT_SECONDS))
    }

    /// The attempt that this browser is at, if it is not over.
    #[must_use]
    pub fn attempt(&self, headers: &HeaderMap, now: Millis) -> Option<Attempt> {
        let attempt: Attempt = self.attempts.open(self.value(headers, ATTEMPT)?)?;
        (0..ATTEMPT_SECONDS * 1000).contains(&now.since(attempt.began)).then_some(attempt)
    }

    #[must_use]
    pub fn end(&self) -> String {
        self.set(ATTEMPT, "", 0)
    }

    /// The proof that an attempt has earned.
    #[must_use]
    pub fn prove(&self, attempt: &Attempt, now: Millis) -> Option<String> {
        let Purpose::Prove { person, about } = &attempt.purpose else { return None };
        let until = Millis::new(now.get().saturating_add(FRESH_SECONDS * 1000));
        let fresh = Fresh { id: attempt.id.clone(), person: person.clone(), about: about.clone(), until };
        Some(self.set(FRESH, &self.proofs.seal(&fresh)?, FRESH_SECONDS))
    }

    /// The proof in these headers, if it is still good.
    #[must_use]
    pub fn fresh(&self, headers: &HeaderMap, now: Millis) -> Option<Fresh> {
        let fresh: Fresh = self.proofs.open(self.value(headers, FRESH)?)?;
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        (now < fresh.until && !used.contains_key(&fresh.id)).then_some(fresh)
    }

    /// Uses a proof up; `false` when that was done before.
    pub fn spend(&self, fresh: &Fresh, now: Millis) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| now < *until);
        now < fresh.until && used.insert(fresh.id.clone(), fresh.until).is_none()
    }

    fn value<'h>(&self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        let name = self.name(name);
        cookies(headers).find_map(|(found, value)| (found == name).then_some(value))
    }

    /// `__Secure-`: a page that came by http cannot set it (RFC 6265bis §4.1.3).
    fn name(&self, name: &str) -> String {
        if self.secure { format!("__Secure-{name}") } else { name.to_owned() }
    }

    fn set(&self, name: &str, value: &str, seconds: i64) -> String {
        let (name, path) = (self.name(name), &self.path);
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    fn carried(set: &str) -> HeaderMap {
        let pair = set.split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, pair.parse().unwrap())])
    }

    #[test]
    fn an_attempt_lasts_ten_minutes_and_earns_one_proof() {
        let cookies = Cookies::new(&[7; 32], "/_countersign", true);
        let purpose = Purpose::Prove { person: "u_ruth".into(), about: "7".to_owned() };
        let attempt = Attempt { id: "x".to_owned(), began: Millis::new(0), next: "/".to_owned(), purpose };
        let set = cookies.begin(&attempt).unwrap();
        assert!(set.starts_with("__Secure-countersign_oidc=v1."), "{set}");
        assert!(set.ends_with("; Path=/_countersign; Max-Age=600; HttpOnly; SameSite=Lax; Secure"), "{set}");
        let headers = carried(&set);
        for (now, expect) in [(0, true), (599_999, true), (600_000, false), (-1, false)] {
            assert_eq!(cookies.attempt(&headers, Millis::new(now)).is_some(), expect, "{now}");
        }
        assert_eq!(cookies.fresh(&headers, Millis::new(0)), None, "an attempt is no proof");

        let headers = carried(&cookies.prove(&attempt, Millis::new(1_000)).unwrap());
        let fresh = cookies.fresh(&headers, Millis::new(300_999)).unwrap();
        assert_eq!(cookies.fresh(&headers, Millis::new(301_000)), None);
        assert!(cookies.spend(&fresh, Millis::new(2_000)));
        assert!(!cookies.spend(&fresh, Millis::new(2_000)));
        assert_eq!(cookies.fresh(&headers, Millis::new(2_000)), None);
        let sign_in = Attempt { purpose: Purpose::SignIn, ..attempt };
        assert_eq!(cookies.prove(&sign_in, Millis::new(0)), None);
        assert_eq!(cookies.verifier(&sign_in).len(), 43);
        assert_ne!(cookies.verifier(&sign_in), cookies.nonce(&sign_in));
    }
}

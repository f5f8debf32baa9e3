//! The OpenID provider over the network: discovery, keys, and the exchange of a code.
//!
//! Keys are fetched again every minute by whoever calls [`Provider::refresh`], and at once (but not often) when a
//! token names one that is not there: that is how providers rotate them. While the provider is away, what was
//! fetched stays good. This module must not know: sessions, cookies, what claims mean to us.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use countersign_core::time::Millis;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::jws::{JwsError, Token};
use super::keys::{Keys, KeysError};
use super::wire::{self, Client};
use crate::clock::Clock;

/// Strangers can send tokens with any key id: they cannot make us ask more often than this.
const UNKNOWN_KEY_MS: i64 = 5_000;
/// A provider that did not answer is left alone for this long.
const FAILED_MS: i64 = 3_000;

/// One provider.
pub struct Provider {
    issuer: String,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Known>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
    last: Mutex<Last>,
}

/// What was fetched.
pub(super) struct Known {
    pub(super) metadata: Metadata,
    keys: Keys,
}

#[derive(Clone, Default)]
struct Last {
    tried: Option<Millis>,
    error: Option<ProviderError>,
}

/// OpenID Connect Discovery §3, what we need of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    pub(super) userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Why the provider could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("{url} did not answer: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} answered {status}: {said}")]
    Refused { url: String, status: u16, said: String },
    #[error("the answer of {url} is not understood: {reason}")]
    Malformed { url: String, reason: String },
    #[error("it calls itself `{is}`, and not `{want}`: write `issuer = \"{is}\"` under [oidc]")]
    OtherIssuer { is: String, want: String },
    #[error("{0}")]
    Keys(String),
}

/// What a code was exchanged for.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    #[serde(default)]
    pub(super) access_token: Option<String>,
}

/// What a token failed on: itself, or its provider.
#[derive(Debug)]
pub(super) enum Unverified {
    Token(JwsError),
    Provider(ProviderError),
}

impl Provider {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// When the machine's root certificates cannot be read.
    pub fn new(issuer: &str, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        Ok(Self {
            issuer: issuer.to_owned(),
            http: wire::http(issuer)?,
            clock,
            known: ArcSwapOption::empty(),
            fetching: tokio::sync::Mutex::new(()),
            last: Mutex::default(),
        })
    }

    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Why the provider cannot be used at the moment, as far as is known without asking it.
    #[must_use]
    pub fn trouble(&self) -> Option<ProviderError> {
        self.last().error
    }

    /// Fetches what is needed when that was not yet done.
    ///
    /// # Errors
    /// When the provider does not answer as one; for a moment also without asking again.
    pub(super) async fn known(&self) -> Result<Arc<Known>, ProviderError> {
        match self.known.load_full() {
            Some(known) => Ok(known),
            None => self.fetched(FAILED_MS).await,
        }
    }

    /// The claims of a token that this provider signed.
    pub(super) async fn verify(&self, text: &str) -> Result<Map<String, Value>, Unverified> {
        let token = Token::read(text).map_err(Unverified::Token)?;
        let known = self.known().await.map_err(Unverified::Provider)?;
        match token.verified(&known.keys) {
            Err(JwsError::UnknownKey(kid)) if self.may_try(UNKNOWN_KEY_MS) => {
                tracing::info!(oidc.kid = ?kid, "a token names a key that is not known: keys are fetched again");
                let newer = self.fetched(UNKNOWN_KEY_MS).await.map_err(Unverified::Provider)?;
                token.verified(&newer.keys).map_err(Unverified::Token)
            }
            other => other.map_err(Unverified::Token),
        }
    }

    /// Exchanges the code of a sign-in (RFC 6749 §4.1.3, RFC 7636 §4.5).
    pub(super) async fn exchange(
        &self,
        client: &Client,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, ProviderError> {
        let known = self.known().await?;
        let url = &known.metadata.token_endpoint;
        let methods = known.metadata.token_endpoint_auth_methods_supported.as_deref();
        let request = wire::exchange(self.http.post(url), client, methods, code, verifier);
        self.json(url, request).await
    }

    /// More about a person, where the ID token leaves it out (OpenID Connect Core §5.3).
    pub(super) async fn userinfo(&self, url: &str, token: &str) -> Result<Map<String, Value>, ProviderError> {
        self.json(url, self.http.get(url).bearer_auth(token)).await
    }

    /// Asks now.
    ///
    /// # Errors
    /// See [`ProviderError`]. What was known before stays.
    pub async fn refresh(&self) -> Result<(), ProviderError> {
        let _one = self.fetching.lock().await;
        self.renewed().await.map(drop)
    }

    fn last(&self) -> Last {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn may_try(&self, after: i64) -> bool {
        let now = self.clock.now();
        // A clock that was set back must not close the door for long.
        self.last().tried.is_none_or(|tried| !(0..after).contains(&now.since(tried)))
    }

    /// Fetches once, however many ask: those who waited take what the first one got.
    async fn fetched(&self, not_again_for: i64) -> Result<Arc<Known>, ProviderError> {
        let asked = self.clock.now();
        let _one = self.fetching.lock().await;
        let last = self.last();
        let tried_since = last.tried.is_some_and(|tried| tried >= asked) || !self.may_try(not_again_for);
        match (self.known.load_full(), last.error) {
            (None, Some(error)) if tried_since => Err(error),
            (Some(known), _) if tried_since => Ok(known),
            (before, _) => match (self.renewed().await, before) {
                (Err(_), Some(before)) => Ok(before),
                (renewed, _) => renewed,
            },
        }
    }

    async fn renewed(&self) -> Result<Arc<Known>, ProviderError> {
        let outcome = self.fetch().await;
        self.note(outcome.as_ref().err());
        let known = Arc::new(outcome?);
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    fn note(&self, error: Option<&ProviderError>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (&last.error, error) {
            (before, Some(error)) if before.as_ref() != Some(error) => {
                tracing::warn!(oidc.issuer = %self.issuer, %error, "the identity provider cannot be used");
            }
            (Some(_), None) => tracing::info!(oidc.issuer = %self.issuer, "the identity provider is back"),
            _ => {}
        }
        *last = Last { tried: Some(self.clock.now()), error: error.cloned() };
    }

    async fn fetch(&self) -> Result<Known, ProviderError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = self.json(&url, self.http.get(&url)).await?;
        if metadata.issuer != self.issuer {
            return Err(ProviderError::OtherIssuer { is: metadata.issuer, want: self.issuer.clone() });
        }
        let url = &metadata.jwks_uri;
        let bytes = wire::body(url, self.http.get(url)).await?;
        let keys = Keys::read(&bytes).map_err(|error: KeysError| ProviderError::Keys(error.to_string()))?;
        Ok(Known { metadata, keys })
    }

    async fn json<T: DeserializeOwned>(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, ProviderError> {
        let bytes = wire::body(url, request).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ProviderError::Malformed { url: url.to_owned(), reason: error.to_string() })
    }
}

/// For the answers of a provider that takes a while.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

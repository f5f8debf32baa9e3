//! An OpenID provider knows the people: browsers sign in there by code flow with PKCE, programs send its tokens.
//!
//! A token is verified once and believed for at most a minute, and never past its end; a session asks nobody. What
//! the provider says of somebody is kept as their [`Profile`]. This module must not know: pages, seats, how
//! profiles are kept.

pub mod claims;
pub mod cookies;
pub mod jws;
pub mod keys;
pub mod provider;
#[cfg(test)]
mod testing;
pub mod wire;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::names::PersonId;
use countersign_core::time::{Millis, Span};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use self::claims::{Claims, ClaimsError};
use self::cookies::{Attempt, Cookies, Fresh, Purpose};
use self::provider::{Provider, ProviderError, Unverified};
pub use self::wire::Client;
use super::presented::Presented;
use super::profiles::{Profile, Profiles};
use super::remembered::Remembered;
use super::sessions::{KeyError, Sessions, read_or_make_key};
use super::tokens::random_word;
use super::upstream::person_id;
use super::{AuthError, Caller, Identity, Method};
use crate::clock::{Clock, NoRandomness};

/// How groups of a provider are written in the policy: `oidc:GROUP`.
pub const PREFIX: &str = "oidc";

/// What the operator says about the provider.
#[derive(Debug, Clone)]
pub struct Settings {
    pub issuer: String,
    pub client: Client,
    /// Whom bearer tokens must be meant for. Empty: none are taken.
    pub audience: Vec<String>,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    pub name_claim: String,
    /// A claim that is true for machines.
    pub machine_claim: Option<String>,
    /// Clients whose tokens are machines'.
    pub machine_clients: BTreeSet<String>,
    /// Where our pages begin.
    pub base: String,
    /// Whether browsers come by https.
    pub secure: bool,
    pub session: Span,
}

/// `mode = "oidc"`.
pub struct Oidc {
    settings: Settings,
    provider: Provider,
    sessions: Sessions,
    cookies: Cookies,
    profiles: Profiles,
    /// Tokens, with their end.
    verified: Remembered<(Millis, Identity)>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("make an HTTP client for the identity provider")]
    Http(#[from] reqwest::Error),
}

/// A browser on its way to the provider.
pub struct Leaving {
    pub location: String,
    pub cookie: String,
}

/// A browser that came back and is known.
pub struct Arrived {
    pub identity: Identity,
    /// `Set-Cookie` values.
    pub cookies: Vec<String>,
    pub next: String,
}

/// What the provider says in the query of the redirect (RFC 6749 §4.1.2, RFC 9207).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Callback {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

impl Oidc {
    /// Asks the provider nothing yet: a server starts without it.
    ///
    /// # Errors
    /// When the session key cannot be used.
    pub fn open(
        settings: Settings,
        session_key: &Path,
        profiles: Profiles,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let secret = read_or_make_key(session_key, &*clock)?;
        Ok(Self {
            provider: Provider::new(&settings.issuer, Arc::clone(&clock))?,
            sessions: Sessions::new(&secret, settings.secure).lasting(settings.session),
            cookies: Cookies::new(&secret, &settings.base, settings.secure),
            verified: Remembered::new(&*clock)?,
            settings,
            profiles,
            clock,
        })
    }

    /// See [`super::Auth::authenticate`].
    ///
    /// # Errors
    /// A token that does not hold, or a provider that cannot be asked about it.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, AuthError> {
        let Some(presented) = Presented::from_headers(headers)? else {
            return Ok(self.by_session(headers).map_or(Caller::Anonymous, Caller::Known));
        };
        let Presented::Bearer(token) = presented else {
            let why = "it has a name and a password, which only the identity provider takes: send `Bearer` and a \
                       token of it, as MLFLOW_TRACKING_TOKEN does";
            return Err(AuthError::Malformed(why));
        };
        let header = headers.get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
        let (fingerprint, now) = (self.verified.fingerprint(header), self.clock.now());
        if let Some((_, known)) = self.verified.get(fingerprint, now).filter(|(end, _)| now < *end) {
            return Ok(Caller::Known(known));
        }
        let (end, identity) = self.by_token(&token).await?;
        self.verified.put(fingerprint, now, (end, identity.clone()));
        Ok(Caller::Known(identity))
    }

    /// Sends a browser to the provider.
    ///
    /// # Errors
    /// When the provider cannot be asked where that is.
    pub async fn begin(&self, purpose: Purpose, next: &str) -> Result<Leaving, AuthError> {
        let known = self.provider.known().await.map_err(|error| self.unavailable(&error))?;
        let internal = |error: &dyn std::fmt::Display| AuthError::Internal(error.to_string());
        let id = random_word(&*self.clock, 32).map_err(|error| internal(&error))?;
        let attempt = Attempt { id, began: self.clock.now(), next: next.to_owned(), purpose };
        let cookie = self.cookies.begin(&attempt).ok_or_else(|| internal(&"the attempt cannot be written"))?;
        let location = self.authorization(&known.metadata.authorization_endpoint, &attempt);
        Ok(Leaving { location, cookie })
    }

    /// OpenID Connect Core §3.1.2.1, RFC 7636 §4.3.
    fn authorization(&self, endpoint: &str, attempt: &Attempt) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.cookies.verifier(attempt)));
        let (nonce, scopes) = (self.cookies.nonce(attempt), self.settings.scopes.join(" "));
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.settings.client.id),
            ("redirect_uri", &self.settings.client.redirect),
            ("scope", &scopes),
            ("state", &attempt.id),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if matches!(attempt.purpose, Purpose::Prove { .. }) {
            pairs.extend([("prompt", "login"), ("max_age", "0")]);
        }
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        format!("{endpoint}{separator}{}", wire::form(&pairs))
    }

    /// Takes a browser back from the provider.
    ///
    /// # Errors
    /// When this is not the answer to a sign-in that this browser began, or the provider did not sign anybody in.
    pub async fn finish(&self, headers: &HeaderMap, callback: &Callback) -> Result<Arrived, AuthError> {
        let now = self.clock.now();
        let attempt = self.cookies.attempt(headers, now);
        let attempt = attempt.filter(|attempt| callback.state.as_deref() == Some(&attempt.id));
        let attempt = attempt.ok_or_else(|| {
            AuthError::SignIn("it was not begun in this browser within the last ten minutes".to_owned())
        })?;
        let code = self.code(callback)?;
        let (profile, claims) = self.redeem(&attempt, code).await?;
        let mut cookies = vec![self.cookies.end()];
        match &attempt.purpose {
            Purpose::SignIn => {}
            Purpose::Prove { person, .. } if *person != profile.person => {
                let name = &profile.name;
                let why = format!("`{name}` signed in at the provider, and somebody else was about to sign here");
                return Err(AuthError::SignIn(why));
            }
            Purpose::Prove { .. } => {
                claims.authenticated_since(attempt.began).map_err(|error| AuthError::SignIn(error.to_string()))?;
                cookies.extend(self.cookies.prove(&attempt, now));
            }
        }
        self.keep(profile.clone()).await?;
        let session = self.sessions.start(&profile.person, 0, &*self.clock);
        cookies.push(session.map_err(|error| AuthError::Internal(error.to_string()))?);
        Ok(Arrived { identity: profile.identity(Method::Session), cookies, next: attempt.next })
    }

    fn code<'c>(&self, callback: &'c Callback) -> Result<&'c str, AuthError> {
        // RFC 9207: the answer of another provider must not be taken to this one.
        if callback.iss.as_deref().is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(AuthError::SignIn("another provider answered it".to_owned()));
        }
        if let Some(error) = &callback.error {
            let more = callback.error_description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            return Err(AuthError::SignIn(format!("the provider says `{error}`{more}")));
        }
        callback.code.as_deref().ok_or_else(|| AuthError::SignIn("the provider gave no code".to_owned()))
    }

    async fn redeem(&self, attempt: &Attempt, code: &str) -> Result<(Profile, Claims), AuthError> {
        let verifier = self.cookies.verifier(attempt);
        let exchanged = self.provider.exchange(&self.settings.client, code, &verifier).await;
        let tokens = exchanged.map_err(|error| self.unavailable(&error))?;
        let claims = self.verified_claims(&tokens.id_token).await?;
        let nonce = self.cookies.nonce(attempt);
        claims.answer(&self.settings.client.id, &nonce).map_err(refused)?;
        let more = self.more(&claims, tokens.access_token.as_deref()).await?;
        let about = |name: &str| if claims.has(name) { &claims } else { &more };
        // Who signs in without groups has none: whatever was known before is over.
        let groups = about(&self.settings.groups_claim).groups(&self.settings.groups_claim).unwrap_or_default();
        let name = about(&self.settings.name_claim).text(&self.settings.name_claim);
        let profile = self.profile(&claims, name, Some(groups), self.is_machine(&claims))?;
        Ok((profile, claims))
    }

    /// Providers leave out of the ID token what the userinfo endpoint says.
    async fn more(&self, claims: &Claims, access: Option<&str>) -> Result<Claims, AuthError> {
        let known = self.provider.known().await.map_err(|error| self.unavailable(&error))?;
        let whole = claims.has(&self.settings.groups_claim) && claims.has(&self.settings.name_claim);
        let (Some(url), Some(access), false) = (&known.metadata.userinfo_endpoint, access, whole) else {
            return Ok(Claims::default());
        };
        let info = self.provider.userinfo(url, access).await.map_err(|error| self.unavailable(&error))?;
        let info = Claims::new(info);
        if info.text("sub") != claims.text("sub") {
            return Err(AuthError::SignIn("the provider speaks of somebody else than it signed in".to_owned()));
        }
        Ok(info)
    }

    async fn by_token(&self, token: &str) -> Result<(Millis, Identity), AuthError> {
        if self.settings.audience.is_empty() {
            let why = "tokens of programs are not taken here: an operator must set `audience` under [oidc]";
            return Err(AuthError::Token(why.to_owned()));
        }
        let claims = self.verified_claims(token).await?;
        claims.meant_for(&self.settings.audience).map_err(refused)?;
        let name = claims.text(&self.settings.name_claim).or_else(|| claims.text("client_id"));
        let clients = &self.settings.machine_clients;
        let client = claims.text("client_id").or_else(|| claims.text("azp"));
        // RFC 9068 §2.2: where no person is involved, the subject is the client.
        let own = client.is_some() && client == claims.text("sub");
        let machine = own || client.is_some_and(|id| clients.contains(id)) || self.is_machine(&claims);
        let profile = self.profile(&claims, name, claims.groups(&self.settings.groups_claim), machine)?;
        self.keep(profile.clone()).await?;
        let kept = || (self.profiles.find)(&profile.person).and_then(|kept| kept.groups);
        let groups = profile.groups.clone().or_else(kept);
        Ok((claims.expires(), Profile { groups, ..profile }.identity(Method::Oidc)))
    }

    fn is_machine(&self, claims: &Claims) -> bool {
        let named = claims.text("sub").is_some_and(|sub| self.settings.machine_clients.contains(sub));
        named || self.settings.machine_claim.as_deref().is_some_and(|claim| claims.says_yes(claim))
    }

    async fn verified_claims(&self, token: &str) -> Result<Claims, AuthError> {
        let claims = self.provider.verify(token).await.map_err(|error| match error {
            Unverified::Token(error) => AuthError::Token(error.to_string()),
            Unverified::Provider(error) => self.unavailable(&error),
        })?;
        let claims = Claims::new(claims);
        claims.hold(&self.settings.issuer, self.clock.now()).map_err(refused)?;
        Ok(claims)
    }

    fn profile(
        &self,
        claims: &Claims,
        name: Option<&str>,
        groups: Option<BTreeSet<String>>,
        machine: bool,
    ) -> Result<Profile, AuthError> {
        let sub = claims.text("sub").ok_or_else(|| refused(ClaimsError::Missing("sub")))?;
        let prefixed = |group: String| format!("{PREFIX}:{group}");
        Ok(Profile {
            person: self.person(sub),
            name: name.unwrap_or(sub).chars().filter(|c| !c.is_control()).take(128).collect(),
            machine,
            groups: groups.map(|groups| groups.into_iter().map(prefixed).collect()),
            seen: claims.issued(self.clock.now()),
        })
    }

    /// The id of a subject of this provider.
    #[must_use]
    pub fn person(&self, sub: &str) -> PersonId {
        person_id(&self.settings.issuer, sub)
    }

    async fn keep(&self, profile: Profile) -> Result<(), AuthError> {
        (self.profiles.keep)(profile).await.map_err(AuthError::Internal)
    }

    fn by_session(&self, headers: &HeaderMap) -> Option<Identity> {
        let claim = self.sessions.verify(headers, self.clock.now())?;
        let profile = (self.profiles.find)(&claim.person)?;
        Some(profile.identity(Method::Session))
    }

    /// Ends the session in these headers, if there is one, and gives the `Set-Cookie` value that clears it.
    pub fn end_session(&self, headers: &HeaderMap) -> String {
        let now = self.clock.now();
        self.sessions.end(self.sessions.verify(headers, now).as_ref(), now)
    }

    /// The proof in these headers that somebody has just signed in again.
    #[must_use]
    pub fn fresh(&self, headers: &HeaderMap) -> Option<Fresh> {
        self.cookies.fresh(headers, self.clock.now())
    }

    /// Uses a proof up; `false` when it is over.
    #[must_use]
    pub fn spend(&self, fresh: &Fresh) -> bool {
        self.cookies.spend(fresh, self.clock.now())
    }

    #[must_use]
    pub fn issuer(&self) -> &str {
        self.provider.issuer()
    }

    /// Fetches what the provider publishes. To be called every minute: a key that it took back is then no longer
    /// believed, and nobody waits for a new one.
    ///
    /// # Errors
    /// When it cannot be had; what was known before stays.
    pub async fn refresh(&self) -> Result<(), ProviderError> {
        self.provider.refresh().await
    }

    /// What stood against using the provider when it was last asked.
    #[must_use]
    pub fn trouble(&self) -> Option<ProviderError> {
        self.provider.trouble()
    }

    fn unavailable(&self, error: &ProviderError) -> AuthError {
        AuthError::Provider { issuer: self.settings.issuer.clone(), reason: error.to_string() }
    }
}

fn refused(error: ClaimsError) -> AuthError {
    AuthError::Token(error.to_string())
}

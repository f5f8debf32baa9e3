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
pub mod sign_in;
#[cfg(test)]
mod testing;
pub mod wire;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use countersign_core::names::PersonId;
use countersign_core::time::{Millis, Span};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use self::claims::{Claims, ClaimsError};
use self::cookies::{Cookies, Fresh};
use self::provider::{Provider, ProviderError, Unverified};
pub use self::sign_in::{Arrived, Callback, Leaving};
pub use self::wire::Client;
use super::presented::Presented;
use super::profiles::{Profile, Profiles};
use super::remembered::Remembered;
use super::sessions::{KeyError, Sessions, read_or_make_key};
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

//! A browser's way to the provider and back (OpenID Connect Core §3.1, with PKCE).
//!
//! Nothing about it is kept on the server. This module must not know: pages, how tokens of programs are taken.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::claims::Claims;
use super::cookies::{Attempt, Purpose};
use super::{Oidc, refused, wire};
use crate::auth::profiles::Profile;
use crate::auth::tokens::random_word;
use crate::auth::{AuthError, Identity, Method};

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
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Callback {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

impl Oidc {
    /// Sends a browser to the provider.
    ///
    /// # Errors
    /// When the provider cannot be asked where that is.
    pub async fn begin(&self, purpose: Purpose, next: &str) -> Result<Leaving, AuthError> {
        let known = self.provider.known().await.map_err(|error| self.unavailable(&error))?;
        let internal = |error: &dyn std::fmt::Display| AuthError::Internal(error.to_string());
        let id = random_word(&*self.clock, 32).map_err(|error| internal(&error))?;
        let attempt = Attempt { id, began: self.clock.now(), next: next.to_owned(), purpose };
        let cookie =
            self.cookies.begin(&attempt).ok_or_else(|| internal(&"the attempt cannot be written"))?;
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
                let why =
                    format!("`{name}` signed in at the provider, and somebody else was about to sign here");
                return Err(AuthError::SignIn(why));
            }
            Purpose::Prove { .. } => {
                claims
                    .authenticated_since(attempt.began)
                    .map_err(|error| AuthError::SignIn(error.to_string()))?;
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
            let more =
                callback.error_description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
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
        let groups =
            about(&self.settings.groups_claim).groups(&self.settings.groups_claim).unwrap_or_default();
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
            return Err(AuthError::SignIn(
                "the provider speaks of somebody else than it signed in".to_owned(),
            ));
        }
        Ok(info)
    }
}

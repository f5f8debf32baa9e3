//! Local accounts: passwords, tokens and sessions against the users' file.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use countersign_core::time::{Millis, Span};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio::sync::Semaphore;

use super::live::{Generation, LiveUsers};
use super::passwords;
use super::presented::Presented;
use super::remembered::{Fingerprint, Remembered};
use super::sessions::{KeyError, Sessions};
use super::throttle::Throttle;
use super::tokens::Token;
use super::users::{User, UsersError};
use super::{AuthError, Caller, Identity, Method};
use crate::clock::{Clock, NoRandomness};

/// Each verification takes 19 MiB and a core for tens of milliseconds: more at once would only let strangers take
/// memory and delay each other.
const VERIFICATIONS_AT_ONCE: usize = 2;

/// `mode = "local"`.
pub struct Local {
    users: LiveUsers,
    pub sessions: Sessions,
    verified: Remembered<(u64, Identity)>,
    throttle: Throttle,
    slots: Semaphore,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Local {
    /// `secure` when `public_url` is https.
    ///
    /// # Errors
    /// When the users' file or the session key cannot be used.
    pub fn open(
        users_file: &Path,
        session_key: &Path,
        secure: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            users: LiveUsers::open(users_file, clock.clone())?,
            sessions: Sessions::open(session_key, secure, &*clock)?,
            verified: Remembered::new(&*clock)?,
            throttle: Throttle::default(),
            slots: Semaphore::new(VERIFICATIONS_AT_ONCE),
            clock,
        })
    }

    /// With sessions of this length.
    #[must_use]
    pub fn with_sessions_lasting(mut self, lifetime: Span) -> Self {
        self.sessions = self.sessions.lasting(lifetime);
        self
    }

    /// The users as they are now.
    #[must_use]
    pub fn users(&self) -> Arc<Generation> {
        self.users.current()
    }

    /// See [`super::Auth::authenticate`].
    ///
    /// # Errors
    /// Wrong or unreadable credentials. A cookie that is over is no error: its bearer is anonymous again.
    pub async fn authenticate(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, AuthError> {
        let Some(presented) = Presented::from_headers(headers)? else {
            return Ok(self.by_session(headers).map_or(Caller::Anonymous, Caller::Known));
        };
        let header = headers.get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
        let identity = match presented {
            Presented::Bearer(text) => self.by_token(&text, None)?,
            // `MLFLOW_TRACKING_USERNAME` and `_PASSWORD` carry tokens, too.
            Presented::Basic { name, password } if password.parse::<Token>().is_ok() => {
                self.by_token(&password, Some(&name))?
            }
            Presented::Basic { name, password } => {
                let fingerprint = self.verified.fingerprint(header);
                self.by_password_or_memory(fingerprint, &name, password, peer).await?
            }
        };
        Ok(Caller::Known(identity))
    }

    /// Verifies a name and a password, as the login page sends them.
    ///
    /// # Errors
    /// [`AuthError::Refused`] or [`AuthError::Throttled`].
    pub async fn sign_in(&self, name: &str, password: String, peer: IpAddr) -> Result<Identity, AuthError> {
        let now = self.clock.now();
        if let Some(wait) = self.throttle.must_wait(name, peer, now) {
            return Err(AuthError::Throttled(wait));
        }
        let generation = self.users.current();
        let user = generation.users.by_name(name);
        let hash = user.and_then(|user| user.password.as_deref()).unwrap_or(passwords::NOBODY);
        let right = self.verify(password, Arc::from(hash)).await?;
        match user.filter(|user| right && user.password.is_some()) {
            Some(user) => {
                self.throttle.succeeded(name, peer);
                Ok(identity(user, Method::Password))
            }
            None => {
                self.throttle.failed(name, peer, now);
                Err(AuthError::Refused)
            }
        }
    }

    /// The `Set-Cookie` value that begins a session of somebody who has just signed in.
    ///
    /// # Errors
    /// When the user is gone in the meantime, or there is no randomness.
    pub fn start_session(&self, identity: &Identity) -> Result<String, AuthError> {
        let generation = self.users.current();
        let user = generation.users.by_id(&identity.person).ok_or(AuthError::Refused)?;
        self.sessions
            .start(&user.id, user.session_epoch, &*self.clock)
            .map_err(|error| AuthError::Internal(error.to_string()))
    }

    /// Ends the session in these headers, if there is one, and gives the `Set-Cookie` value that clears it.
    pub fn end_session(&self, headers: &HeaderMap) -> String {
        let now = self.clock.now();
        let claim = self.sessions.verify(headers, now);
        self.sessions.end(claim.as_ref(), now)
    }

    fn by_session(&self, headers: &HeaderMap) -> Option<Identity> {
        let claim = self.sessions.verify(headers, self.clock.now())?;
        let generation = self.users.current();
        let user = generation.users.by_id(&claim.person)?;
        (user.session_epoch == claim.epoch).then(|| identity(user, Method::Session))
    }

    fn by_token(&self, text: &str, owner: Option<&str>) -> Result<Identity, AuthError> {
        let token: Token = text.parse().map_err(|_| AuthError::Refused)?;
        let generation = self.users.current();
        let user = generation.users.by_token(&token).ok_or(AuthError::Refused)?;
        if owner.is_some_and(|owner| generation.users.by_name(owner).is_none_or(|named| named.id != user.id))
        {
            return Err(AuthError::Refused);
        }
        Ok(identity(user, Method::Token { id: token.id }))
    }

    async fn by_password_or_memory(
        &self,
        fingerprint: Fingerprint,
        name: &str,
        password: String,
        peer: IpAddr,
    ) -> Result<Identity, AuthError> {
        let generation = self.users.current().number;
        if let Some((_, known)) = self.remembered(fingerprint, generation, self.clock.now()) {
            return Ok(known);
        }
        let identity = self.sign_in(name, password, peer).await?;
        self.verified.put(fingerprint, self.clock.now(), (generation, identity.clone()));
        Ok(identity)
    }

    fn remembered(&self, of: Fingerprint, generation: u64, now: Millis) -> Option<(u64, Identity)> {
        self.verified.get(of, now).filter(|(at, _)| *at == generation)
    }

    async fn verify(&self, password: String, hash: Arc<str>) -> Result<bool, AuthError> {
        let internal = |error: &dyn std::fmt::Display| AuthError::Internal(error.to_string());
        let _slot = self.slots.acquire().await.map_err(|error| internal(&error))?;
        tokio::task::spawn_blocking(move || passwords::verify(&password, &hash))
            .await
            .map_err(|error| internal(&error))
    }
}

fn identity(user: &User, method: Method) -> Identity {
    Identity {
        person: user.id.clone(),
        name: user.name.clone(),
        machine: user.machine,
        groups: user.groups.clone(),
        method,
    }
}

#[cfg(test)]
mod tests;

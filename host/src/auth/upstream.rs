//! MLflow's own accounts: it is asked who a header belongs to, and its answer is believed for a minute.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::names::PersonId;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::remembered::Remembered;
use super::{AuthError, Caller, Identity, Method};
use crate::clock::{Clock, NoRandomness};

/// Asks `GET /api/2.0/mlflow/users/current` with the caller's own header.
pub type Probe = Box<dyn Fn(HeaderValue) -> ProbeAnswer + Send + Sync>;
pub type ProbeAnswer = Pin<Box<dyn Future<Output = Result<Probed, ProbeError>> + Send>>;

/// What MLflow said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    User {
        username: String,
    },
    /// 401 or 403.
    Refused,
    /// 404: no auth app is running.
    NoAccounts,
}

/// MLflow could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(pub String);

/// `mode = "upstream"`.
pub struct Upstream {
    pub(super) issuer: String,
    pub(super) machines: BTreeSet<String>,
    probe: Probe,
    verified: Remembered<Identity>,
    clock: Arc<dyn Clock>,
}

impl Upstream {
    /// `issuer` is the upstream's URL; `machines` are the accounts that fill no human seat.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn new(
        issuer: impl Into<String>,
        machines: impl IntoIterator<Item = String>,
        probe: Probe,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NoRandomness> {
        Ok(Self {
            issuer: issuer.into(),
            machines: machines.into_iter().collect(),
            probe,
            verified: Remembered::new(&*clock)?,
            clock,
        })
    }

    /// See [`super::Auth::authenticate`]. Only a yes is remembered: a wrong password may be right a second later.
    ///
    /// # Errors
    /// When MLflow refuses the header, has no accounts, or cannot be asked.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, AuthError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = values.next() else { return Ok(Caller::Anonymous) };
        if values.next().is_some() {
            return Err(AuthError::Malformed("there is more than one"));
        }
        let fingerprint = self.verified.fingerprint(header.as_bytes());
        if let Some(identity) = self.verified.get(fingerprint, self.clock.now()) {
            return Ok(Caller::Known(identity));
        }
        let answer = (self.probe)(header.clone()).await;
        match answer.map_err(|error| AuthError::UpstreamUnreachable(error.to_string()))? {
            Probed::Refused => Err(AuthError::Refused),
            Probed::NoAccounts => Err(AuthError::UpstreamWithoutAccounts),
            Probed::User { username } => {
                let identity = self.identity(username);
                self.verified.put(fingerprint, self.clock.now(), identity.clone());
                Ok(Caller::Known(identity))
            }
        }
    }

    /// Whether this is the password of that account, asked of MLflow now.
    ///
    /// # Errors
    /// When MLflow cannot be asked.
    pub async fn verify_password(&self, username: &str, password: &str) -> Result<bool, AuthError> {
        let pair = STANDARD.encode(format!("{username}:{password}"));
        let header = HeaderValue::try_from(format!("Basic {pair}"));
        let header = header.map_err(|error| AuthError::Internal(error.to_string()))?;
        match (self.probe)(header).await {
            Ok(Probed::User { username: known }) => Ok(known == username),
            Ok(Probed::Refused) => Ok(false),
            Ok(Probed::NoAccounts) => Err(AuthError::UpstreamWithoutAccounts),
            Err(error) => Err(AuthError::UpstreamUnreachable(error.to_string())),
        }
    }

    fn identity(&self, username: String) -> Identity {
        Identity {
            person: person_id(&self.issuer, &username),
            machine: self.machines.contains(&username),
            groups: Vec::new(),
            name: username,
            method: Method::Upstream,
        }
    }
}

/// MLflow's numeric user ids start again with its database, its names do not: the id is made of the name and of
/// who vouches for it. 80 bits of SHA-256, the length first so that no two pairs read the same.
#[must_use]
pub fn person_id(issuer: &str, username: &str) -> PersonId {
    let digest = Sha256::digest(format!("{}|{issuer}|{username}", issuer.len()));
    PersonId::new(format!("u_{}", hex::encode(digest).chars().take(20).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use countersign_core::time::Millis;

    use super::*;
    use crate::clock::ManualClock;

    fn upstream(clock: &Arc<ManualClock>, asked: &Arc<AtomicU32>) -> Upstream {
        let asked = asked.clone();
        let probe: Probe = Box::new(move |header| {
            asked.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                match header.as_bytes() {
                    b"Basic alice" => Ok(Probed::User { username: "alice".to_owned() }),
                    b"Basic YWxpY2U6cHc=" => Ok(Probed::User { username: "alice".to_owned() }),
                    b"Basic bot" => Ok(Probed::User { username: "bot".to_owned() }),
                    b"Basic none" => Ok(Probed::NoAccounts),
                    b"Basic down" => Err(ProbeError("connection refused".to_owned())),
                    _ => Ok(Probed::Refused),
                }
            })
        });
        Upstream::new("http://127.0.0.1:5000", ["bot".to_owned()], probe, clock.clone()).unwrap()
    }

    async fn ask(upstream: &Upstream, header: &str) -> Result<Caller, AuthError> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
        upstream.authenticate(&headers).await
    }

    #[tokio::test]
    async fn asks_once_a_minute() {
        let (clock, asked) = (Arc::new(ManualClock::at(Millis::new(0))), Arc::default());
        let upstream = upstream(&clock, &asked);
        for (advance, expect) in [(0, 1), (59_999, 1), (1, 2)] {
            clock.advance(advance);
            let caller = ask(&upstream, "Basic alice").await.unwrap();
            assert_eq!(caller.identity().map(|alice| alice.name.as_str()), Some("alice"));
            assert_eq!(asked.load(Ordering::SeqCst), expect);
        }
        assert!(ask(&upstream, "Basic bot").await.unwrap().identity().unwrap().machine);
        assert_eq!(upstream.authenticate(&HeaderMap::new()).await.unwrap(), Caller::Anonymous);
    }

    #[tokio::test]
    async fn a_no_is_not_remembered() {
        let (clock, asked) = (Arc::new(ManualClock::at(Millis::new(0))), Arc::default());
        let upstream = upstream(&clock, &asked);
        assert!(matches!(ask(&upstream, "Basic x").await, Err(AuthError::Refused)));
        assert!(matches!(ask(&upstream, "Basic x").await, Err(AuthError::Refused)));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        assert!(matches!(ask(&upstream, "Basic none").await, Err(AuthError::UpstreamWithoutAccounts)));
        assert!(matches!(ask(&upstream, "Basic down").await, Err(AuthError::UpstreamUnreachable(_))));
    }

    /// For a signature MLflow is asked again, whatever it said within the minute.
    #[tokio::test]
    async fn passwords_are_asked_for_each_signature() {
        let (clock, asked) = (Arc::new(ManualClock::at(Millis::new(0))), Arc::default());
        let upstream = upstream(&clock, &asked);
        assert!(upstream.verify_password("alice", "pw").await.unwrap());
        assert!(upstream.verify_password("alice", "pw").await.unwrap());
        assert!(!upstream.verify_password("alice", "guess").await.unwrap());
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn ids_depend_on_both_parts() {
        assert_eq!(person_id("a", "b"), person_id("a", "b"));
        assert_ne!(person_id("a", "b|c"), person_id("a|b", "c"));
        assert_ne!(person_id("a", "b"), person_id("a", "B"));
    }
}

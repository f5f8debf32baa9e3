//! Outgoing notifications: that something has happened which somebody should look at, told to one address of the
//! operator's. A message has ids and the address of a page, and nothing about people or models.
//!
//! A message is kept in the batch of the entry that it tells of, and sent afterwards from there until it is taken:
//! nothing waits for it, and a crash loses none. One that is sent twice has the same id. This module must not know:
//! which entries are told, who is meant, what the pages show.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use countersign_core::time::{Millis, Span};
use ring::hmac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Secret;
use crate::store::{Batch, Scan, Store, StoreError, codec, keys};

/// The header that a message is signed in.
pub const SIGNATURE: &str = "x-countersign-signature";
/// After which one attempt has failed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The first pause after a failure; it doubles up to an hour.
const PAUSE: i64 = 5_000;
const LONGEST_PAUSE: i64 = 3_600_000;
/// How long a message is tried: somebody reads the log by then.
const GIVEN_UP: Span = Span::from_millis(3 * 86_400_000);
/// How many are sent in one go.
const AT_ONCE: usize = 64;

/// What is sent, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same however often it is sent.
    pub id: Uuid,
    /// The kind of the ledger entry that it tells of.
    pub event: String,
    pub at: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// A page for people who sign in. Opening it changes nothing.
    pub url: String,
}

/// A message that was not taken yet.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    message: Message,
    tries: u32,
    next: Millis,
}

/// Where messages go, and where they wait.
pub struct Notify {
    address: Secret,
    secret: Option<Secret>,
    client: reqwest::Client,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    #[error("setting up calls to `notify.webhook`")]
    Client(#[from] reqwest::Error),
    #[error("reading or writing the messages that wait")]
    Store(#[from] StoreError),
    #[error("the messages that wait have changed meanwhile")]
    Commit(#[from] crate::store::CommitError),
    #[error("a message cannot be written")]
    Encode(#[from] codec::EncodeError),
}

impl Notify {
    /// `address` may be a secret itself.
    ///
    /// # Errors
    /// When the machine's root certificates cannot be read.
    pub fn new(
        (address, secret): (Secret, Option<Secret>),
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NotifyError> {
        Ok(Self { address, secret, client: client()?, store, clock })
    }

    /// Keeps a message with whatever else is written.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn keep(batch: Batch, message: Message) -> Result<Batch, codec::EncodeError> {
        let (key, next) = (keys::message(message.id), message.at);
        Ok(batch.put(key, codec::encode(&Waiting { message, tries: 0, next })?))
    }

    /// Sends what waits and is due. Gives the number of messages that were taken.
    ///
    /// # Errors
    /// When the store fails. What was not taken is tried again later.
    pub async fn send(&self) -> Result<usize, NotifyError> {
        let mut taken = 0;
        for (key, value) in self.store.scan(&Scan::prefix(keys::messages()).limit(AT_ONCE))? {
            let waiting: Waiting = codec::decode(&key, &value)?;
            let now = self.clock.now();
            if waiting.next > now {
                continue;
            }
            let batch = Batch::new().expect_unchanged(key.clone(), Some(value));
            let batch = match self.post(&waiting.message, now).await {
                Ok(()) => {
                    taken += 1;
                    batch.delete(key)
                }
                Err(reason) => match put_off(waiting, &reason, now) {
                    Some(waiting) => batch.put(key, codec::encode(&waiting)?),
                    None => batch.delete(key),
                },
            };
            self.store.commit(batch).await?;
        }
        Ok(taken)
    }

    /// Anything but a 2xx answer is no.
    async fn post(&self, message: &Message, now: Millis) -> Result<(), String> {
        let body = serde_json::to_string(message).map_err(|error| error.to_string())?;
        let mut request = self.client.post(self.address.expose());
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE, signature(secret, now, &body));
        }
        let request = request
            .header("x-countersign-delivery", message.id.to_string())
            .header(http::header::CONTENT_TYPE, "application/json");
        // The address may be a secret.
        let answer = request.body(body).send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answered {}", answer.status())) }
    }
}

/// For calls to addresses of the operator's.
///
/// # Errors
/// When the machine's root certificates cannot be read.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Fails only if a provider is set already, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT).build()
}

/// As MLflow and others sign: the time, and the HMAC-SHA256 of time and body, so that an old message cannot be
/// played again.
pub fn signature(secret: &Secret, now: Millis, body: &str) -> String {
    let (key, at) = (hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), now.get() / 1_000);
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(tag))
}

/// `None`: it was tried long enough.
fn put_off(waiting: Waiting, reason: &str, now: Millis) -> Option<Waiting> {
    let Waiting { message, tries, .. } = waiting;
    if now >= message.at.plus(GIVEN_UP) {
        tracing::error!(message.id = %message.id, event = message.event, reason, "notification given up");
        return None;
    }
    let pause =
        PAUSE.saturating_mul(1_i64.checked_shl(tries).unwrap_or(i64::MAX)).clamp(PAUSE, LONGEST_PAUSE);
    tracing::warn!(message.id = %message.id, reason, tries = tries + 1, "notification not taken, tried again later");
    Some(Waiting {
        message,
        tries: tries.saturating_add(1).min(30),
        next: now.plus(Span::from_millis(pause)),
    })
}

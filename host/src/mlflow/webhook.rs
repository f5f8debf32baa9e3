//! MLflow's webhooks: what one says, and that ours exists upstream.
//!
//! An event is a hint to look again, never a fact: deliveries are lost, come late, twice and out of order, name no
//! person, and a test event cannot be told from a real one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::names::{ModelName, Version};
use countersign_core::time::{Millis, Span};
use http::HeaderMap;
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;

mod register;

pub use register::{RegisterError, Registered, WEBHOOK_NAME};

const ID: &str = "x-mlflow-delivery-id";
const TIMESTAMP: &str = "x-mlflow-timestamp";
const SIGNATURE: &str = "x-mlflow-signature";

/// MLflow signs once and repeats a delivery for up to a minute or more, so its timestamp may be that old.
pub const TOLERANCE: Span = Span::from_millis(5 * 60 * 1000);

/// A delivery whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same on every attempt: whoever has seen it may drop it.
    pub id: String,
    pub sent: Millis,
    pub hint: Hint,
}

/// What is worth reading again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    ModelCreated {
        model: ModelName,
    },
    VersionCreated {
        model: ModelName,
        version: Version,
    },
    VersionTagChanged {
        model: ModelName,
        version: Version,
        key: String,
    },
    AliasChanged {
        model: ModelName,
        alias: String,
    },
    /// Prompts, budgets, and whatever a newer MLflow tells.
    Other {
        entity: String,
        action: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("read a webhook delivery without the header `{0}`: give the webhook a secret in MLflow")]
    Header(&'static str),
    #[error("trust a webhook delivery: its signature does not match our secret")]
    Signature,
    #[error("trust a webhook delivery: it was signed {0} seconds away from our clock")]
    Stale(i64),
    #[error("read a webhook delivery: {0}")]
    Body(String),
}

/// Checks a delivery's signature and age, then reads it. `now` is our clock's.
///
/// # Errors
/// See [`WebhookError`]. Nothing of the body is looked at before its signature has been found right.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secret: &str,
    now: Millis,
    tolerance: Span,
) -> Result<Delivery, WebhookError> {
    let id = header(headers, ID)?;
    let timestamp = header(headers, TIMESTAMP)?;
    check_signature(header(headers, SIGNATURE)?, id, timestamp, body, secret)?;
    let seconds: i64 = timestamp.parse().map_err(|_| WebhookError::Header(TIMESTAMP))?;
    let sent = Millis::new(seconds.saturating_mul(1000));
    let age = now.since(sent);
    if age.saturating_abs() > tolerance.as_millis() {
        return Err(WebhookError::Stale(age / 1000));
    }
    Ok(Delivery { id: id.to_owned(), sent, hint: hint(body)? })
}

/// Standard Webhooks: a list of signatures apart by spaces, of which one of version 1 must match.
fn check_signature(
    signatures: &str,
    id: &str,
    timestamp: &str,
    body: &[u8],
    secret: &str,
) -> Result<(), WebhookError> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let matches = |signature: &str| {
        let tag = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
    };
    if !secret.is_empty() && signatures.split(' ').any(matches) {
        return Ok(());
    }
    Err(WebhookError::Signature)
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, WebhookError> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(WebhookError::Header(name))
}

#[derive(Deserialize)]
struct Payload {
    entity: String,
    action: String,
    #[serde(default)]
    data: Value,
}

/// Events that we do not know, or that lack what we know of them, are [`Hint::Other`].
fn hint(body: &[u8]) -> Result<Hint, WebhookError> {
    let payload: Payload = serde_json::from_slice(body).map_err(|e| WebhookError::Body(e.to_string()))?;
    Ok(known(&payload).unwrap_or(Hint::Other { entity: payload.entity, action: payload.action }))
}

fn known(payload: &Payload) -> Option<Hint> {
    let text = |key: &str| payload.data.get(key)?.as_str().map(str::to_owned);
    let model = ModelName::new(text("name")?);
    let version = || Version::parse(&text("version")?);
    match (payload.entity.as_str(), payload.action.as_str()) {
        ("registered_model", "created") => Some(Hint::ModelCreated { model }),
        ("model_version", "created") => Some(Hint::VersionCreated { model, version: version()? }),
        ("model_version_tag", "set" | "deleted") => {
            Some(Hint::VersionTagChanged { model, version: version()?, key: text("key")? })
        }
        ("model_version_alias", "created" | "deleted") => {
            Some(Hint::AliasChanged { model, alias: text("alias")? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! Our own webhook in MLflow: made once, repaired when it differs, and why MLflow may refuse it.

use serde::Deserialize;
use serde_json::json;

use crate::mlflow::client::{Call, Client, ReadError, segment};
use crate::mlflow::types::{Event, TestResult, Webhook};

/// The name by which we find our webhook again.
pub const WEBHOOK_NAME: &str = "countersign";

const EVENTS: [(&str, &str); 6] = [
    ("REGISTERED_MODEL", "CREATED"),
    ("MODEL_VERSION", "CREATED"),
    ("MODEL_VERSION_TAG", "SET"),
    ("MODEL_VERSION_TAG", "DELETED"),
    ("MODEL_VERSION_ALIAS", "CREATED"),
    ("MODEL_VERSION_ALIAS", "DELETED"),
];

/// What was done upstream. Secrets are never shown, so an existing webhook always gets ours again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    Created(Webhook),
    /// It was there with another URL, other events, or switched off; these are the differences.
    Repaired(Webhook, Vec<&'static str>),
    /// It was as it should be; its secret was written again.
    Kept(Webhook),
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum RegisterError {
    #[error(
        "register a webhook: MLflow allows only https there; start it with MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https"
    )]
    Scheme,
    #[error(
        "register a webhook: MLflow sends to public addresses only ({0}); start it with MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true"
    )]
    PrivateAddress(String),
    #[error(
        "register a webhook: MLflow cannot read its own webhooks (status {0}); start it with a fixed \
         MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY, and remove the rows of table `webhooks` that another key wrote"
    )]
    SecretKey(u16),
    #[error("register a webhook: only an administrator of MLflow may; set `upstream.credentials` to one")]
    NotAdministrator,
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Client {
    /// # Errors
    /// See [`RegisterError`].
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, RegisterError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            webhooks: Vec<Webhook>,
            next_page_token: Option<String>,
        }
        let mut all = Vec::new();
        let mut page = String::new();
        loop {
            let query = [("page_token", page.as_str())];
            let call = Call::get("MLflow's webhooks".to_owned(), "/api/2.0/mlflow/webhooks", &query);
            let answer: Answer = self.json(call).await.map_err(explain)?;
            all.extend(answer.webhooks);
            match answer.next_page_token.filter(|token| !token.is_empty()) {
                Some(token) => page = token,
                None => return Ok(all),
            }
        }
    }

    /// Makes our webhook, or makes it right again. Doing it twice is as doing it once.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register_webhook(&self, url: &str, secret: &str) -> Result<Registered, RegisterError> {
        let ours = self.webhooks().await?.into_iter().find(|webhook| webhook.name == WEBHOOK_NAME);
        let Some(webhook) = ours else {
            let body = description(url, secret);
            return Ok(Registered::Created(self.write(http::Method::POST, "", body).await?));
        };
        let differences = differences(&webhook, url);
        let path = format!("/{}", segment(&webhook.webhook_id));
        let written = self.write(http::Method::PATCH, &path, description(url, secret)).await?;
        Ok(match differences.as_slice() {
            [] => Registered::Kept(written),
            _ => Registered::Repaired(written, differences),
        })
    }

    /// # Errors
    /// See [`RegisterError`].
    pub async fn delete_webhook(&self, id: &str) -> Result<(), RegisterError> {
        let path = format!("/api/2.0/mlflow/webhooks/{}", segment(id));
        let call = Call { method: http::Method::DELETE, ..Call::get(format!("webhook `{id}`"), &path, &[]) };
        self.json::<serde_json::Value>(call).await.map(drop).map_err(explain)
    }

    /// Has MLflow send an example event now, and says what came of it.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn test_webhook(&self, id: &str) -> Result<TestResult, RegisterError> {
        #[derive(Deserialize)]
        struct Answer {
            result: TestResult,
        }
        let path = format!("/api/2.0/mlflow/webhooks/{}/test", segment(id));
        let mut call = Call::get(format!("the test of webhook `{id}`"), &path, &[]);
        call.method = http::Method::POST;
        call.body = Some(json!({}));
        self.json::<Answer>(call).await.map(|answer| answer.result).map_err(explain)
    }

    async fn write(
        &self,
        method: http::Method,
        path: &str,
        body: serde_json::Value,
    ) -> Result<Webhook, RegisterError> {
        #[derive(Deserialize)]
        struct Answer {
            webhook: Webhook,
        }
        let path = format!("/api/2.0/mlflow/webhooks{path}");
        let mut call = Call::get(format!("webhook `{WEBHOOK_NAME}`"), &path, &[]);
        call.method = method;
        call.body = Some(body);
        self.json::<Answer>(call).await.map(|answer| answer.webhook).map_err(explain)
    }
}

fn wanted() -> Vec<Event> {
    let event =
        |(entity, action): (&str, &str)| Event { entity: entity.to_owned(), action: action.to_owned() };
    EVENTS.into_iter().map(event).collect()
}

fn description(url: &str, secret: &str) -> serde_json::Value {
    json!({"name": WEBHOOK_NAME, "url": url, "secret": secret, "status": "ACTIVE", "events": wanted()})
}

fn differences(webhook: &Webhook, url: &str) -> Vec<&'static str> {
    let sorted = |mut events: Vec<Event>| {
        events.sort();
        events
    };
    let mut found = Vec::new();
    if webhook.url != url {
        found.push("url");
    }
    if webhook.status != "ACTIVE" {
        found.push("status");
    }
    if sorted(webhook.events.clone()) != sorted(wanted()) {
        found.push("events");
    }
    found
}

/// MLflow's refusals, as what its operator can do about them.
fn explain(error: ReadError) -> RegisterError {
    match error {
        ReadError::Refused { message, .. } if message.contains("Invalid webhook URL scheme") => {
            RegisterError::Scheme
        }
        ReadError::Refused { message, .. } if message.contains("non-public IP address") => {
            RegisterError::PrivateAddress(message)
        }
        ReadError::Refused { status: 403, .. } => RegisterError::NotAdministrator,
        ReadError::Refused { status: status @ 500.., .. } => RegisterError::SecretKey(status),
        other => RegisterError::Read(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, message: &str, expect: &str) {
        let refused = ReadError::Refused { what: "it".to_owned(), status, message: message.to_owned() };
        let text = explain(refused).to_string();
        assert!(text.contains(expect), "{text}");
    }

    /// MLflow 3.17.2's own words.
    #[test]
    fn refusals_name_the_setting() {
        let scheme = "Invalid webhook URL scheme: 'http'. Allowed schemes are: https.";
        check(400, scheme, "MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https");
        let address =
            "Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to 127.0.0.1.";
        check(400, address, "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true");
        check(500, "", "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY");
        check(403, "Permission denied", "administrator");
        check(400, "something else", "something else");
    }
}

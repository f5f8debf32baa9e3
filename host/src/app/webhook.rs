//! MLflow's webhooks: hints to read the registry again, never facts.

use std::sync::Arc;

use bytes::Bytes;
use countersign_core::names::Workspace;
use http::HeaderMap;

use super::{App, AppError};
use crate::mlflow::webhook::{self, Hint, TOLERANCE, WebhookError};
use crate::store::{Batch, CommitError, codec, keys};
use crate::telemetry::WebhookResult;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    Taken,
    /// The same delivery came before: MLflow repeats those whose answer it did not get.
    Repeated,
}

impl App {
    /// Takes a delivery: checks its signature, remembers it, and reads again what it hints at, in the background.
    ///
    /// # Errors
    /// [`WebhookError`] as `Invalid` or `Unauthenticated`.
    pub async fn webhook(self: &Arc<Self>, headers: &HeaderMap, body: &Bytes) -> Result<Delivered, AppError> {
        let Some(secret) = &self.webhook_secret else {
            return Err(AppError::NotFound(
                "no webhook secret is set: set `secret` under [webhook]".to_owned(),
            ));
        };
        let now = self.clock.now();
        let delivery = webhook::verify(headers, body, secret, now, TOLERANCE).map_err(|error| {
            self.metrics.webhook(result_of(&error));
            tracing::warn!(%error, "webhook delivery refused");
            match error {
                WebhookError::Body(_) => AppError::Invalid(error.to_string()),
                _ => AppError::Unauthenticated(error.to_string()),
            }
        })?;
        let key = keys::webhook_delivery(&delivery.id);
        let once = Batch::new().expect_absent(key.clone()).put(key, codec::encode(&now)?);
        match self.store.commit(once).await {
            Err(CommitError::Conflict { .. }) => {
                self.metrics.webhook(WebhookResult::Duplicate);
                return Ok(Delivered::Repeated);
            }
            committed => committed?,
        }
        self.metrics.webhook(WebhookResult::Accepted);
        let app = Arc::clone(self);
        tokio::spawn(async move { app.follow(delivery.hint).await });
        Ok(Delivered::Taken)
    }

    async fn follow(&self, hint: Hint) {
        // The payload's workspace is the webhook's, not the event's: it is not believed.
        let workspace = Workspace::new("default");
        let followed = match &hint {
            Hint::VersionCreated { model, version } => {
                self.registry.touch_model(&workspace, model);
                let reconciled = self.reconcile_one(&workspace, model).await.map(|_| ());
                self.precheck_quietly(&workspace, model, *version).await;
                reconciled
            }
            Hint::ModelCreated { model }
            | Hint::VersionTagChanged { model, .. }
            | Hint::AliasChanged { model, .. } => {
                self.registry.touch_model(&workspace, model);
                self.reconcile_one(&workspace, model).await.map(|_| ())
            }
            Hint::Other { .. } => Ok(()),
        };
        if let Err(error) = followed {
            tracing::warn!(error = %error, hint = ?hint, "hint not followed, the reconciler will");
        }
    }
}

const fn result_of(error: &WebhookError) -> WebhookResult {
    match error {
        WebhookError::Signature => WebhookResult::BadSignature,
        WebhookError::Stale(_) => WebhookResult::Stale,
        WebhookError::Header(_) | WebhookError::Body(_) => WebhookResult::Malformed,
    }
}

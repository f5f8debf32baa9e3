//! `countersign webhook`: MLflow tells us early about changes, where its settings allow it.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::args::Webhook as Command;
use super::context::Context;
use super::failure::{OrHint as _, hinted};
use super::machinery::{client, runtime};
use crate::config::Config;
use crate::mlflow::Client;
use crate::mlflow::webhook::{Registered, WEBHOOK_NAME};

pub(super) fn run(context: &Context, command: &Command) -> Result<()> {
    let config = context.config()?;
    let client = client(&config)?;
    runtime()?.block_on(async {
        match command {
            Command::Register => register(context, &config, &client).await,
            Command::Test => test(context, &client).await,
        }
    })
}

async fn register(context: &Context, config: &Config, client: &Client) -> Result<()> {
    let secret = config.webhook.secret.as_ref().ok_or_else(|| {
        hinted(
            "there is no secret that MLflow could sign its webhooks with",
            "set `secret` or `secret_file` under `[webhook]`, or COUNTERSIGN__WEBHOOK__SECRET",
        )
    })?;
    let url = config.webhook.url.to_string();
    let (done, webhook) = match client.register_webhook(&url, secret.expose()).await? {
        Registered::Created(webhook) => ("created".to_owned(), webhook),
        Registered::Repaired(webhook, what) => (format!("repaired ({})", what.join(", ")), webhook),
        Registered::Kept(webhook) => ("was right; its secret was written again".to_owned(), webhook),
    };
    context.out.tell(
        &format!(
            "webhook `{WEBHOOK_NAME}` to {url}: {done}\n`countersign webhook test` has MLflow send an event"
        ),
        &json!({"id": webhook.webhook_id, "url": url, "done": done}),
    )
}

async fn test(context: &Context, client: &Client) -> Result<()> {
    let ours = client.webhooks().await?.into_iter().find(|webhook| webhook.name == WEBHOOK_NAME);
    let ours = ours
        .with_context(|| format!("MLflow has no webhook `{WEBHOOK_NAME}`"))
        .or_hint("countersign webhook register")?;
    let result = client.test_webhook(&ours.webhook_id).await?;
    let status = result.response_status;
    if result.success {
        return context.out.tell(
            &format!(
                "MLflow sent a test event to {} and was answered {}",
                ours.url,
                status.unwrap_or_default()
            ),
            &json!({"url": ours.url, "success": true, "status": status}),
        );
    }
    let why = result.error_message.unwrap_or_else(|| format!("status {}", status.unwrap_or_default()));
    Err(hinted(
        format!("MLflow's test event did not reach {}: {why}", ours.url),
        "is `countersign serve` running, and does MLflow reach that URL?",
    ))
}

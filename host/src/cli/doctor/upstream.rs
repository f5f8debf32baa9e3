//! Whether MLflow is there, takes what we forward, agrees about the time, and may send us webhooks.

use countersign_core::time::Millis;
use http::header::{AUTHORIZATION, DATE};
use serde_json::json;

use super::{Finding, chain};
use crate::cli::machinery;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::mlflow::webhook::{RegisterError, Registered, TOLERANCE, WEBHOOK_NAME};
use crate::mlflow::{Client, GUARDED_READ, Settings};

/// Clocks that differ by more are worth a word.
const SKEW_MILLIS: i64 = 10_000;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let (mut found, client) = reached(config).await;
    if let Some(client) = client {
        found.push(webhooks(config, &client).await);
    }
    found
}

/// As [`examine`], without trying whether a webhook arrives.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let (mut found, client) = reached(config).await;
    if let Some(client) = client {
        found.push(registered(config, &client).await);
    }
    found
}

/// Whether MLflow answers as it should, and by whom to ask it more.
async fn reached(config: &Config) -> (Vec<Finding>, Option<Client>) {
    let settings = match machinery::upstream(config) {
        Ok(settings) => settings,
        Err(error) => {
            let finding = Finding::fail("upstream", chain(error), "set `url` under `[upstream]`");
            return (vec![finding], None);
        }
    };
    let client = match Client::new(&settings) {
        Ok(client) => client,
        Err(error) => return (vec![Finding::fail("upstream", chain(error), "see the message")], None),
    };
    let url = &config.upstream.url;
    let version = match client.server_version().await {
        Ok(version) => Finding::ok("upstream", format!("MLflow {version} at {url}")),
        Err(error) => {
            let todo =
                "start MLflow, or set `url` under `[upstream]`; Host, clock and webhooks were not looked at";
            return (vec![Finding::fail("upstream", format!("{url}: {}", error.reason()), todo)], None);
        }
    };
    let mut found = vec![version];
    found.extend(forwarded(config, &settings).await);
    (found, Some(client))
}

/// A call as the proxy forwards it from a browser that is at our public URL, and the time by MLflow's clock.
async fn forwarded(config: &Config, settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "host";
    let public = &config.server.public_url;
    let url = format!("{}{GUARDED_READ}", settings.base);
    let asked = async {
        let http = reqwest::Client::builder().no_proxy().timeout(settings.read_timeout).build()?;
        let mut request = http.post(&url).json(&json!({"max_results": 1}));
        request = request.header("x-forwarded-for", "127.0.0.1");
        request = request.header("x-forwarded-proto", public.scheme_str().unwrap_or("http"));
        request =
            request.header("x-forwarded-host", public.authority().map_or("", |authority| authority.as_str()));
        if let Some(credentials) = &settings.credentials {
            request = request.header(AUTHORIZATION, credentials);
        }
        request.send().await
    };
    let response = match asked.await {
        Ok(response) => response,
        Err(error) => return vec![Finding::fail(CHECK, chain(error), "see MLflow's log")],
    };
    let date = response.headers().get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let mut found = vec![match status.as_u16() {
        200..=299 => Finding::ok(CHECK, "MLflow takes calls as we forward them"),
        401 => Finding::fail(
            CHECK,
            "MLflow wants to know who calls",
            "set `username` and `password_file`, or `token_file`, under `[upstream]`; or `mode = \"upstream\"` under `[auth]`",
        ),
        403 if text.contains("Host header") => Finding::fail(
            CHECK,
            format!("MLflow refuses the host of {}: {}", settings.base, text.trim()),
            "start MLflow with `--allowed-hosts` that names it, or reach it by an address that it allows",
        ),
        _ => Finding::fail(
            CHECK,
            format!("MLflow answers {status}: {}", text.chars().take(200).collect::<String>()),
            "see MLflow's log",
        ),
    }];
    found.extend(date.and_then(|date| clock(&date, SystemClock::new().now())));
    found
}

/// Compares our clock with the `Date` of an answer, which has whole seconds.
fn clock(date: &str, now: Millis) -> Option<Finding> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_millisecond();
    let skew = now.since(Millis::new(theirs));
    let says = format!("ours and MLflow's differ by {} seconds", skew.abs() / 1000);
    Some(if skew.abs() <= SKEW_MILLIS {
        Finding::ok("clock", says)
    } else if skew.abs() < TOLERANCE.as_millis() {
        Finding::warn("clock", says, "set both by NTP")
    } else {
        Finding::fail("clock", format!("{says}: its webhooks count as stale"), "set both by NTP")
    })
}

/// Whether MLflow would send us events. Without them the reconciler still finds every change, only later.
async fn webhooks(config: &Config, client: &Client) -> Finding {
    const CHECK: &str = "webhooks";
    let Some(secret) = &config.webhook.secret else {
        return Finding::warn(
            CHECK,
            "there is no secret, so that changes are found at the next reconciliation only",
            "set `secret_file` under `[webhook]`, then: countersign webhook register",
        );
    };
    let url = config.webhook.url.to_string();
    match tried(client, &url, secret.expose()).await {
        Ok(finding) => finding,
        Err(error) => Finding::warn(CHECK, "MLflow cannot send them", chain(error)),
    }
}

/// Whether ours is there. Whether it arrives shows `countersign doctor`, which sends a test event.
async fn registered(config: &Config, client: &Client) -> Finding {
    const CHECK: &str = "webhooks";
    if config.webhook.secret.is_none() {
        return webhooks(config, client).await;
    }
    match client.webhooks().await {
        Ok(all) => match all.into_iter().find(|webhook| webhook.name == WEBHOOK_NAME) {
            Some(ours) => Finding::ok(CHECK, format!("MLflow tells us of changes at {}", ours.url)),
            None => {
                Finding::warn(CHECK, "MLflow does not tell us of changes", "countersign webhook register")
            }
        },
        Err(error) => Finding::warn(CHECK, "MLflow cannot send them", chain(error)),
    }
}

async fn tried(client: &Client, url: &str, secret: &str) -> Result<Finding, RegisterError> {
    const CHECK: &str = "webhooks";
    if let Some(ours) = client.webhooks().await?.into_iter().find(|webhook| webhook.name == WEBHOOK_NAME) {
        let result = client.test_webhook(&ours.webhook_id).await?;
        let why = result.error_message.or(result.response_status.map(|status| format!("status {status}")));
        return Ok(if result.success {
            Finding::ok(CHECK, format!("a test event reached {}", ours.url))
        } else {
            let says = format!("a test event did not reach {}: {}", ours.url, why.unwrap_or_default());
            Finding::warn(CHECK, says, "start `countersign serve`, then: countersign webhook register")
        });
    }
    // Only creating one shows whether MLflow's settings allow it, so one is created and taken back.
    if let Registered::Created(webhook) = client.register_webhook(url, secret).await? {
        client.delete_webhook(&webhook.webhook_id).await?;
    }
    Ok(Finding::warn(CHECK, "MLflow allows ours, and it is not there yet", "countersign webhook register"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn clocks() {
        let noon = Millis::new(1_784_548_800_000);
        let check = |seconds: i64, expect| {
            let ours = Millis::new(noon.get() + seconds * 1000);
            let found = clock("Mon, 20 Jul 2026 12:00:00 GMT", ours).map(|finding| finding.verdict);
            assert_eq!(found, expect, "{seconds}");
        };
        check(0, Some(Verdict::Ok));
        check(-9, Some(Verdict::Ok));
        check(60, Some(Verdict::Warn));
        check(-600, Some(Verdict::Fail));
        assert_eq!(clock("yesterday", noon), None);
    }
}

//! What runs beside the requests: reconciliation, the sweeper, the policy's file, and signals.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use countersign_core::entry::{Cause, TakenUpBy};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::account;
use crate::app::{App, list_entries};
use crate::auth::Auth;
use crate::config::Config;

/// How often the policy's file is looked at.
const LOOK_AT_POLICY: Duration = Duration::from_secs(1);
/// How often the OpenID provider's keys are fetched.
const LOOK_AT_PROVIDER: Duration = Duration::from_secs(60);
/// How often the insights take in what the ledger has got.
const COUNT: Duration = Duration::from_secs(2);
/// How often evidence whose time is over is looked for.
const DAY: Duration = Duration::from_secs(86_400);
/// How long after the start that is done first.
const SETTLED: Duration = Duration::from_secs(60);
/// How soon something that failed at start is tried again: MLflow may still be starting.
const RETRY: Duration = Duration::from_secs(2);

/// Starts everything; all of it ends with `stop`.
pub(super) fn spawn(app: &Arc<App>, config: &Config, stop: &CancellationToken) -> anyhow::Result<()> {
    tokio::spawn(until(stop.clone(), reconcile(Arc::clone(app), config.reconcile.interval)));
    tokio::spawn(until(stop.clone(), sweep(Arc::clone(app), config.schedule.interval)));
    if config.policy_watch {
        tokio::spawn(until(stop.clone(), watch_policy(Arc::clone(app), config.policy_file.clone())));
    }
    tokio::spawn(until(stop.clone(), ask_provider(Arc::clone(app))));
    tokio::spawn(until(stop.clone(), notify(Arc::clone(app))));
    tokio::spawn(until(stop.clone(), count(Arc::clone(app))));
    tokio::spawn(until(stop.clone(), list(Arc::clone(app))));
    tokio::spawn(until(stop.clone(), collect(Arc::clone(app))));
    tokio::spawn(until(stop.clone(), anchor(Arc::clone(app))));
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let reloading = Arc::clone(app);
    tokio::spawn(until(stop.clone(), async move {
        while hangup.recv().await.is_some() {
            let _ = reloading.reload(TakenUpBy::claimed(Cause::Signal, account::own())).await;
        }
    }));
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let (stop, listened) = (stop.clone(), Arc::clone(app));
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("told to stop");
        stop.cancel();
        listened.events.close();
    });
    Ok(())
}

/// Sends what people should be told, where somebody is to be told.
async fn notify(app: Arc<App>) {
    while let Some(notify) = &app.notify {
        if let Err(error) = notify.send().await {
            tracing::warn!(%error, "notifications not sent");
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Lists the entries of a store that another version has written.
async fn list(app: Arc<App>) {
    if let Err(error) = list_entries(&*app.store, &mut |_| ()).await {
        tracing::warn!(%error, "the ledger's entries are not listed: questions about a model read the whole ledger");
    }
}

/// Gives places their checkpoints, where there are any; each place has a time of its own.
async fn anchor(app: Arc<App>) {
    while app.anchors.any() {
        if let Err(error) = app.anchor().await {
            tracing::warn!(%error, "checkpoint not anchored");
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Keeps what the OpenID provider publishes current, where there is one.
async fn ask_provider(app: Arc<App>) {
    while let Auth::Oidc(oidc) = app.people.auth() {
        let pause = if oidc.refresh().await.is_ok() { LOOK_AT_PROVIDER } else { RETRY };
        tokio::time::sleep(pause).await;
    }
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! { () = work => {}, () = stop.cancelled() => {} }
}

async fn reconcile(app: Arc<App>, interval: Duration) {
    loop {
        match app.reconcile().await {
            Ok(_) => tokio::time::sleep(interval).await,
            Err(error) => {
                tracing::warn!(%error, "registry not reconciled");
                tokio::time::sleep(interval.min(RETRY)).await;
            }
        }
    }
}

/// At start every open intent is an orphan: nothing of ours is on its way.
async fn sweep(app: Arc<App>, interval: Duration) {
    while let Err(error) = app.sweep(true).await {
        tracing::warn!(%error, "orphans not resolved");
        tokio::time::sleep(RETRY).await;
    }
    loop {
        tokio::time::sleep(interval).await;
        if let Err(error) = app.sweep(false).await {
            tracing::warn!(%error, "orphans not resolved");
        }
        if let Err(error) = app.age().await {
            tracing::warn!(%error, "requests whose time has passed not ended");
        }
    }
}

/// Keeps the numbers behind the insights at the end of the ledger; at start it reads the whole of it.
async fn count(app: Arc<App>) {
    loop {
        let counting = Arc::clone(&app);
        match tokio::task::spawn_blocking(move || counting.count_entries()).await {
            Ok(Ok(_)) => tokio::time::sleep(COUNT).await,
            Ok(Err(error)) => {
                tracing::warn!(%error, "insights not brought up to date");
                tokio::time::sleep(RETRY).await;
            }
            Err(_) => return,
        }
    }
}

/// Takes out the evidence whose time is over. Not at once: a start has other things to do.
async fn collect(app: Arc<App>) {
    tokio::time::sleep(SETTLED).await;
    loop {
        if let Err(error) = app.collect_evidence().await {
            tracing::warn!(%error, "evidence whose time is over not taken out");
        }
        tokio::time::sleep(DAY).await;
    }
}

async fn watch_policy(app: Arc<App>, file: std::path::PathBuf) {
    let mut seen = stamp(&file).await;
    loop {
        tokio::time::sleep(LOOK_AT_POLICY).await;
        let now = stamp(&file).await;
        if now != seen {
            let by = TakenUpBy::claimed(Cause::FileChanged, account::owner(&file));
            // Where nothing is wrong with the file, it is tried again.
            if !app.reload(by).await.is_err_and(|error| error.is_ours()) {
                seen = now;
            }
        }
    }
}

async fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let found = tokio::fs::metadata(file).await.ok()?;
    Some((found.modified().ok()?, found.len()))
}

//! The thread on which recorded runs are executed again: one at a time, giving way to everything else.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

use super::machinery;
use crate::app::App;
use crate::config::{Config, Replay};
use crate::plugins::{Engine, give_way};

/// Starts the thread, where the configuration asks for it; it ends with `stop`.
pub(super) fn spawn(app: &Arc<App>, config: &Config, stop: &CancellationToken) -> Result<()> {
    let Replay { sample: Some(_), .. } = config.replay else { return Ok(()) };
    // An engine of its own: no governed write waits for a place, or for a thread, that a replay has.
    let engine = machinery::background_engine(config)?;
    let (app, replay, stop) = (Arc::clone(app), config.replay, stop.clone());
    let runtime = machinery::runtime()?;
    let work = move || {
        give_way();
        runtime.block_on(stop.run_until_cancelled_owned(rounds(&app, &engine, replay)));
    };
    std::thread::Builder::new().name("replay".to_owned()).spawn(work).context("starting a thread")?;
    Ok(())
}

async fn rounds(app: &App, engine: &Engine, replay: Replay) {
    let Some(rate) = replay.sample else { return };
    loop {
        match app.replay_sample(engine, rate).await {
            // There may be more at once.
            Ok(looked_at) if looked_at > 0 => tokio::task::yield_now().await,
            Ok(_) => tokio::time::sleep(replay.interval).await,
            Err(error) => {
                tracing::warn!(%error, "recorded runs not replayed");
                tokio::time::sleep(replay.interval).await;
            }
        }
    }
}

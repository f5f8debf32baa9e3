//! What open pages need besides answers: to be told when something changes, and to tell when MLflow's page is not as they
//! know it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::StatusCode;
use serde::Deserialize;

use super::taken::{Sent, Writer};
use super::{Authenticated, Problem, reader};
use crate::app::App;
use crate::telemetry::Hook;

/// After this a listener comes again, and so shows again who they are.
const LISTEN_FOR: Duration = Duration::from_secs(600);
/// Proxies close what is silent for a minute.
const BREATH: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Missing {
    hook: Hook,
}

/// Server-sent events (WHATWG HTML §9.2), until the listener leaves, the server stops, or it is time to come again.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Extension(auth): Extension<Authenticated>,
) -> Result<Response, Problem> {
    reader(&app, &auth)?;
    let told = app.events.listen().map(|event| {
        let data = Event::default().json_data(&*event);
        Ok::<_, Infallible>(data.unwrap_or_else(|_| Event::default().comment("an event without words")))
    });
    let told = told.take_until(tokio::time::sleep(LISTEN_FOR));
    let headers = [
        (http::header::CACHE_CONTROL, "no-store"),
        // nginx would gather them.
        (http::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Sse::new(told).keep_alive(KeepAlive::new().interval(BREATH))).into_response())
}

/// A place in MLflow's pages that the module did not find.
pub(super) async fn missing(by: Writer, Sent(missing): Sent<Missing>) -> Result<StatusCode, Problem> {
    by.caller()?;
    by.app.metrics.hook_missing(missing.hook);
    tracing::warn!(page.hook = missing.hook.as_str(), "MLflow's page is not as its module knows it");
    Ok(StatusCode::NO_CONTENT)
}

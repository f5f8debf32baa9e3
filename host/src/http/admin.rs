//! The admin listener.
use std::sync::Arc;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use crate::app::App;
/// Temporary.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/livez", get(|| async { "ok" })).route("/readyz", get(|| async { "ok" })).route("/metrics", get(|State(app): State<Arc<App>>| async move { app.metrics.encode().unwrap_or_default() })).with_state(app)
}

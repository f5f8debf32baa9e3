//! The admin listener: whether we live, whether we are ready, metrics, and what commands on this machine ask of the
//! server that has the store open. Must not be reachable by clients.

mod backtest;
mod keeping;
mod operator;
mod ready;
mod told;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::operator::OperatorKey;

/// What the handlers share.
struct Admin {
    app: Arc<App>,
    key: OperatorKey,
    upstream: ready::Probe,
}

/// Everything that the admin listener answers.
pub fn router(app: Arc<App>, key: OperatorKey) -> Router {
    let admin = Arc::new(Admin { app, key, upstream: ready::Probe::default() });
    let operator = Router::new()
        .route("/ledger/export", get(operator::export))
        .route("/ledger/proof", get(operator::proof))
        .route("/ledger/consistency", get(operator::consistency))
        .route("/attestations", get(operator::attestations))
        .route("/evidence", get(operator::evidence))
        .route("/replay", get(operator::replay))
        .route("/held", get(told::held))
        .route("/audit", get(told::audit))
        .route("/reload", post(operator::reload))
        .route("/retention/collect", post(keeping::collect))
        .route("/people/erase", post(keeping::erase))
        .route("/backtest", post(backtest::backtest))
        .route("/blob", get(backtest::blob))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(&admin), operator::guard));
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready::ready))
        .route("/metrics", get(metrics))
        .nest("/operator", operator)
        .with_state(admin)
}

/// OpenMetrics 1.0.
async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    admin.app.measure_insights();
    match admin.app.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, FORM)], text).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

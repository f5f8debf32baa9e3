//! `/readyz`: yes as soon as a governed write could be decided and recorded. MLflow being away is shown and does not
//! count: a proxy that is taken out of service for it could not even say so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Admin;
use crate::app::App;
use crate::auth::Auth;

/// How long an answer of MLflow's is believed.
const BELIEVED: Duration = Duration::from_secs(5);

/// What MLflow last said. Asking happens aside: readiness never waits for it.
#[derive(Default)]
pub(super) struct Probe {
    state: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    asked: Option<Instant>,
    said: Value,
}

pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let store = admin.app.store.health();
    let generation = admin.app.generation.load();
    let status = if store.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": store.is_ok(),
        "store": store.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
        "policy": generation.policy.digest(),
        "policy_refused": admin.app.reload_error(),
        "plugins": generation.plugins.keys().collect::<Vec<_>>(),
        "upstream": admin.upstream.look(&admin.app),
        "anchors": admin.app.anchors.states(),
        "identity": identity(admin.app.people.auth()),
    });
    (status, Json(body)).into_response()
}

/// The identity provider, where there is one, as it was when it was last asked. While it is away nobody signs in
/// anew; who is signed in, and everything else, goes on.
fn identity(auth: &Auth) -> Value {
    let Auth::Oidc(oidc) = auth else { return Value::Null };
    let trouble = oidc.trouble().map(|error| error.to_string());
    json!({"issuer": oidc.issuer(), "usable": trouble.is_none(), "reason": trouble})
}

impl Probe {
    /// What is known now; where that is old, it is asked again for the next time.
    fn look(&self, app: &Arc<App>) -> Value {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.asked.is_none_or(|asked| asked.elapsed() > BELIEVED) {
            state.asked = Some(Instant::now());
            tokio::spawn(ask(Arc::clone(app), Arc::clone(&self.state)));
        }
        match &state.said {
            Value::Null => json!({"reachable": null}),
            said => said.clone(),
        }
    }
}

async fn ask(app: Arc<App>, state: Arc<Mutex<Known>>) {
    let said = match app.registry.client.server_version().await {
        Ok(version) => json!({"reachable": true, "version": version}),
        Err(error) => json!({"reachable": false, "reason": error.reason()}),
    };
    state.lock().unwrap_or_else(PoisonError::into_inner).said = said;
}

//! Every route of the API in one list: what the router serves is what `openapi.json` describes, and a test compares
//! the two.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, patch, post};
#[cfg(test)]
use http::Method;

use super::requests::Spoken;
use super::{
    attest, audit, comments, evidence, exceptions, held, insights, ledger, live, me, models, openapi, policy,
    registry, requests, retention, webhook,
};
use crate::app::{App, Word};

/// One operation.
pub(super) struct Route {
    #[cfg(test)]
    pub(super) method: Method,
    /// Below `/_countersign/api`, as OpenAPI spells it.
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Arc<App>>,
}

pub(super) fn all() -> Vec<Route> {
    vec![
        reads("/openapi.json", openapi),
        reads("/v1/me", me),
        reads("/v1/requests", requests::list),
        changes("/v1/requests", requests::open),
        reads("/v1/requests/{id}", requests::show),
        reads("/v1/requests/{id}/difference", requests::difference),
        changes("/v1/requests/{id}/reviews", requests::review),
        changes("/v1/requests/{id}/withdraw", requests::withdraw),
        changes("/v1/requests/{id}/renew", requests::renew),
        reads("/v1/requests/{id}/evidence", evidence::file),
        changes("/v1/requests/{id}/evidence/{plugin}", requests::evidence),
        reads("/v1/requests/{id}/attestations", attest::list),
        reads("/v1/requests/{id}/comments", comments::list),
        changes("/v1/requests/{id}/comments", comments::write),
        rewords("/v1/requests/{id}/comments/{comment}", comments::reword),
        removes("/v1/requests/{id}/comments/{comment}", comments::take_back),
        changes("/v1/requests/{id}/comments/{comment}/resolve", comments::settle),
        changes("/v1/requests/{id}/apply", requests::apply),
        changes("/v1/requests/{id}/suspend", |said: Spoken| requests::speak(said, Word::Suspend)),
        changes("/v1/requests/{id}/resume", |said: Spoken| requests::speak(said, Word::Resume)),
        changes("/v1/requests/{id}/revoke", |said: Spoken| requests::speak(said, Word::Revoke)),
        changes("/v1/requests/{id}/sample", requests::sample),
        changes("/v1/requests/{id}/break-glass", exceptions::break_glass),
        reads("/v1/waivers", exceptions::waivers),
        changes("/v1/waivers", exceptions::ask),
        changes("/v1/waivers/{id}/approve", exceptions::approve),
        changes("/v1/waivers/{id}/revoke", exceptions::revoke),
        reads("/v1/break-glass", exceptions::emergencies),
        changes("/v1/break-glass/{id}/review", exceptions::review),
        changes("/v1/break-glass/{id}/acknowledge", exceptions::acknowledge),
        reads("/v1/retention", retention::show),
        changes("/v1/retention/holds", retention::hold),
        changes("/v1/retention/holds/{id}/release", retention::release),
        reads("/v1/insights", insights::list),
        reads("/v1/insights/{table}", insights::show),
        reads("/v1/models", models::list),
        reads("/v1/models/{name}", models::show),
        reads("/v1/models/{name}/held", held::show),
        reads("/v1/models/{name}/audit", audit::show),
        reads("/v1/models/{name}/versions/{version}", models::version),
        reads("/v1/models/{name}/versions/{version}/difference", models::difference),
        reads("/v1/events", live::events),
        changes("/v1/pages/missing", live::missing),
        reads("/v1/plugins", registry::plugins),
        reads("/v1/policy", registry::policy),
        changes("/v1/policy/reload", policy::reload),
        reads("/v1/policy/history", policy::history),
        reads("/v1/decisions", ledger::decisions),
        reads("/v1/ledger/checkpoint", ledger::checkpoint),
        reads("/v1/ledger/entries", ledger::entries),
        reads("/v1/ledger/entries/{index}/attestations", attest::of_entry),
        reads("/v1/ledger/proof", ledger::proof),
        changes("/v1/webhooks/mlflow", webhook),
    ]
}

fn reads<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route {
        #[cfg(test)]
        method: Method::GET,
        path,
        handler: get(handler),
    }
}

fn changes<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route {
        #[cfg(test)]
        method: Method::POST,
        path,
        handler: post(handler),
    }
}

fn rewords<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route {
        #[cfg(test)]
        method: Method::PATCH,
        path,
        handler: patch(handler),
    }
}

fn removes<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route {
        #[cfg(test)]
        method: Method::DELETE,
        path,
        handler: delete(handler),
    }
}

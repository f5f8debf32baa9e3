//! The page of one registered model: who holds what, and how it got there.

mod held;

use axum::extract::{Path, Query};
use axum::response::Response;
use countersign_core::names::ModelName;
use countersign_core::policy::{Gate, Guard, Mode};
use countersign_core::request::RequestId;
use http::StatusCode;
use serde::Deserialize;

use super::inbox::{chips, version};
use super::request::{capital, phrase};
use super::{Trouble, Visitor, page};
use crate::app::{HeldName, RequestFilter};
use crate::http::pages::model::{Holder, ModelPage, ModelRow};
use crate::http::pages::model_at::workspace_of;
use crate::http::pages::{ModelAt, Nav};

#[derive(Debug, Deserialize)]
pub(super) struct ModelQuery {
    workspace: Option<String>,
    /// The last request of the page before.
    after: Option<RequestId>,
    /// A day or a time in the past.
    #[serde(default)]
    at: String,
}

pub(super) async fn show(
    visitor: Visitor,
    Path(name): Path<String>,
    Query(query): Query<ModelQuery>,
) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let (app, model) = (visitor.app(), ModelName::new(name));
    let workspace = workspace_of(query.workspace.as_deref());
    let held = app.held_names(&workspace, &model).map_err(trouble)?;
    let filter = RequestFilter {
        workspace: Some(workspace.clone()),
        model: Some(model.clone()),
        after: query.after,
        limit: 50,
        ..RequestFilter::default()
    };
    let found = app.request_page(&filter).map_err(trouble)?;
    let rows = found.requests.iter().map(|request| ModelRow {
        when: visitor.when(request.opened_at),
        version: version(request),
        what: capital(&phrase(request)),
        actor: request.authors.requester.as_ref().map(|id| visitor.person(id)),
        chips: chips(request),
        request: Some(request.id.to_string()),
    });
    let here = ModelAt::new(&workspace, &model);
    let shown = ModelPage {
        chrome: visitor.chrome(Nav::Inbox),
        holders: holders(app.generation.load().policy.gates(), &model, &held),
        held: held::times(&visitor, &workspace, &model, query.at.trim()).map_err(trouble)?,
        rows: rows.collect(),
        older: found.next.map(|id| here.query_with(&[("after", &id.to_string())])),
        model: here,
    };
    Ok(page(StatusCode::OK, &shown))
}

/// Every name that a gate guards on this model, with what stands there; a guard that nothing matches is not set.
fn holders(gates: &[Gate], model: &ModelName, held: &[HeldName]) -> Vec<Holder> {
    let live = gates.iter().filter(|gate| gate.mode != Mode::Off && gate.covers(model));
    let guards = live.flat_map(|gate| gate.guards.iter().map(move |guard| (gate, guard)));
    guards.flat_map(|(gate, guard)| of_guard(gate, guard, held)).collect()
}

fn of_guard(gate: &Gate, guard: &Guard, held: &[HeldName]) -> Vec<Holder> {
    let holder = |place: String, held: Option<&HeldName>| Holder {
        place,
        version: held.and_then(|held| held.version).map(|version| version.to_string()),
        gate: gate.name.to_string(),
        bypassed: held.is_some_and(|held| held.bypassed),
        stale: held.and_then(|held| held.drift.as_ref()).map(ToString::to_string),
    };
    let named = held.iter().filter_map(|held| {
        let place = guarded(guard, &held.name)?;
        held.version.map(|_| holder(place, Some(held)))
    });
    let named: Vec<Holder> = named.collect();
    match guard {
        Guard::Alias(_) | Guard::Stage(_) if named.is_empty() => vec![holder(guard.to_string(), None)],
        _ => named,
    }
}

/// `alias champion` of the name `alias:champion`, `stage Production` of `stage:Production:7`, when guarded.
fn guarded(guard: &Guard, name: &str) -> Option<String> {
    let (kind, rest) = name.split_once(':')?;
    let word = rest.split(':').next().unwrap_or(rest);
    let matches = match guard {
        Guard::Alias(pattern) => kind == "alias" && pattern.matches(word),
        Guard::Stage(stage) => kind == "stage" && word == stage.as_str(),
        Guard::RegisterInto(_) => false,
    };
    matches.then(|| format!("{kind} {word}"))
}

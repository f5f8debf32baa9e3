//! The page of one registered model: who holds what, and how it got there.

use axum::extract::Path;
use axum::response::Response;
use countersign_core::explain;
use countersign_core::names::{ModelName, Workspace};
use http::StatusCode;

use super::inbox::{chips, version};
use super::{Trouble, Visitor, page};
use crate::app::{HeldName, RequestFilter};
use crate::http::pages::Nav;
use crate::http::pages::model::{Holder, ModelPage, ModelRow};

pub(super) async fn show(visitor: Visitor, Path(name): Path<String>) -> Result<Response, Trouble> {
    let trouble = |error| Trouble::new(&visitor, error);
    let (app, model) = (visitor.app(), ModelName::new(name));
    let held = app.held_names(&Workspace::new("default"), &model).map_err(trouble)?;
    let filter = RequestFilter { model: Some(model.clone()), limit: 100, ..RequestFilter::default() };
    let requests = app.requests(&filter).map_err(trouble)?;
    let rows = requests.iter().map(|request| ModelRow {
        when: visitor.when(request.opened_at),
        version: version(request),
        what: explain::action_phrase(&request.placed.action),
        actor: request.authors.requester.as_ref().map(|id| visitor.person(id)),
        chips: chips(request),
        request: Some(request.id.to_string()),
        entry: None,
    });
    let shown = ModelPage {
        chrome: visitor.chrome(Nav::Inbox),
        model: model.to_string(),
        holders: held.iter().filter_map(holder).collect(),
        rows: rows.collect(),
        older: None,
    };
    Ok(page(StatusCode::OK, &shown))
}

fn holder(held: &HeldName) -> Option<Holder> {
    let (kind, rest) = held.name.split_once(':')?;
    let name = rest.split(':').next().unwrap_or(rest);
    (kind != "version").then(|| Holder {
        place: format!("{kind} {name}"),
        version: held.version.map(|version| version.to_string()),
        gate: if held.bypassed { "moved without a permit".to_owned() } else { String::new() },
    })
}

//! One entry of the ledger, with its proof.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use countersign_core::names::{ModelName, PersonId};
use http::StatusCode;
use serde_json::Value;

use super::ledger::told;
use super::request::capital;
use super::{Trouble, Visitor, page};
use crate::app::{AppError, ProvenEntry};
use crate::http::pages::entry::EntryPage;
use crate::http::pages::model_at::workspace_of;
use crate::http::pages::{ModelAt, Nav, Person};

/// Longer texts are no ids.
const ID_BYTES: usize = 64;

/// Where in its body an entry names workspace and model.
const MODELS: [(&str, &str); 5] = [
    ("/workspace", "/model"),
    ("/placed/workspace", "/placed/action/model"),
    ("/subject/workspace", "/subject/model"),
    ("/waiver/scope/workspace", "/waiver/scope/model"),
    ("/used/placed/workspace", "/used/placed/action/model"),
];

pub(super) async fn show(visitor: Visitor, Path(index): Path<String>) -> Result<Response, Trouble> {
    let none = || AppError::NotFound(format!("`{index}` is no index of a ledger entry: write its number"));
    let index = index.parse().map_err(|_| Trouble::new(&visitor, none()))?;
    let proven = visitor.app().prove_entry(index).await.map_err(|error| Trouble::new(&visitor, error))?;
    Ok(page(StatusCode::OK, &shown(&visitor, proven)))
}

fn shown(visitor: &Visitor, proven: ProvenEntry) -> EntryPage {
    let value: Value = serde_json::from_str(&proven.json).unwrap_or_default();
    let (summary, actor, request) = proven.entry.as_ref().map(told).unwrap_or_default();
    EntryPage {
        chrome: visitor.chrome(Nav::Ledger),
        index: proven.index,
        kind: proven.kind,
        summary: capital(&summary),
        actor: actor.map(|id| visitor.person(&id)),
        when: visitor.when(proven.at),
        request: request.map(|id| id.to_string()),
        model: model(&value),
        people: people(visitor, &value),
        pretty: serde_json::to_string_pretty(&value).unwrap_or_default(),
        exact: proven.json,
        leaf: proven.leaf.to_string(),
        prev: proven.prev.to_string(),
        path: proven.path.iter().map(ToString::to_string).collect(),
        root: proven.root.to_string(),
        size: proven.size,
        checkpoint: proven.checkpoint,
        vkey: proven.vkey,
    }
}

/// Wherever an entry of some kind says which model it is about, with its workspace beside it.
fn model(value: &Value) -> Option<ModelAt> {
    let text = |place: &str| value.pointer(&format!("/body{place}")).and_then(Value::as_str);
    MODELS.iter().find_map(|(workspace, model)| {
        Some(ModelAt::new(&workspace_of(text(workspace)), &ModelName::new(text(model)?)))
    })
}

/// Entries name people by id alone; who reads one wants to know whom it means.
fn people(visitor: &Visitor, value: &Value) -> Vec<(String, Person)> {
    let mut found = BTreeMap::new();
    named(visitor, value, &mut found);
    found.into_iter().collect()
}

fn named(visitor: &Visitor, value: &Value, found: &mut BTreeMap<String, Person>) {
    match value {
        Value::String(text) if text.len() <= ID_BYTES && !found.contains_key(text) => {
            let person = visitor.person(&PersonId::new(text));
            if person.name != *text {
                found.insert(text.clone(), person);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| named(visitor, value, found)),
        Value::Object(members) => members.values().for_each(|value| named(visitor, value, found)),
        _ => {}
    }
}

//! What the document says, against the routes and the types.

use std::collections::BTreeSet;

use countersign_core::request::PromotionRequest;
use serde_json::{Value, json};

use super::{document, operations};
use crate::http::api::{requests, routes};

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let document = document();
    let described: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let served: BTreeSet<(String, String)> =
        routes::all().into_iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(served, described);
}

#[test]
fn every_operation_is_described_in_full() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{method} {path}: operationId `{id}`");
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let mut described = operation["parameters"].as_array().into_iter().flatten();
            let same = |given: &Value| given["name"] == parameter && given["in"] == "path";
            assert!(described.any(same), "{method} {path}: `{parameter}` is not described");
        }
        let open = operation["security"] == json!([]);
        let refuses = !operation["responses"]["401"].is_null();
        assert_eq!(open, !refuses, "{method} {path}: says 401, or says that it is open to everybody");
    }
}

/// Every schema with an example beside it: of bodies, of answers, of problems.
fn illustrated(value: &Value) -> Vec<(&Value, &Value)> {
    match value {
        Value::Object(members) => {
            let here = members.get("schema").zip(members.get("example"));
            here.into_iter().chain(members.values().flat_map(illustrated)).collect()
        }
        Value::Array(items) => items.iter().flat_map(illustrated).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn examples_are_as_their_schemas_say() {
    let document = document();
    let found = illustrated(&document);
    assert!(found.len() > 20, "only {} examples", found.len());
    for (schema, example) in found {
        let whole = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(example)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{schema}: {faults:#?}");
    }
}

#[test]
fn examples_are_what_the_types_read_and_write() {
    let document = document();
    let body = |path: &str| {
        let content = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"];
        content["example"].clone()
    };
    serde_json::from_value::<requests::NewRequest>(body("/v1/requests")).unwrap();
    serde_json::from_value::<requests::ReviewBody>(body("/v1/requests/{id}/reviews")).unwrap();
    for (path, method) in [("/v1/requests/{id}", "get"), ("/v1/requests/{id}/reviews", "post")] {
        let answer = &document["paths"][path][method]["responses"]["200"];
        let shown = &answer["content"]["application/json"]["example"];
        let request: PromotionRequest = serde_json::from_value(shown.clone()).unwrap();
        for (member, written) in serde_json::to_value(&request).unwrap().as_object().unwrap() {
            assert_eq!(written, &shown[member], "{path}: `{member}`");
        }
    }
}

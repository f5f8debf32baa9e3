//! A form from a plugin's JSON Schema, and a configuration from what was typed into it.
//!
//! Plain fields for plain values; what is nested is JSON in a larger one. Whether the configuration is good is the
//! plugin's to say. This module must not know: pages, requests, the policy.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::pages::plugin::{ConfigField, FieldKind};

/// What was typed, by field.
pub(super) type Typed = BTreeMap<String, String>;

/// The fields of a schema's object, required ones first.
pub(super) fn fields(schema: &Value, typed: &Typed) -> Vec<ConfigField> {
    let required = |name: &str| {
        let listed = schema.get("required").and_then(Value::as_array);
        listed.is_some_and(|names| names.iter().any(|each| each == name))
    };
    let mut fields: Vec<ConfigField> = properties(schema)
        .map(|(name, part)| ConfigField {
            kind: kind(schema, &part),
            hint: text(&part, "description"),
            shape: shape(schema, name).filter(|shape| *shape != text(&part, "description")),
            required: required(name),
            default: part.get("default").map(plainly),
            value: typed.get(name).cloned().unwrap_or_default(),
            name: name.clone(),
            error: None,
        })
        .collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

/// The configuration, and what cannot be read, each with its place as a JSON pointer. An empty field is not set.
pub(super) fn config_of(schema: &Value, typed: &Typed) -> (Value, Vec<(String, String)>) {
    let (mut config, mut wrong) = (Map::new(), Vec::new());
    for (name, part) in properties(schema) {
        let value = typed.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let Some(value) = value else { continue };
        match read(&kind(schema, &part), &part, value) {
            Ok(value) => drop(config.insert(name.clone(), value)),
            Err(why) => wrong.push((format!("/{name}"), why)),
        }
    }
    (Value::Object(config), wrong)
}

/// A configuration as it would be typed.
pub(super) fn typed_of(config: &Value) -> Typed {
    let members = config.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), plainly(value))).collect()
}

/// Each with what it refers to.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, Value)> {
    let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    members.map(|(name, part)| (name, resolved(schema, part)))
}

/// Only references within the schema are followed, once: a schema has no others that the host would take.
fn resolved(schema: &Value, part: &Value) -> Value {
    let place = part.get("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix('#'));
    let Some(Value::Object(found)) = place.and_then(|place| schema.pointer(place)) else {
        return part.clone();
    };
    let mut whole = found.clone();
    whole.extend(part.as_object().cloned().unwrap_or_default());
    Value::Object(whole)
}

/// What a schema says of the definition that a property refers to.
fn shape(schema: &Value, name: &str) -> Option<String> {
    let place = schema.get("properties")?.get(name)?.get("$ref")?.as_str()?.strip_prefix('#')?;
    Some(text(schema.pointer(place)?, "description")).filter(|words| !words.is_empty())
}

fn kind(schema: &Value, part: &Value) -> FieldKind {
    if let Some(choices) = part.get("enum").and_then(Value::as_array) {
        return FieldKind::Choice(choices.iter().map(plainly).collect());
    }
    let is = |part: &Value, wanted: &str| part.get("type").is_some_and(|kind| kind == wanted);
    let any = part.get("anyOf").and_then(Value::as_array);
    let some_text = any.is_some_and(|ways| ways.iter().any(|way| is(way, "string")));
    let item = part.get("items").map(|items| resolved(schema, items));
    match () {
        () if is(part, "boolean") => FieldKind::Choice(vec!["true".to_owned(), "false".to_owned()]),
        () if is(part, "integer") => FieldKind::Whole,
        () if is(part, "string") || some_text => FieldKind::Text,
        () if is(part, "array") && item.is_some_and(|item| is(&item, "string")) => FieldKind::Lines,
        () => FieldKind::Json,
    }
}

fn read(kind: &FieldKind, part: &Value, typed: &str) -> Result<Value, String> {
    match kind {
        FieldKind::Text => Ok(Value::from(typed)),
        FieldKind::Whole => {
            typed.parse::<i64>().map(Value::from).map_err(|_| format!("`{typed}` is no whole number"))
        }
        FieldKind::Choice(_) if part.get("enum").is_none() => Ok(Value::from(typed == "true")),
        FieldKind::Choice(_) => {
            let choices = part.get("enum").and_then(Value::as_array).into_iter().flatten();
            let chosen = choices.into_iter().find(|choice| plainly(choice) == typed);
            chosen.cloned().ok_or_else(|| format!("`{typed}` is none of the choices"))
        }
        FieldKind::Lines => {
            let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
            Ok(lines.map(Value::from).collect())
        }
        FieldKind::Json => serde_json::from_str(typed).map_err(|error| format!("this is no JSON: {error}")),
    }
}

fn text(part: &Value, key: &str) -> String {
    part.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// As somebody would type it.
fn plainly(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            items.iter().map(plainly).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "required": ["metric"],
            "properties": {
                "files": { "type": "array", "items": { "type": "string" }, "default": [] },
                "metric": { "type": "string", "description": "Its name." },
                "min": { "$ref": "#/$defs/decimal", "description": "The smallest." },
                "origin": { "enum": ["run", "any"], "default": "any" },
                "words": { "type": "integer" },
                "warn_only": { "type": "boolean" },
                "relative": { "type": "object" },
            },
            "$defs": { "decimal": { "anyOf": [{ "type": "string" }, { "type": "integer" }], "description": "A number." } },
        })
    }

    fn typed(pairs: &[(&str, &str)]) -> Typed {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_property_has_a_field() {
        let fields = fields(&schema(), &typed(&[("min", "0.85")]));
        let of = |name: &str| fields.iter().find(|field| field.name == name).cloned().unwrap();
        assert_eq!(fields.first().map(|field| (field.name.as_str(), field.required)), Some(("metric", true)));
        assert_eq!((of("min").kind, of("min").hint.as_str()), (FieldKind::Text, "The smallest."));
        assert_eq!(of("min").shape.as_deref(), Some("A number."));
        assert_eq!((of("min").value.as_str(), of("files").kind), ("0.85", FieldKind::Lines));
        assert_eq!(of("origin").default.as_deref(), Some("any"));
        assert_eq!((of("words").kind, of("relative").kind), (FieldKind::Whole, FieldKind::Json));
    }

    #[test]
    fn what_is_typed_becomes_a_configuration() {
        let check = |pairs: &[(&str, &str)], expect: Value, wrong: &[&str]| {
            let (config, errors) = config_of(&schema(), &typed(pairs));
            let mut places: Vec<&str> = errors.iter().map(|(place, _)| place.as_str()).collect();
            places.sort_unstable();
            assert_eq!((config, places.as_slice()), (expect, wrong), "{pairs:?}");
        };
        check(&[("metric", " auc "), ("min", "")], json!({"metric": "auc"}), &[]);
        check(&[("files", "a\r\nb\n\n")], json!({"files": ["a", "b"]}), &[]);
        check(&[("words", "7"), ("warn_only", "true")], json!({"words": 7, "warn_only": true}), &[]);
        check(&[("relative", "{\"to\": \"champion\"}")], json!({"relative": {"to": "champion"}}), &[]);
        check(
            &[("words", "many"), ("relative", "{"), ("origin", "no")],
            json!({}),
            &["/origin", "/relative", "/words"],
        );
        check(&[("unknown", "x")], json!({}), &[]);
    }

    #[test]
    fn a_configuration_comes_back_as_it_would_be_typed() {
        let config = json!({"files": ["a", "b"], "metric": "auc", "relative": {"to": "x"}, "words": 7});
        assert_eq!(config_of(&schema(), &typed_of(&config)), (config, Vec::new()));
    }
}

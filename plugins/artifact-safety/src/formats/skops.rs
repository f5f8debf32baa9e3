//! skops files: a zip archive whose `schema.json` names the types that are made when it is loaded.

use std::collections::BTreeSet;

use countersign_sdk::serde_json::Value;

use crate::pickle::Global;

/// Deeper than any real object.
const DEEPEST: u32 = 120;

/// # Errors
/// Why the schema could not be read.
pub(crate) fn types(schema: &[u8]) -> Result<BTreeSet<Global>, String> {
    let schema: Value =
        countersign_sdk::serde_json::from_slice(schema).map_err(|e| format!("its schema is no JSON: {e}"))?;
    let mut found = BTreeSet::new();
    collect(&schema, 0, &mut found)?;
    Ok(found)
}

fn collect(value: &Value, depth: u32, found: &mut BTreeSet<Global>) -> Result<(), String> {
    if depth > DEEPEST {
        return Err("its schema is nested too deeply".to_owned());
    }
    match value {
        Value::Object(map) => {
            if let (Some(Value::String(module)), Some(Value::String(name))) =
                (map.get("__module__"), map.get("__class__"))
            {
                found.insert(Global { module: module.clone(), name: name.clone() });
            }
            map.values().try_for_each(|inner| collect(inner, depth + 1, found))
        }
        Value::Array(items) => items.iter().try_for_each(|inner| collect(inner, depth + 1, found)),
        _ => Ok(()),
    }
}

//! Configuration of plugins: TOML in the policy, JSON for the plugin.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::table::Table;

/// The largest integer that every JSON reader keeps exactly (RFC 7493 §2.2).
const MAX_SAFE: i64 = (1 << 53) - 1;

/// The table under `key` as a JSON object; absent means empty.
pub(super) fn object(table: &Table<'_>, key: &str) -> Value {
    match table.get(key) {
        None => Value::Object(Map::new()),
        Some(value) if value.get_ref().is_table() => json(table, value),
        Some(value) => {
            table.wrong(key, value, "a table");
            Value::Null
        }
    }
}

fn json(table: &Table<'_>, value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Integer(integer) => number(table, value, integer),
        DeValue::Float(float) => {
            let text = float.as_str();
            let fault =
                format!("`{text}` is a fraction, which no two programs print alike: write `\"{text}\"`");
            table.fault(value.span().start, fault);
            Value::Null
        }
        DeValue::Array(array) => Value::Array(array.iter().map(|element| json(table, element)).collect()),
        DeValue::Table(members) => Value::Object(
            members.iter().map(|(key, value)| (key.get_ref().to_string(), json(table, value))).collect(),
        ),
    }
}

fn number(table: &Table<'_>, value: &Spanned<DeValue<'_>>, integer: &DeInteger<'_>) -> Value {
    match i64::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(number) if (-MAX_SAFE..=MAX_SAFE).contains(&number) => number.into(),
        _ => {
            let text = format!("`{integer}` is too large to be kept exactly: write it as a text");
            table.fault(value.span().start, text);
            Value::Null
        }
    }
}

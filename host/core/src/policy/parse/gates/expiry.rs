//! `on_expiry`.

use toml::de::DeValue;

use crate::names::{Alias, Version};
use crate::policy::expiry::{FallbackTo, OnExpiry};
use crate::policy::parse::table::Table;

const WANTED: &str = "`\"flag\"`, or `{ fallback = VERSION }` with a version or an alias of the same model";

pub(super) fn read(gate: &Table<'_>) -> OnExpiry {
    let Some(value) = gate.get("on_expiry") else { return OnExpiry::Flag };
    match value.get_ref() {
        DeValue::String(word) if word.as_ref() == "flag" => OnExpiry::Flag,
        DeValue::Table(_) => {
            let table = gate.as_table("on_expiry", value, "`on_expiry`");
            table.and_then(|table| fallback(&table)).map_or(OnExpiry::Flag, OnExpiry::Fallback)
        }
        _ => {
            gate.wrong("on_expiry", value, WANTED);
            OnExpiry::Flag
        }
    }
}

fn fallback(table: &Table<'_>) -> Option<FallbackTo> {
    table.only(&["fallback"]);
    let Some(value) = table.get("fallback") else {
        table.missing("fallback", "\"ALIAS\"");
        return None;
    };
    let number = value.get_ref().as_integer().map(|n| n.as_str().to_owned());
    let text = number.or_else(|| value.get_ref().as_str().map(str::to_owned)).filter(|text| !text.is_empty());
    let Some(text) = text else {
        table.wrong("fallback", value, "a version, as in `3`, or an alias, as in `\"previous\"`");
        return None;
    };
    Some(Version::parse(&text).map_or_else(|| FallbackTo::Alias(Alias::new(&text)), FallbackTo::Version))
}

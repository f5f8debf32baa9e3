//! `on_expiry`.

use toml::de::DeValue;

use crate::names::{Alias, Stage, Version};
use crate::policy::expiry::{FallbackTo, OnExpiry};
use crate::policy::parse::choices;
use crate::policy::parse::table::{At, Table};

const WANTED: &str = "`\"flag\"`, `{ fallback = VERSION }` with a version or an alias of the same model, or `{ stage = STAGE }`";

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

/// Where nobody looks for a version to serve.
fn leaves_for(table: &Table<'_>, text: &At<&str>) -> Option<FallbackTo> {
    let stage = Stage::parse(text.value).filter(|stage| matches!(stage, Stage::Archived | Stage::None));
    if stage.is_none() || table.get("fallback").is_some() {
        let listed = choices(["Archived", "None"]);
        let message =
            format!("a version whose approval has run out leaves for no stage `{}`: {listed}", text.value);
        table.fault(text.start(), message);
    }
    stage.map(FallbackTo::Stage)
}

fn fallback(table: &Table<'_>) -> Option<FallbackTo> {
    table.only(&["fallback", "stage"]);
    if let Some(text) = table.text("stage") {
        return leaves_for(table, &text);
    }
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

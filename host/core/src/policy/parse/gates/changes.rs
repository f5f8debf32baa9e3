//! `[gate.changes]`.

use crate::policy::changes::{Changes, OnChange};
use crate::policy::parse::table::Table;

const KEYS: &[&str] =
    &["delete", "leave", "rename", "artifacts", "tags", "description", "model_tags", "model_description"];

pub(super) fn read(gate: &Table<'_>) -> Changes {
    let usual = Changes::default();
    let Some(table) = gate.table("changes", "`changes`") else { return usual };
    table.only(KEYS);
    let said = |key| table.one_of(key, &OnChange::TAKING_BACK, OnChange::as_str);
    let may = |key| table.one_of(key, &OnChange::ALL, OnChange::as_str);
    Changes {
        delete: said("delete").unwrap_or(usual.delete),
        leave: said("leave").unwrap_or(usual.leave),
        rename: said("rename").unwrap_or(usual.rename),
        tags: may("tags").unwrap_or(usual.tags),
        description: may("description").unwrap_or(usual.description),
        model_tags: may("model_tags").unwrap_or(usual.model_tags),
        model_description: may("model_description").unwrap_or(usual.model_description),
        artifacts: said("artifacts").unwrap_or(usual.artifacts),
    }
}

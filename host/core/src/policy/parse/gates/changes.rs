//! `[gate.changes]`.

use crate::policy::changes::{Changes, OnChange};
use crate::policy::parse::table::Table;

pub(super) fn read(gate: &Table<'_>) -> Changes {
    let usual = Changes::default();
    let Some(table) = gate.table("changes", "`changes`") else { return usual };
    table.only(&["delete", "leave", "rename", "tags"]);
    let said = |key| table.one_of(key, &OnChange::TAKING_BACK, OnChange::as_str);
    Changes {
        delete: said("delete").unwrap_or(usual.delete),
        leave: said("leave").unwrap_or(usual.leave),
        rename: said("rename").unwrap_or(usual.rename),
        tags: table.one_of("tags", &OnChange::ALL, OnChange::as_str).unwrap_or(usual.tags),
    }
}

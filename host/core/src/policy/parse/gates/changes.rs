//! `[gate.changes]`.

use crate::policy::changes::{Changes, OnChange};
use crate::policy::parse::table::Table;

pub(super) fn read(gate: &Table<'_>) -> Changes {
    let usual = Changes::default();
    let Some(table) = gate.table("changes", "`changes`") else { return usual };
    table.only(&["delete", "leave", "rename"]);
    let said = |key| table.one_of(key, &OnChange::ALL, OnChange::as_str);
    Changes {
        delete: said("delete").unwrap_or(usual.delete),
        leave: said("leave").unwrap_or(usual.leave),
        rename: said("rename").unwrap_or(usual.rename),
    }
}

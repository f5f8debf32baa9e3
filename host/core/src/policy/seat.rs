//! Seats: roles that approvals fill, and who may fill them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::names::Seat;

/// One `[[seat]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeatHolders {
    pub name: Seat,
    /// Account names, compared exactly.
    pub members: BTreeSet<String>,
    /// `PROVIDER:GROUP`, as in `oidc:model-risk`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

impl SeatHolders {
    /// Whether this account may sit here, by name or by one of its groups (`PROVIDER:GROUP`).
    #[must_use]
    pub fn admits<'a>(&self, account: &str, groups: impl IntoIterator<Item = &'a str>) -> bool {
        self.members.contains(account) || groups.into_iter().any(|group| self.groups.contains(group))
    }

    /// How many different people can sit here; `None` where groups decide.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.groups.is_empty().then_some(self.members.len())
    }
}

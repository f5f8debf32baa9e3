//! A caller whose credentials were verified, or nobody.

use countersign_core::names::PersonId;
use serde::Serialize;

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Known(Identity),
}

impl Caller {
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anonymous => None,
            Self::Known(identity) => Some(identity),
        }
    }

    /// Whether this caller proved itself by a cookie, which browsers also send from other sites.
    #[must_use]
    pub fn by_session(&self) -> bool {
        self.identity().is_some_and(|identity| identity.method == Method::Session)
    }
}

/// A person or machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Stable and opaque; the only thing that ledger entries know.
    pub person: PersonId,
    /// The login name. A profile, not a key: it may change hands.
    pub name: String,
    /// Machines fill no human seat.
    pub machine: bool,
    pub groups: Vec<String>,
    pub method: Method,
}

/// How an identity was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Method {
    Password,
    Token { id: String },
    Session,
    Upstream,
}

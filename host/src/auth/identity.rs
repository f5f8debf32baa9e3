//! A caller whose credentials were verified, or nobody.

use countersign_core::names::PersonId;
use http::HeaderMap;
use serde::Serialize;

use super::origin::{from_elsewhere, same_origin};

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

    /// Whether this caller proved itself by our cookie.
    #[must_use]
    pub fn by_session(&self) -> bool {
        self.identity().is_some_and(|identity| identity.method == Method::Session)
    }

    /// Whether another site may have made a browser send this write. Our cookie proves nothing by itself, and a
    /// signing-in proxy adds its headers to whatever a browser sends; programs behind one send no `Origin`.
    #[must_use]
    pub fn may_be_forged(&self, headers: &HeaderMap, public_url: &str) -> bool {
        match self.identity().map(|identity| &identity.method) {
            Some(Method::Session) => !same_origin(headers, public_url),
            Some(Method::Proxy) => from_elsewhere(headers, public_url),
            _ => false,
        }
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
    Token {
        id: String,
    },
    Session,
    Upstream,
    /// A token of the OpenID provider.
    Oidc,
    /// A header of the trusted proxy.
    Proxy,
}

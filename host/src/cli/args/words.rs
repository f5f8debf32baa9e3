//! Arguments that are more than a text.

use std::fmt;
use std::str::FromStr;

use countersign_core::names::Version;
use countersign_core::request::RequestId;

pub(super) fn version(text: &str) -> Result<Version, String> {
    Version::try_from(text.to_owned())
}

/// What to execute again, or to attest. Prints as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    Entry(u64),
    Request(RequestId),
}

impl FromStr for Replayed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entry = text.parse().map(Self::Entry).ok();
        entry.or_else(|| text.parse().map(Self::Request).ok()).ok_or_else(|| {
            format!("`{text}` is neither the index of a ledger entry nor the id of a promotion request")
        })
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(index) => index.fmt(f),
            Self::Request(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replayed() {
        assert_eq!("42".parse(), Ok(Replayed::Entry(42)));
        let id = "01980000-0000-7000-8000-000000000000";
        assert_eq!(id.parse::<Replayed>().map(|what| what.to_string()), Ok(id.to_owned()));
        assert!("-1".parse::<Replayed>().is_err());
    }
}

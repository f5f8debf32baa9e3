//! What tells requests apart.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A request's id; sorts by the time at which it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request's id looks like 01980000-0000-7000-8000-000000000000; `countersign request list` shows them"
)]
pub struct NoRequestId;

impl std::str::FromStr for RequestId {
    type Err = NoRequestId;

    fn from_str(text: &str) -> Result<Self, NoRequestId> {
        text.parse().map(Self).map_err(|_| NoRequestId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_told_what_one_looks_like() {
        let id = "01980000-0000-7000-8000-000000000000";
        assert_eq!(id.parse::<RequestId>().map(|id| id.to_string()), Ok(id.to_owned()));
        for text in ["", "1234", "credit", "01980000"] {
            let error = text.parse::<RequestId>().unwrap_err().to_string();
            assert!(error.contains(id) && error.contains("request list"), "{error}");
        }
    }
}

//! By what right a name holds a version.

use serde::{Deserialize, Serialize};

/// How a name got what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// People signed.
    Signed,
    /// The gate asked nobody.
    Unasked,
    BreakGlass,
    /// An approval ran out, and the policy names another version.
    Fallback,
    /// A bypass was undone.
    PutBack,
    Bypassed,
}

/// By what right a name holds it at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Approved,
    #[serde(rename = "allowed-without-people")]
    Unasked,
    Fallback,
    PutBack,
    BreakGlass,
    Expired,
    /// Suspended or revoked.
    TakenBack,
    Bypassed,
    /// It was there before Countersign was.
    #[serde(rename = "before-countersign")]
    Before,
}

impl Standing {
    pub const ALL: [Self; 9] = [
        Self::Approved,
        Self::Unasked,
        Self::Fallback,
        Self::PutBack,
        Self::BreakGlass,
        Self::Expired,
        Self::TakenBack,
        Self::Bypassed,
        Self::Before,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Unasked => "allowed-without-people",
            Self::Fallback => "fallback",
            Self::PutBack => "put-back",
            Self::BreakGlass => "break-glass",
            Self::Expired => "expired",
            Self::TakenBack => "taken-back",
            Self::Bypassed => "bypassed",
            Self::Before => "before-countersign",
        }
    }

    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Unasked => "Nobody asked",
            Self::Fallback => "Fallback",
            Self::PutBack => "Put back",
            Self::BreakGlass => "Break-glass",
            Self::Expired => "Expired",
            Self::TakenBack => "Taken back",
            Self::Bypassed => "Bypassed",
            Self::Before => "From before",
        }
    }

    /// Whether a decision in force stands behind it. An emergency is an exception to one, not one.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Approved | Self::Unasked | Self::Fallback | Self::PutBack)
    }
}

impl From<How> for Standing {
    fn from(how: How) -> Self {
        match how {
            How::Signed => Self::Approved,
            How::Unasked => Self::Unasked,
            How::BreakGlass => Self::BreakGlass,
            How::Fallback => Self::Fallback,
            How::PutBack => Self::PutBack,
            How::Bypassed => Self::Bypassed,
        }
    }
}

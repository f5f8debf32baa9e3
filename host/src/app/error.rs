//! Why a use case could not be carried out. What it means in HTTP is decided in `http::error` alone.

use countersign_core::break_glass::StaysWhole;
use countersign_core::canonical::CanonicalError;
use countersign_core::request::InvalidStep;
use countersign_core::review::NoRationale;
use countersign_core::waiver::CannotWaive;

use super::LoadGenerationError;
use super::registry::RegistryError;
use crate::clock::NoRandomness;
use crate::facts::FactsError;
use crate::ledger::LedgerError;
use crate::mlflow::{ReadError, UpstreamError};
use crate::store::{CommitError, StoreError, codec};
use crate::vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The caller may not do this, whatever they send.
    #[error("{0}")]
    Forbidden(String),
    /// The caller must say who they are.
    #[error("sign in first: {0}")]
    Unauthenticated(String),
    /// What the caller sent cannot be taken.
    #[error("{0}")]
    Invalid(String),
    /// The state has moved since the caller looked.
    #[error("{0}")]
    Conflict(String),
    /// It will be known soon.
    #[error("{0}")]
    NotYet(String),
    /// The file of the policy cannot be put in force.
    #[error(transparent)]
    Policy(#[from] LoadGenerationError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(CommitError),
    #[error(transparent)]
    Ledger(LedgerError),
    #[error(transparent)]
    Encode(#[from] codec::EncodeError),
    #[error(transparent)]
    Draft(#[from] crate::ledger::DraftError),
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Vault(VaultError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl AppError {
    /// Whether it will be known soon: who calls again later gets another answer.
    #[must_use]
    pub const fn is_not_yet(&self) -> bool {
        matches!(self, Self::NotYet(_) | Self::Facts(FactsError::Reading { .. }))
    }

    /// Whether it says that there is no such thing, here or in MLflow.
    #[must_use]
    pub const fn is_not_there(&self) -> bool {
        match self {
            Self::NotFound(_) => true,
            Self::Facts(error) => matches!(error, FactsError::NotFound { .. }),
            Self::Read(error) => error.is_not_found(),
            Self::Registry(error) => error.is_not_found(),
            _ => false,
        }
    }
}

impl From<InvalidStep> for AppError {
    fn from(step: InvalidStep) -> Self {
        Self::Conflict(format!("{step}: reload the page to see where it stands"))
    }
}

impl From<NoRationale> for AppError {
    fn from(reason: NoRationale) -> Self {
        Self::Invalid(reason.to_string())
    }
}

impl From<CannotWaive> for AppError {
    fn from(reason: CannotWaive) -> Self {
        match reason {
            CannotWaive::NoReason | CannotWaive::Past | CannotWaive::TooLong { .. } => {
                Self::Invalid(reason.to_string())
            }
            CannotWaive::Revoked => Self::Conflict(reason.to_string()),
            CannotWaive::NotAllowed | CannotWaive::Own | CannotWaive::Barred { .. } => {
                Self::Forbidden(reason.to_string())
            }
        }
    }
}

impl From<StaysWhole> for AppError {
    fn from(reason: StaysWhole) -> Self {
        match reason {
            StaysWhole::NoReason => Self::Invalid(reason.to_string()),
            StaysWhole::NotReviewed(_) | StaysWhole::Reviewed => Self::Conflict(reason.to_string()),
            StaysWhole::NotAllowed
            | StaysWhole::NotAMember
            | StaysWhole::Machine
            | StaysWhole::Own
            | StaysWhole::Barred { .. } => Self::Forbidden(reason.to_string()),
        }
    }
}

impl From<CommitError> for AppError {
    fn from(error: CommitError) -> Self {
        match error {
            conflict @ CommitError::Conflict { .. } => Self::Conflict(conflict.to_string()),
            other => Self::Commit(other),
        }
    }
}

impl From<LedgerError> for AppError {
    fn from(error: LedgerError) -> Self {
        match error {
            absent @ (LedgerError::NoEntry { .. } | LedgerError::NoSuchSizes { .. }) => {
                Self::NotFound(absent.to_string())
            }
            LedgerError::Commit(error) => error.into(),
            other => Self::Ledger(other),
        }
    }
}

//! The closed sets from which labels of metrics take their values.

/// Which part of the house a request went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    PassThrough,
    Governed,
    /// Below `/_countersign/`.
    Own,
}

impl Route {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::PassThrough => "pass-through",
            Self::Governed => "governed",
            Self::Own => "own",
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    Forwarded,
    Answered,
    Refused,
    Invalid,
    Unauthenticated,
    UpstreamFailed,
    ClientGone,
    Failed,
}

impl RequestOutcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::UpstreamFailed => "upstream-failed",
            Self::ClientGone => "client-gone",
            Self::Failed => "failed",
        }
    }
}

/// What became of a webhook delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookResult {
    Accepted,
    Duplicate,
    BadSignature,
    Stale,
    Malformed,
}

impl WebhookResult {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::BadSignature => "bad-signature",
            Self::Stale => "stale",
            Self::Malformed => "malformed",
        }
    }
}

/// How the registry differed from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Drift {
    Alias,
    Stage,
    Registration,
    Deleted,
}

impl Drift {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Alias => "alias",
            Self::Stage => "stage",
            Self::Registration => "registration",
            Self::Deleted => "deleted",
        }
    }
}

/// A place in MLflow's pages where something of ours belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    List,
    Model,
    Version,
    AliasDialog,
    PromoteDialog,
}

impl Hook {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Model => "model",
            Self::Version => "version",
            Self::AliasDialog => "alias-dialog",
            Self::PromoteDialog => "promote-dialog",
        }
    }
}

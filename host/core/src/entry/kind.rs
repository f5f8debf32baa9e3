//! The stable word for each kind of entry: what an export, a filter and a reader say.

use super::Entry;

impl Entry {
    /// The stable word for this kind of entry.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::PolicyLoaded(_) => "policy-loaded",
            Self::PolicyRefused { .. } => "policy-refused",
            Self::VersionCreated { .. } => "version-created",
            Self::CheckRun(_) => "check-run",
            Self::RuleRun { .. } => "rule-run",
            Self::RequestOpened { .. } => "request-opened",
            Self::Refused { .. } => "refused",
            Self::Reviewed { .. } => "reviewed",
            Self::ReviewRefused { .. } => "review-refused",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Stale { .. } => "stale",
            Self::Intent(_) => "intent",
            Self::Outcome { .. } => "outcome",
            Self::WouldRefuse { .. } => "would-refuse",
            Self::Bypassed(_) => "bypassed",
            Self::EvidenceOpened { .. } => "evidence-opened",
            Self::Commented { .. } => "commented",
            Self::CommentEdited { .. } => "comment-edited",
            Self::CommentDeleted { .. } => "comment-deleted",
            Self::ThreadSettled { .. } => "thread-settled",
            Self::WaiverAsked { .. } => "waiver-asked",
            Self::WaiverApproved { .. } => "waiver-approved",
            Self::WaiverRevoked { .. } => "waiver-revoked",
            Self::BrokeGlass { .. } => "broke-glass",
            Self::BreakGlassReviewed { .. } => "break-glass-reviewed",
            Self::ExceptionRefused { .. } => "exception-refused",
            Self::Lapsed { .. } => "lapsed",
            Self::Expired { .. } => "expired",
            Self::Expiring { .. } => "expiring",
            Self::FallingBack { .. } => "falling-back",
            Self::NotFallenBack { .. } => "not-fallen-back",
            Self::TierDrift { .. } => "tier-drift",
            Self::TierRestored { .. } => "tier-restored",
            Self::Suspended(_) => "suspended",
            Self::Resumed(_) => "resumed",
            Self::Revoked(_) => "revoked",
            Self::Sampled { .. } => "sampled",
            Self::SampleReviewed { .. } => "sample-reviewed",
            Self::SkipAcknowledged { .. } => "skip-acknowledged",
            Self::WindowOpened { .. } => "window-opened",
            Self::WindowClosed { .. } => "window-closed",
            Self::Undermined { .. } => "undermined",
            Self::PluginUnstable(_) => "plugin-unstable",
            Self::EvidenceCollected(_) => "evidence-collected",
            Self::Held(_) => "held",
            Self::Released(_) => "released",
            Self::ProfileErased(_) => "profile-erased",
            Self::Anchored(_) => "anchored",
        }
    }
}

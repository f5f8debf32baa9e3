//! What an entry is about.

use super::Entry;
use crate::request::RequestId;

impl Entry {
    /// The request that it is about. Every kind says so: the pages of a request find its entries by this.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::RequestOpened { request, .. }
            | Self::Reviewed { request, .. }
            | Self::ReviewRefused { request, .. }
            | Self::Withdrawn { request, .. }
            | Self::Stale { request, .. }
            | Self::EvidenceOpened { request, .. }
            | Self::Lapsed { request }
            | Self::Expired { request }
            | Self::Expiring { request, .. }
            | Self::FallingBack { request, .. }
            | Self::NotFallenBack { request, .. }
            | Self::Sampled { request, .. }
            | Self::SampleReviewed { request, .. }
            | Self::WindowOpened { request, .. }
            | Self::WindowClosed { request, .. }
            | Self::Undermined { request, .. } => Some(*request),
            Self::TierDrift { live, .. } | Self::TierRestored { live, .. } => live.request,
            Self::Suspended(said) | Self::Resumed(said) | Self::Revoked(said) => Some(said.request),
            Self::Refused { request, .. }
            | Self::CommentEdited { request, .. }
            | Self::CommentDeleted { request, .. }
            | Self::ThreadSettled { request, .. } => *request,
            Self::Intent(intent) => intent.request,
            Self::Commented { comment, .. } => comment.request,
            Self::BrokeGlass { used } => Some(used.request),
            Self::Held(hold) => hold.request,
            Self::Started { .. }
            | Self::PolicyLoaded(_)
            | Self::PolicyRefused { .. }
            | Self::VersionCreated { .. }
            | Self::CheckRun(_)
            | Self::RuleRun { .. }
            | Self::Outcome { .. }
            | Self::WouldRefuse { .. }
            | Self::Bypassed(_)
            | Self::WaiverAsked { .. }
            | Self::WaiverApproved { .. }
            | Self::WaiverRevoked { .. }
            | Self::BreakGlassReviewed { .. }
            | Self::SkipAcknowledged { .. }
            | Self::ExceptionRefused { .. }
            | Self::PluginUnstable(_)
            | Self::EvidenceCollected(_)
            | Self::Released(_)
            | Self::ProfileErased(_)
            | Self::Anchored(_) => None,
        }
    }
}

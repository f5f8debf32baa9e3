//! What an entry is about: by this it is found again, without a look at all the others.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Entry;
use crate::action::{Action, Placed};
use crate::facts::Subject;
use crate::names::ModelName;
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

    /// The models that it names, of whatever workspace.
    #[must_use]
    pub fn models(&self) -> BTreeSet<&ModelName> {
        match self {
            Self::VersionCreated { model, .. }
            | Self::RuleRun { model, .. }
            | Self::Commented { model, .. } => BTreeSet::from([model]),
            Self::CheckRun(run) => BTreeSet::from([&run.model]),
            Self::Bypassed(bypass) => BTreeSet::from([&bypass.model]),
            Self::TierDrift { live, .. } | Self::TierRestored { live, .. } => BTreeSet::from([&live.model]),
            Self::WaiverAsked { waiver } => BTreeSet::from([&waiver.scope.model]),
            Self::Held(hold) => BTreeSet::from([&hold.model]),
            Self::RequestOpened { placed, subject, .. } => named(Some(placed), [subject]),
            Self::Intent(intent) => named(Some(&intent.placed), intent.subject.iter().chain(&intent.also)),
            Self::Refused { placed, .. }
            | Self::WouldRefuse { placed, .. }
            | Self::FallingBack { placed, .. }
            | Self::WindowOpened { placed, .. } => named(Some(placed), []),
            Self::BrokeGlass { used } => named(Some(&used.placed), []),
            Self::WindowClosed { changed, .. } => named(None, changed),
            _ => BTreeSet::new(),
        }
    }

    /// What begins with it and is spoken of later by its id alone: a request, an intent, a waiver, an emergency.
    #[must_use]
    pub const fn begins(&self) -> Option<Uuid> {
        match self {
            Self::RequestOpened { request: RequestId(id), .. } => Some(*id),
            Self::Intent(intent) => Some(intent.id),
            Self::WaiverAsked { waiver } => Some(waiver.id),
            Self::BrokeGlass { used } => Some(used.id),
            _ => None,
        }
    }

    /// The intent, waiver or emergency that it goes on about; of a waiver, from the first entry on.
    #[must_use]
    pub const fn goes_on_about(&self) -> Option<Uuid> {
        match self {
            Self::Outcome { intent, .. } => Some(*intent),
            Self::WaiverAsked { waiver } => Some(waiver.id),
            Self::WaiverApproved { waiver, .. } | Self::WaiverRevoked { waiver, .. } => Some(*waiver),
            Self::BreakGlassReviewed { used, .. } | Self::SkipAcknowledged { used, .. } => Some(*used),
            _ => None,
        }
    }
}

/// The models of a write and of what it is about. A model that is renamed is known by both names.
fn named<'e>(
    placed: Option<&'e Placed>,
    subjects: impl IntoIterator<Item = &'e Subject>,
) -> BTreeSet<&'e ModelName> {
    let action = placed.map(|placed| &placed.action);
    let renamed = match action {
        Some(Action::RenameModel { new_name, .. }) => Some(new_name),
        _ => None,
    };
    let subjects = subjects.into_iter().map(|subject| &subject.model);
    action.and_then(Action::model).into_iter().chain(renamed).chain(subjects).collect()
}

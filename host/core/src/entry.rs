//! Ledger entries: what happened, as data. The ledger gives each its index, its time and its link to the one
//! before; this module says what can be said.
//!
//! People appear by opaque id only, so that a profile can be erased and every proof still holds.

mod about;
mod live;
mod write;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::live::{Bypass, Live, TakenBack};
pub use self::write::{Intent, OutcomeResult};
use crate::action::Placed;
use crate::break_glass::BreakGlass;
use crate::canonical::{self, CanonicalError};
use crate::check::RuleRun;
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::discussion::Comment;
use crate::evidence::Opened;
use crate::facts::Subject;
use crate::names::{ModelName, PersonId, PluginName, Seat, Tier, Version, Workspace};
use crate::request::{RequestId, TierDrift};
use crate::review::{Authors, Review};
use crate::time::Millis;
use crate::waiver::{Endorsement, Waiver};

/// How every entry begins in canonical form.
const BODY: &str = r#"{"body":"#;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "kebab-case")]
pub enum Entry {
    /// The host started, with this policy.
    Started {
        software: String,
        policy: Digest,
    },
    /// A policy took effect, or was refused and the old one kept.
    PolicyLoaded {
        policy: Digest,
    },
    PolicyRefused {
        kept: Digest,
        reason: String,
    },
    /// Somebody registered a version through us: the proof of who did.
    VersionCreated {
        workspace: Workspace,
        model: ModelName,
        version: Version,
        by: Option<PersonId>,
    },
    /// A check or rule was executed. The evidence lies under the digests.
    CheckRun(CheckRunRecord),
    RuleRun {
        workspace: Workspace,
        model: ModelName,
        version: Version,
        run: RuleRun,
    },
    RequestOpened {
        request: RequestId,
        placed: Placed,
        subject: Subject,
        binding: Digest,
        policy: Digest,
        facts: Digest,
        authors: Authors,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<RequestId>,
    },
    /// A call that was not forwarded.
    Refused {
        request: Option<RequestId>,
        placed: Placed,
        by: Option<PersonId>,
        decision: String,
        gates: Vec<GateVerdict>,
        reason: String,
    },
    Reviewed {
        request: RequestId,
        review: Review,
    },
    /// Somebody tried to sign who may not.
    ReviewRefused {
        request: RequestId,
        by: PersonId,
        reason: String,
    },
    Withdrawn {
        request: RequestId,
        by: PersonId,
    },
    /// What was reviewed has changed.
    Stale {
        request: RequestId,
        was: Digest,
        is: Digest,
    },
    /// A write is about to be made.
    Intent(Intent),
    /// How it ended. `intent` is the id in the entry that announced it.
    Outcome {
        intent: Uuid,
        result: OutcomeResult,
    },
    /// A gate that only monitors would not have let this pass.
    WouldRefuse {
        placed: Placed,
        by: Option<PersonId>,
        gates: Vec<GateVerdict>,
    },
    /// The registry was found changed without a permit.
    Bypassed(Bypass),
    /// Somebody opened the findings of a check, before voting or only to look.
    EvidenceOpened {
        request: RequestId,
        opened: Opened,
    },
    /// Somebody said something about a version. The text lies apart.
    Commented {
        workspace: Workspace,
        model: ModelName,
        version: Version,
        comment: Comment,
    },
    CommentEdited {
        request: Option<RequestId>,
        comment: Uuid,
        by: PersonId,
        text: Digest,
    },
    CommentDeleted {
        request: Option<RequestId>,
        comment: Uuid,
        by: PersonId,
    },
    /// A thread was settled, or opened again.
    ThreadSettled {
        request: Option<RequestId>,
        comment: Uuid,
        by: PersonId,
        resolved: bool,
    },
    /// Somebody wants a requirement left out, and answers for it.
    WaiverAsked {
        waiver: Waiver,
    },
    WaiverApproved {
        waiver: Uuid,
        word: Endorsement,
    },
    WaiverRevoked {
        waiver: Uuid,
        word: Endorsement,
    },
    /// Somebody opened a gate in an emergency, or drilled it.
    BrokeGlass {
        used: BreakGlass,
    },
    BreakGlassReviewed {
        used: Uuid,
        word: Endorsement,
    },
    /// Somebody tried to break the glass, or to settle an exception, who may not.
    ExceptionRefused {
        by: PersonId,
        what: String,
        reason: String,
    },
    /// Nobody settled the request in the time that its gate gives.
    Lapsed {
        request: RequestId,
    },
    /// What the request was approved for has run out.
    Expired {
        request: RequestId,
    },
    /// It runs out in so many days. Its checks ran first: this is what they say now.
    Expiring {
        request: RequestId,
        days: u16,
        until: Millis,
        checks: Vec<CheckSays>,
    },
    /// It has run out, and so its alias goes to another version. The intent follows.
    FallingBack {
        request: RequestId,
        placed: Placed,
        intent: Uuid,
    },
    /// It has run out, and its alias stays where it is nevertheless.
    NotFallenBack {
        request: RequestId,
        reason: String,
    },
    /// The tier of a version that is live is not the one that it was approved for.
    TierDrift {
        live: Live,
        drift: TierDrift,
    },
    /// It is again.
    TierRestored {
        live: Live,
        tier: Tier,
    },
    /// Somebody said that an approval is not to be relied on, stands again, or is taken back.
    Suspended(TakenBack),
    Resumed(TakenBack),
    Revoked(TakenBack),
    /// A write that nobody signed was drawn for a review after the fact.
    Sampled {
        request: RequestId,
        seat: Seat,
        binding: Digest,
    },
    SampleReviewed {
        request: RequestId,
        word: Endorsement,
        confirmed: bool,
    },
    /// Somebody whose seat an emergency skipped has seen it.
    SkipAcknowledged {
        used: Uuid,
        by: PersonId,
    },
    /// Whoever asked begins to write files, and may go on until then. The intent of the first write follows.
    WindowOpened {
        request: RequestId,
        placed: Placed,
        by: PersonId,
        until: Millis,
    },
    /// Nothing is written any more. `changed`: the versions whose files are not what they were.
    WindowClosed {
        request: RequestId,
        changed: Vec<Subject>,
    },
    /// What an approval rests on has changed after its write was made: it stands for something else now.
    Undermined {
        request: RequestId,
        was: Digest,
        is: Digest,
        facts: Digest,
    },
}

/// What a check says, and where its outcome is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSays {
    pub plugin: PluginName,
    pub conclusion: String,
    pub outcome: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRunRecord {
    pub workspace: Workspace,
    pub model: ModelName,
    pub version: Version,
    pub plugin: PluginName,
    pub plugin_digest: Digest,
    pub config_digest: Digest,
    pub input_digest: Digest,
    pub transcript_digest: Digest,
    pub outcome_digest: Digest,
    pub conclusion: String,
    /// What it cost and found. Entries of version 0.1 do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// What one execution of a check cost, and how much it found. No replay gives the same times: they are beside what
/// is replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub wall_us: u64,
    pub cpu_us: u64,
    /// Findings by severity.
    pub errors: u32,
    pub warnings: u32,
}

impl Entry {
    /// The stable word for this kind of entry.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::PolicyLoaded { .. } => "policy-loaded",
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
        }
    }

    /// The body alone, as canonical JSON. The members of a whole entry sort as `body`, `kind`: what stands between
    /// the two is the body, and no tree of values is built to get at it.
    ///
    /// # Errors
    /// When a number in it has no canonical form.
    pub fn body(&self) -> Result<String, CanonicalError> {
        let mut whole = canonical::to_string(self)?;
        let tail = format!(r#","kind":"{}"}}"#, self.kind());
        whole.truncate(whole.strip_suffix(tail.as_str()).map_or(0, str::len));
        Ok(whole.split_off(BODY.len().min(whole.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_serialised_tag_agree() {
        let request = RequestId(Uuid::nil());
        let said = || TakenBack { request, by: None, reason: "scores are zero".to_owned() };
        let word = crate::waiver::tests::word("ruth");
        for entry in [
            Entry::PolicyLoaded { policy: Digest::of(b"") },
            Entry::Suspended(said()),
            Entry::Resumed(said()),
            Entry::Revoked(said()),
            Entry::Sampled { request, seat: "risk".into(), binding: Digest::of(b"") },
            Entry::SampleReviewed { request, word, confirmed: true },
            Entry::SkipAcknowledged { used: Uuid::nil(), by: "ruth".into() },
        ] {
            let json = serde_json::to_value(&entry).unwrap();
            assert_eq!(json["kind"], entry.kind());
            let body: serde_json::Value = serde_json::from_str(&entry.body().unwrap()).unwrap();
            assert_eq!(json["body"], body);
        }
    }

    #[test]
    fn entries_from_before_read_and_are_written_as_they_were() {
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let intent = serde_json::json!({"kind": "intent", "body": {
            "id": "01980000-7a10-7c3e-9d2b-5f0e6a1b2c3d", "request": null,
            "placed": {"workspace": "default", "action": {"kind": "delete-model", "model": "credit"}},
            "subject": null, "binding": digest, "policy": digest, "by": "p_1", "gates": [],
            "authors": {"requester": null, "creator": null, "run_author": null, "last_writer": "p_1"},
            "body": digest,
        }});
        let read: Entry = serde_json::from_value(intent.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), intent);
    }
}

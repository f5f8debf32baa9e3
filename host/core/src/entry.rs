//! Ledger entries: what happened, as data. The ledger gives each its index, its time and its link to the one
//! before; this module says what can be said.
//!
//! People appear by opaque id only, so that a profile can be erased and every proof still holds.

mod about;
mod anchored;
mod basis;
mod check_run;
mod keep;
mod kind;
mod live;
mod policy_load;
mod waivers;
mod write;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::anchored::{Anchored, AnchoredAt};
pub use self::basis::{Basis, Beside, RanCheck};
pub use self::check_run::{CheckRunRecord, CheckSays, Spent};
pub use self::keep::{Collected, Erased, Hold, Released, Unstable};
pub use self::live::{Bypass, Live, TakenBack};
pub use self::policy_load::{Cause, PolicyCommit, PolicyLoad, TakenUpBy};
pub use self::waivers::{WaiverTold, Waivers};
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
use crate::names::{ModelName, PersonId, Seat, Tier, Version, Workspace};
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
        /// Its text, kept as evidence, where no earlier entry names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Digest>,
    },
    /// A policy took effect, or was refused and the old one kept.
    PolicyLoaded(PolicyLoad),
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
        /// Entries of before do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Box<Basis>>,
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
    /// A replay of a sample found that a plugin does not give the same bytes again.
    PluginUnstable(Unstable),
    /// Evidence was taken out: its time was over.
    EvidenceCollected(Collected),
    /// Somebody put evidence under a legal hold, or ended one.
    Held(Hold),
    Released(Released),
    /// A person's profile was erased.
    ProfileErased(Erased),
    /// A checkpoint was put where others can find it.
    Anchored(Anchored),
}

impl Entry {
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
mod tests;

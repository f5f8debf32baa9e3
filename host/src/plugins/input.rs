//! What an evaluation is given: converted once, then shared by every evaluation of the same subject.

use std::sync::{Arc, OnceLock};

use countersign_core::action::Action;
use countersign_core::canonical::{self, CanonicalError};
use countersign_core::check::{CheckRun, Conclusion, Finding};
use countersign_core::digest::Digest;
use countersign_core::facts::VersionFacts;
use countersign_core::names::{PersonId, PluginName, Seat, Tier};
use countersign_core::reads::Reads;
use countersign_core::time::Millis;
use serde::{Deserialize, Serialize};

use super::bindings::{checks, rules};
use super::convert;

/// What a check is given, as it is kept for evidence and replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    pub format: u32,
    /// No more than the check reads.
    pub version: VersionFacts,
    pub action: Action,
    pub tier: Option<Tier>,
    /// Canonical JSON that satisfies the manifest's schema.
    pub config: String,
    pub now: Millis,
    /// What the check reads of a version: the rest of it was held back, here and from the check. Everything without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Reads>,
}

impl CheckRecord {
    /// With what the check is not shown taken out.
    fn shown(self) -> Self {
        match &self.reads {
            Some(reads) => Self { version: reads.of(&self.version), ..self },
            None => self,
        }
    }
}

/// What an approval rule is given, as it is kept for evidence and replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    pub format: u32,
    pub version: VersionFacts,
    pub action: Action,
    pub tier: Option<Tier>,
    pub requester: Option<PersonId>,
    pub checks: Vec<RuleCheck>,
    pub reviews: Vec<RuleReview>,
    /// Canonical JSON that satisfies the manifest's schema.
    pub config: String,
    pub now: Millis,
}

/// A check run as a rule sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCheck {
    pub plugin: PluginName,
    pub required: bool,
    pub conclusion: Conclusion,
    pub summary: String,
    pub findings: Vec<Finding>,
}

impl From<&CheckRun> for RuleCheck {
    fn from(run: &CheckRun) -> Self {
        Self {
            plugin: run.plugin.clone(),
            required: run.required,
            conclusion: run.outcome.conclusion(),
            summary: run.outcome.summary().to_owned(),
            findings: run.outcome.findings().to_vec(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    Approve,
    Reject,
    Comment,
    Recuse,
}

/// A review as a rule sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReview {
    pub reviewer: PersonId,
    pub seat: Option<Seat>,
    pub vote: Vote,
    pub at: Millis,
}

/// A value with its canonical JSON, made when first asked for.
#[derive(Debug)]
struct Kept<T> {
    record: T,
    canonical: OnceLock<(Vec<u8>, Digest)>,
}

impl<T: Serialize> Kept<T> {
    fn new(record: T) -> Self {
        Self { record, canonical: OnceLock::new() }
    }

    fn canonical(&self) -> Result<&(Vec<u8>, Digest), CanonicalError> {
        if let Some(kept) = self.canonical.get() {
            return Ok(kept);
        }
        let bytes = canonical::to_vec(&self.record)?;
        let digest = Digest::of(&bytes);
        Ok(self.canonical.get_or_init(|| (bytes, digest)))
    }
}

macro_rules! input {
    ($(#[$doc:meta])* $name:ident, $record:ty, $shown:path, $wit:ty, $convert:path) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            kept: Kept<$record>,
            wit: $wit,
        }

        impl $name {
            #[must_use]
            pub fn new(record: $record) -> Self {
                let record = $shown(record);
                Self { wit: $convert(&record), kept: Kept::new(record) }
            }

            #[must_use]
            pub fn record(&self) -> &$record {
                &self.kept.record
            }

            /// The canonical JSON of the record: what is kept as evidence.
            ///
            /// # Errors
            /// When a number has no canonical form.
            pub fn canonical(&self) -> Result<&[u8], CanonicalError> {
                self.kept.canonical().map(|(bytes, _)| bytes.as_slice())
            }

            /// # Errors
            #[doc = concat!("As [`", stringify!($name), "::canonical`].")]
            pub fn digest(&self) -> Result<Digest, CanonicalError> {
                self.kept.canonical().map(|(_, digest)| *digest)
            }

            /// The digest of the configuration's canonical JSON.
            #[must_use]
            pub fn config_digest(&self) -> Digest {
                Digest::of(self.kept.record.config.as_bytes())
            }

            pub(super) const fn wit(&self) -> &$wit {
                &self.wit
            }
        }
    };
}

input!(
    /// The input of a check, ready to be handed to any number of instances.
    CheckInput,
    CheckRecord,
    CheckRecord::shown,
    checks::Input,
    check_to_wit
);
input!(
    /// The input of an approval rule, ready to be handed to any number of instances.
    RuleInput,
    RuleRecord,
    std::convert::identity,
    rules::Input,
    rule_to_wit
);

/// A [`CheckRecord`] without its version, whose name comes last in the canonical order.
#[derive(Serialize)]
struct BeforeVersion<'a> {
    action: &'a Action,
    config: &'a str,
    format: u32,
    now: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<&'a Reads>,
    tier: Option<&'a Tier>,
}

impl CheckInput {
    /// As [`CheckInput::new`], where the canonical JSON of what is shown of the version is at hand: it is most of the record's.
    ///
    /// # Errors
    /// As [`CheckInput::canonical`].
    pub fn around(record: CheckRecord, version_json: &[u8]) -> Result<Self, CanonicalError> {
        let CheckRecord { format, version: _, action, tier, config, now, reads } = &record;
        let (format, now, reads, tier) = (*format, *now, reads.as_ref(), tier.as_ref());
        let head = BeforeVersion { action, config, format, now, reads, tier };
        let mut json = canonical::to_vec(&head)?;
        json.pop();
        json.extend_from_slice(br#","version":"#);
        json.extend_from_slice(version_json);
        json.push(b'}');
        let digest = Digest::of(&json);
        let input = Self::new(record);
        Ok(Self { kept: Kept { canonical: (json, digest).into(), ..input.kept }, ..input })
    }

    /// For calls that judge nothing.
    pub(super) fn empty() -> Self {
        use countersign_core::facts::Subject;
        use countersign_core::names::{ModelName, Stage, Version, Workspace};
        let subject = Subject {
            workspace: Workspace::default(),
            model: ModelName::default(),
            version: Version::new(1),
            created: Millis::new(0),
            source: String::new(),
            manifest: None,
        };
        let version = VersionFacts {
            subject,
            description: None,
            stage: Stage::None,
            status: String::new(),
            tags: std::collections::BTreeMap::new(),
            aliases: Vec::new(),
            run: None,
            logged_model: None,
            metrics: Vec::new(),
            files: Vec::new(),
            mlmodel: None,
            missing: Vec::new(),
        };
        let action = Action::UpdateModel { model: ModelName::default(), description: None };
        let (config, now) = (String::from("{}"), Millis::new(0));
        Self::new(CheckRecord { format: 1, version, action, tier: None, config, now, reads: None })
    }
}

/// Whichever input an evaluation has.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Check(Arc<CheckInput>),
    Rule(Arc<RuleInput>),
}

impl Input {
    pub(super) fn version(&self) -> &VersionFacts {
        match self {
            Self::Check(input) => &input.record().version,
            Self::Rule(input) => &input.record().version,
        }
    }

    /// What is shown of a version: everything to a rule.
    pub(super) fn reads(&self) -> Option<&Reads> {
        match self {
            Self::Check(input) => input.record().reads.as_ref(),
            Self::Rule(_) => None,
        }
    }

    pub(super) fn now(&self) -> Millis {
        match self {
            Self::Check(input) => input.record().now,
            Self::Rule(input) => input.record().now,
        }
    }

    pub(super) fn digest(&self) -> Result<Digest, CanonicalError> {
        match self {
            Self::Check(input) => input.digest(),
            Self::Rule(input) => input.digest(),
        }
    }
}

fn check_to_wit(record: &CheckRecord) -> checks::Input {
    checks::Input {
        version: convert::version(&record.version),
        action: convert::action(&record.action),
        tier: record.tier.as_ref().map(Tier::to_string),
        config: record.config.clone(),
        now_ms: record.now.get(),
    }
}

fn rule_to_wit(record: &RuleRecord) -> rules::Input {
    rules::Input {
        version: convert::version(&record.version),
        action: convert::action(&record.action),
        tier: record.tier.as_ref().map(Tier::to_string),
        requester: record.requester.as_ref().map(PersonId::to_string),
        checks: record.checks.iter().map(check_run_to_wit).collect(),
        reviews: record.reviews.iter().map(review_to_wit).collect(),
        config: record.config.clone(),
        now_ms: record.now.get(),
    }
}

fn check_run_to_wit(check: &RuleCheck) -> rules::CheckRun {
    rules::CheckRun {
        plugin: check.plugin.to_string(),
        required: check.required,
        conclusion: convert::conclusion_out(check.conclusion),
        summary: check.summary.clone(),
        findings: check.findings.iter().map(convert::finding_out).collect(),
    }
}

fn review_to_wit(review: &RuleReview) -> rules::Review {
    rules::Review {
        reviewer: review.reviewer.to_string(),
        seat: review.seat.as_ref().map(Seat::to_string),
        vote: match review.vote {
            Vote::Approve => rules::Vote::Approve,
            Vote::Reject => rules::Vote::Reject,
            Vote::Comment => rules::Vote::Comment,
            Vote::Recuse => rules::Vote::Recuse,
        },
        at_ms: review.at.get(),
        extensions: Vec::new(),
    }
}

#[cfg(test)]
mod tests;

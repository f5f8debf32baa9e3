//! Which blobs entries name, and which further blobs those name: nothing that is named may be left out of a file
//! unsaid, and nothing may be in it that nobody names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::digest::Digest;
use crate::entry::{Basis, CheckRunRecord, CheckSays, Entry, PolicyLoad};

/// What a blob is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Policy,
    /// What the registry said.
    Facts,
    /// A component's bytes.
    Plugin,
    /// What a run was given.
    Input,
    /// What it asked, and the digests of what it was told.
    Transcript,
    /// What it was told.
    Answer,
    Outcome,
    /// The words of a comment.
    Words,
}

impl Purpose {
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Policy => "the policy",
            Self::Facts => "the facts",
            Self::Plugin => "a plugin's bytes",
            Self::Input => "the input of a run",
            Self::Transcript => "the transcript of a run",
            Self::Answer => "an answer that a run was given",
            Self::Outcome => "the outcome of a run",
            Self::Words => "the words of a comment",
        }
    }

    /// Whether a run cannot be executed again without it.
    #[must_use]
    pub const fn is_executed(self) -> bool {
        matches!(self, Self::Plugin | Self::Input | Self::Transcript | Self::Answer)
    }
}

/// Who names a blob, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub purpose: Purpose,
    /// The first entry that does, directly or through another blob.
    pub entry: u64,
}

/// What one entry names.
#[must_use]
pub fn by_entry(entry: &Entry) -> Vec<(Digest, Purpose)> {
    match entry {
        Entry::CheckRun(CheckRunRecord {
            plugin_digest,
            input_digest,
            transcript_digest,
            outcome_digest,
            ..
        }) => vec![
            (*plugin_digest, Purpose::Plugin),
            (*input_digest, Purpose::Input),
            (*transcript_digest, Purpose::Transcript),
            (*outcome_digest, Purpose::Outcome),
        ],
        // Its outcome stands in the entry.
        Entry::RuleRun { run, .. } => vec![
            (run.plugin_digest, Purpose::Plugin),
            (run.input_digest, Purpose::Input),
            (run.transcript_digest, Purpose::Transcript),
        ],
        Entry::RequestOpened { policy, facts, .. } => {
            vec![(*policy, Purpose::Policy), (*facts, Purpose::Facts)]
        }
        Entry::Undermined { facts, .. } => vec![(*facts, Purpose::Facts)],
        Entry::Intent(intent) => {
            let basis = intent.basis.iter().flat_map(|basis| by_basis(basis));
            std::iter::once((intent.policy, Purpose::Policy)).chain(basis).collect()
        }
        Entry::Refused { basis: Some(basis), .. } => by_basis(basis).collect(),
        // The text that a loaded policy names as well is the same.
        Entry::Started { policy, .. } | Entry::PolicyLoaded(PolicyLoad { policy, .. }) => {
            vec![(*policy, Purpose::Policy)]
        }
        Entry::EvidenceOpened { opened, .. } => vec![(opened.outcome, Purpose::Outcome)],
        Entry::Expiring { checks, .. } => {
            checks.iter().map(|CheckSays { outcome, .. }| (*outcome, Purpose::Outcome)).collect()
        }
        Entry::Commented { comment, .. } => vec![(comment.text, Purpose::Words)],
        Entry::CommentEdited { text, .. } => vec![(*text, Purpose::Words)],
        _ => Vec::new(),
    }
}

fn by_basis(basis: &Basis) -> impl Iterator<Item = (Digest, Purpose)> + '_ {
    let outcomes = basis.checks.iter().map(|check| (check.outcome_digest, Purpose::Outcome));
    let policy = basis.policy.map(|policy| (policy, Purpose::Policy));
    let also = basis.also.iter().map(|beside| (beside.facts, Purpose::Facts));
    policy.into_iter().chain([(basis.facts, Purpose::Facts)]).chain(also).chain(outcomes)
}

/// What a transcript names: see the host's `Transcript`, whose canonical JSON it is.
///
/// # Errors
/// When it is no transcript.
pub fn by_transcript(bytes: &[u8]) -> Result<Vec<Digest>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Transcript {
        calls: Vec<Call>,
    }
    #[derive(Deserialize)]
    struct Call {
        answer: Result<Digest, IgnoredAny>,
    }
    let transcript: Transcript = serde_json::from_slice(bytes)?;
    Ok(transcript.calls.into_iter().filter_map(|call| call.answer.ok()).collect())
}

/// Everything that entries name. `transcripts` gives the bytes of one, where they are kept.
///
/// # Errors
/// The digest of a transcript that is none.
pub fn everything<'e>(
    entries: impl IntoIterator<Item = (u64, &'e Entry)>,
    transcripts: &mut dyn FnMut(&Digest) -> Option<Vec<u8>>,
) -> Result<BTreeMap<Digest, Named>, Digest> {
    let mut found = BTreeMap::new();
    for (index, entry) in entries {
        for (digest, purpose) in by_entry(entry) {
            let known = note(&mut found, digest, Named { purpose, entry: index });
            if purpose != Purpose::Transcript || known {
                continue;
            }
            let Some(bytes) = transcripts(&digest) else { continue };
            for answer in by_transcript(&bytes).map_err(|_| digest)? {
                note(&mut found, answer, Named { purpose: Purpose::Answer, entry: index });
            }
        }
    }
    Ok(found)
}

/// Whether it was named for that before. One blob may serve several ends: what is executed says most.
fn note(found: &mut BTreeMap<Digest, Named>, digest: Digest, named: Named) -> bool {
    match found.get_mut(&digest) {
        None => {
            found.insert(digest, named);
            false
        }
        Some(before) => {
            let same = before.purpose == named.purpose;
            if named.purpose.is_executed() && !before.purpose.is_executed() {
                before.purpose = named.purpose;
            }
            same
        }
    }
}

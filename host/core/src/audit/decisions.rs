//! Each decision about a model: one request with everything that was said of it, or one write that needed none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Blobs;
use crate::check::{Finding, Outcome};
use crate::decide::GateVerdict;
use crate::digest::Digest;
use crate::entry::{Entry, Intent, OutcomeResult};
use crate::explain::action_phrase;
use crate::held::{Account, Behind, Seed, Told};
use crate::names::{PersonId, PluginName, Seat, Version};
use crate::policy::FactRead;
use crate::request::RequestId;
use crate::review::{Authors, Vote};
use crate::time::{Millis, rfc3339};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// `None`: a write that opened no request.
    pub request: Option<RequestId>,
    pub version: Option<Version>,
    /// What the write does.
    pub what: String,
    /// `applied`, `waiting`, `rejected`, `withdrawn`, `lapsed`, `not-made` or `unknown`.
    pub outcome: String,
    /// The first entry about it.
    pub entry: u64,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    /// Of the last entry about it.
    #[serde(with = "rfc3339")]
    pub last_at: Millis,
    /// The entry that announced the write, once it was allowed.
    pub announced: Option<u64>,
    /// How often the call was not let through.
    pub refused: u64,
    pub behind: Behind,
    /// The facts that the tier was found by.
    pub tier_facts: Vec<String>,
    pub findings: Vec<Findings>,
    pub separation: Separation,
    /// What became of it: expiry, re-validation, drift, suspension, samples.
    pub happened: Vec<Happening>,
}

/// What a check found, in full where the evidence is at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    pub plugin: PluginName,
    /// The check run.
    pub entry: u64,
    pub conclusion: String,
    pub outcome: Digest,
    /// `None`: the evidence is not at hand.
    pub summary: Option<String>,
    pub findings: Vec<Finding>,
}

/// Whether those who signed were independent of the work, as the entries prove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Separation {
    pub requester: Option<PersonId>,
    /// Who registered the version, as recorded by Countersign.
    pub creator: Option<PersonId>,
    pub run_authors: Vec<PersonId>,
    /// Who changed what was reviewed.
    pub writers: Vec<PersonId>,
    pub waived_by: Vec<PersonId>,
    pub signers: Vec<Signer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    pub person: PersonId,
    pub seat: Option<Seat>,
    pub entry: u64,
    /// Why it was their own work; `None`: it was not.
    pub own_work: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    pub entry: u64,
    #[serde(with = "rfc3339")]
    pub at: Millis,
    pub kind: String,
    pub says: String,
    pub by: Option<PersonId>,
}

impl Decision {
    /// Whether people approved it and the write was made.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.outcome == "applied" && self.behind.reviews.iter().any(|review| review.counts)
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &PersonId> {
        let separation = &self.separation;
        let authors = separation.requester.iter().chain(&separation.creator).chain(&separation.run_authors);
        let authors = authors.chain(&separation.writers).chain(&separation.waived_by);
        self.behind
            .people()
            .chain(authors)
            .chain(self.happened.iter().filter_map(|happened| happened.by.as_ref()))
    }
}

/// Oldest first.
pub(super) fn all(account: &Account, blobs: Blobs<'_>) -> Vec<Decision> {
    let mut of_requests: BTreeMap<RequestId, Vec<&Told>> = BTreeMap::new();
    let mut alone = Vec::new();
    let mut intents = BTreeMap::new();
    for told in account.entries() {
        if let Entry::Intent(intent) = &told.entry {
            intents.insert(intent.id, intent.request);
        }
        let request = match &told.entry {
            Entry::Outcome { intent, .. } => intents.get(intent).copied().flatten(),
            entry => entry.request(),
        };
        match (request, &told.entry) {
            (Some(request), _) => of_requests.entry(request).or_default().push(told),
            (None, Entry::Intent(intent)) if intent.subject.is_some() => alone.push((told, intent)),
            _ => {}
        }
    }
    let mut found: Vec<Decision> = of_requests
        .into_iter()
        .filter_map(|(request, told)| of_request(account, blobs, request, &told))
        .collect();
    found.extend(alone.into_iter().map(|(told, intent)| of_write(account, blobs, told, intent)));
    found.sort_by_key(|decision| decision.entry);
    found
}

fn of_request(account: &Account, blobs: Blobs<'_>, request: RequestId, about: &[&Told]) -> Option<Decision> {
    let opened = about.iter().find(|told| matches!(told.entry, Entry::RequestOpened { .. }))?;
    let Entry::RequestOpened { placed, subject, binding, policy, authors, .. } = &opened.entry else {
        return None;
    };
    let announced = about.iter().rev().find_map(|told| match &told.entry {
        Entry::Intent(intent) => Some((told.index, intent)),
        _ => None,
    });
    let gates = last_verdicts(about);
    let last = about.last().copied().unwrap_or(opened);
    let behind = match announced {
        Some((index, _)) => account.behind(index),
        None => {
            let binding = about.iter().rev().find_map(|told| stale(&told.entry)).unwrap_or(*binding);
            let asked_by = authors.requester.clone();
            let (subject, before, policy) = (Some(subject), last.index + 1, *policy);
            let request = Some(request);
            let seed = Seed { before, request, subject, policy, binding, gates, asked_by };
            let entries = about.iter().map(|told| told.index).collect();
            Behind { entries, ..account.grown(&seed) }
        }
    };
    let authors = announced.map_or(authors, |(_, intent)| &intent.authors);
    Some(Decision {
        request: Some(request),
        version: Some(subject.version).filter(|version| version.get() > 0),
        what: action_phrase(&placed.action),
        outcome: outcome(about).to_owned(),
        entry: opened.index,
        at: opened.at,
        last_at: last.at,
        announced: announced.map(|(index, _)| index),
        refused: about.iter().filter(|told| matches!(told.entry, Entry::Refused { .. })).count() as u64,
        tier_facts: tier_facts(gates),
        findings: findings(&behind, blobs),
        separation: separation(&behind, authors),
        happened: about.iter().filter_map(|told| happening(told)).collect(),
        behind,
    })
}

/// A write that no request was opened for: its gate asked nobody.
fn of_write(account: &Account, blobs: Blobs<'_>, told: &Told, intent: &Intent) -> Decision {
    let behind = account.behind(told.index);
    let ended = account.entries().iter().filter(|other| match &other.entry {
        Entry::Outcome { intent: of, .. } => *of == intent.id,
        _ => false,
    });
    let ended: Vec<&Told> = ended.collect();
    Decision {
        request: None,
        version: intent.subject.as_ref().map(|subject| subject.version),
        what: action_phrase(&intent.placed.action),
        outcome: outcome(&ended).to_owned(),
        entry: told.index,
        at: told.at,
        last_at: ended.last().map_or(told.at, |last| last.at),
        announced: Some(told.index),
        refused: 0,
        tier_facts: tier_facts(&intent.gates),
        findings: findings(&behind, blobs),
        separation: separation(&behind, &intent.authors),
        happened: Vec::new(),
        behind,
    }
}

const fn stale(entry: &Entry) -> Option<Digest> {
    if let Entry::Stale { is, .. } = entry { Some(*is) } else { None }
}

/// What the gates said last.
fn last_verdicts<'a>(about: &[&'a Told]) -> &'a [GateVerdict] {
    let said = about.iter().rev().find_map(|told| match &told.entry {
        Entry::Intent(Intent { gates, .. }) | Entry::Refused { gates, .. } => Some(gates.as_slice()),
        _ => None,
    });
    said.unwrap_or_default()
}

/// How it ended, by the last entry that says so.
fn outcome(about: &[&Told]) -> &'static str {
    let said = about.iter().rev().find_map(|told| match &told.entry {
        Entry::Outcome { result, .. } => Some(match result {
            OutcomeResult::Applied | OutcomeResult::FoundApplied => "applied",
            OutcomeResult::CannotTell | OutcomeResult::Unknown { .. } => "unknown",
            OutcomeResult::Refused { .. } | OutcomeResult::FoundNotApplied => "not-made",
        }),
        Entry::Withdrawn { .. } => Some("withdrawn"),
        Entry::Lapsed { .. } => Some("lapsed"),
        Entry::Reviewed { review, .. } if review.vote == Vote::Reject => Some("rejected"),
        _ => None,
    });
    said.unwrap_or("waiting")
}

fn tier_facts(gates: &[GateVerdict]) -> Vec<String> {
    let mut facts: Vec<String> =
        gates.iter().flat_map(|gate| &gate.tier_facts).map(FactRead::to_string).collect();
    facts.sort();
    facts.dedup();
    facts
}

fn findings(behind: &Behind, blobs: Blobs<'_>) -> Vec<Findings> {
    let of_check = |check: &crate::held::CheckSeen| {
        let outcome: Option<Outcome> =
            blobs(check.outcome_digest).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Findings {
            plugin: check.plugin.clone(),
            entry: check.entry,
            conclusion: check.conclusion.clone(),
            outcome: check.outcome_digest,
            summary: outcome.as_ref().map(|outcome| outcome.summary().to_owned()),
            findings: outcome.map(|outcome| outcome.findings().to_vec()).unwrap_or_default(),
        }
    };
    behind.checks.iter().map(of_check).collect()
}

fn separation(behind: &Behind, authors: &Authors) -> Separation {
    let counted = behind.reviews.iter().filter(|review| review.counts);
    let signer = |review: &crate::held::ReviewSeen| Signer {
        person: review.by.clone(),
        seat: review.seat.clone(),
        entry: review.entry,
        own_work: authors.admits(&review.by).err().map(|why| why.to_string()),
    };
    let list = |one: &Option<PersonId>, more: &std::collections::BTreeSet<PersonId>| {
        let mut all: Vec<PersonId> = one.iter().chain(more).cloned().collect();
        all.sort();
        all.dedup();
        all
    };
    Separation {
        requester: authors.requester.clone(),
        creator: authors.creator.clone(),
        run_authors: list(&authors.run_author, &authors.run_authors),
        writers: list(&authors.last_writer, &authors.writers),
        waived_by: authors.waived_by.iter().cloned().collect(),
        signers: counted.map(signer).collect(),
    }
}

/// What became of a decision after, or beside, its votes.
fn happening(told: &Told) -> Option<Happening> {
    let (says, by) = match &told.entry {
        Entry::Stale { .. } => {
            ("what was reviewed had changed: earlier signatures count no more".to_owned(), None)
        }
        Entry::ReviewRefused { by, reason, .. } => (format!("a signature was refused: {reason}"), Some(by)),
        Entry::EvidenceOpened { opened, .. } => {
            (format!("opened what {} found", opened.plugin), Some(&opened.by))
        }
        Entry::Withdrawn { by, .. } => ("withdrawn".to_owned(), Some(by)),
        Entry::Lapsed { .. } => ("nobody settled it in time".to_owned(), None),
        Entry::Expiring { days, until, checks, .. } => {
            let checks: Vec<String> =
                checks.iter().map(|c| format!("{}: {}", c.plugin, c.conclusion)).collect();
            let checks = if checks.is_empty() { "no check".to_owned() } else { checks.join(", ") };
            (format!("{days} days before it ran out at {until} it was validated again: {checks}"), None)
        }
        Entry::Expired { .. } => ("the approval ran out".to_owned(), None),
        Entry::FallingBack { placed, .. } => {
            (format!("so Countersign began to {}", action_phrase(&placed.action)), None)
        }
        Entry::NotFallenBack { reason, .. } => (format!("it did not fall back: {reason}"), None),
        Entry::TierDrift { drift, .. } => (drift.to_string(), None),
        Entry::TierRestored { tier, .. } => (format!("its tier is `{tier}` again"), None),
        Entry::Suspended(said) => (format!("suspended: {}", said.reason), said.by.as_ref()),
        Entry::Resumed(said) => (format!("resumed: {}", said.reason), said.by.as_ref()),
        Entry::Revoked(said) => (format!("revoked: {}", said.reason), said.by.as_ref()),
        Entry::Sampled { seat, .. } => (format!("drawn for a review after the fact by seat {seat}"), None),
        Entry::SampleReviewed { word, confirmed, .. } => {
            let verb = if *confirmed { "confirmed" } else { "objected to" };
            (format!("{verb} as a sample: {}", word.rationale), Some(&word.by))
        }
        Entry::WindowOpened { by, until, .. } => (format!("files may be written until {until}"), Some(by)),
        Entry::WindowClosed { .. } => ("no more files may be written".to_owned(), None),
        Entry::Undermined { .. } => ("what the approval rests on has changed since".to_owned(), None),
        Entry::BrokeGlass { used } => {
            (format!("the glass was broken ({}): {}", used.ticket, used.reason), Some(&used.by))
        }
        _ => return None,
    };
    let (entry, at, kind) = (told.index, told.at, told.entry.kind().to_owned());
    Some(Happening { entry, at, kind, says, by: by.cloned() })
}

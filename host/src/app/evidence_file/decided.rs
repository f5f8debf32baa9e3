//! Whether what was written follows from the entries, the text of the policy and the runs.

use countersign_core::check::Outcome;
use countersign_core::digest::Digest;
use countersign_core::entry::{CheckRunRecord, Entry, Intent};
use countersign_core::evidence_file::covered::{self, Given};
use countersign_core::facts::Subject;
use countersign_core::names::Tier;
use countersign_core::separation::{Breach, KINDS, Prover};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::read::{EvidenceFile, Told};
use crate::plugins::CheckRecord;

/// Every fault, in the order of the ledger.
pub(super) fn breaches(file: &EvidenceFile) -> Vec<Breach> {
    let mut found = separation(&file.entries);
    for (nth, told) in file.entries.iter().enumerate() {
        let faults = match &told.entry {
            Entry::CheckRun(run) => of_run(file, run),
            Entry::Intent(intent) => covered(file, intent, file.entries.get(..nth).unwrap_or_default()),
            _ => Vec::new(),
        };
        found.extend(faults.into_iter().map(|reason| Breach { entry: told.index, reason }));
    }
    found.sort_by_key(|breach| breach.entry);
    found
}

/// Who signed what, as `ledger verify` proves it.
fn separation(entries: &[Told]) -> Vec<Breach> {
    let mut prover = Prover::default();
    for Told { index, at, entry, .. } in entries {
        if KINDS.contains(&entry.kind()) {
            prover.read(*index, *at, entry);
        }
    }
    prover.finish()
}

/// Whether the policy's own text is satisfied. What is said of a write that was not made says nothing.
fn covered(file: &EvidenceFile, intent: &Intent, before: &[Told]) -> Vec<String> {
    let made = file.entries.iter().any(|told| {
        matches!(&told.entry, Entry::Outcome { intent: of, result } if *of == intent.id && result.may_have_acted())
    });
    let Some(policy) = file.policies.get(&intent.policy).filter(|_| made) else { return Vec::new() };
    let before: Vec<&Entry> = before.iter().map(|told| &told.entry).collect();
    covered::faults(policy, intent, &before, &|input| given_to(file, input))
}

/// What a run was given.
fn given_to(file: &EvidenceFile, input: &Digest) -> Option<Given> {
    #[derive(Deserialize)]
    struct Input {
        version: Version,
        tier: Option<Tier>,
    }
    #[derive(Deserialize)]
    struct Version {
        subject: Subject,
    }
    let Input { version, tier } = json(file, input)?;
    Some(Given { subject: version.subject, tier })
}

/// Whether an entry says of a run what its input and its outcome say.
fn of_run(file: &EvidenceFile, run: &CheckRunRecord) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(input) = json::<CheckRecord>(file, &run.input_digest) {
        let subject = &input.version.subject;
        if (&subject.workspace, &subject.model, subject.version) != (&run.workspace, &run.model, run.version)
        {
            faults.push(format!("it was given version {} of {}", subject.version, subject.model));
        }
        if Digest::of(input.config.as_bytes()) != run.config_digest {
            faults.push("it was given another configuration than it says".to_owned());
        }
    }
    if let Some(outcome) = json::<Outcome>(file, &run.outcome_digest) {
        let found = outcome.conclusion().as_str();
        if found != run.conclusion {
            faults.push(format!("it says `{}`, and its outcome says `{found}`", run.conclusion));
        }
    }
    faults
}

/// A blob that is JSON, where it is in the file.
pub(super) fn json<T: DeserializeOwned>(file: &EvidenceFile, digest: &Digest) -> Option<T> {
    serde_json::from_slice(file.blobs.get(digest)?).ok()
}

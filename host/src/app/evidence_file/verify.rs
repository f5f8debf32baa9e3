//! Executes every run of an evidence file again, and says what was found of the whole.

use bytes::Bytes;
use countersign_core::check::RuleOutcome;
use countersign_core::digest::Digest;
use countersign_core::entry::Entry;
use countersign_core::evidence_file::refer::{self, Named, Purpose};
use countersign_core::evidence_file::story::Story;
use countersign_core::names::PluginName;
use countersign_core::request::RequestId;
use countersign_core::separation::Breach;
use serde::Serialize;

use super::super::AppError;
use super::super::replay::{Machine, Run};
use super::decided;
use super::read::EvidenceFile;
use super::redecided::{Redecided, Redecision, decisions};
use crate::plugins::Engine;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing speaks against what the file tells: every run that could be executed gave the same bytes, every
    /// decision that could be made again the same verdict, and the writes follow from entries, policy and runs.
    pub holds: bool,
    /// Whether nothing that this rests on is missing.
    pub complete: bool,
    pub request: RequestId,
    pub origin: String,
    pub vkey: String,
    /// Whether it is a key that whoever verifies named.
    pub vkey_trusted: bool,
    pub checkpoint: Signed,
    /// What the entries tell.
    pub decision: Story,
    pub proved: Proved,
    pub runs: Vec<Reexecuted>,
    /// Its decisions, made again from what they rested on.
    pub redecided: Vec<Redecided>,
    /// What is named and not in the file.
    pub missing: Vec<Gap>,
    /// What does not follow from the entries, the policy or the runs.
    pub breaches: Vec<Breach>,
    /// What nothing in the file can prove.
    pub asserted: Vec<&'static str>,
}

/// The signed end of the ledger.
#[derive(Debug, Serialize)]
pub struct Signed {
    pub size: u64,
    pub root: Digest,
}

/// How much was held against its proof or its digest.
#[derive(Debug, Serialize)]
pub struct Proved {
    pub entries: usize,
    pub policies: usize,
    pub blobs: usize,
    pub statements: Vec<String>,
    pub bytes: u64,
}

/// How a run was executed again.
#[derive(Debug, Clone, Serialize)]
pub struct Reexecuted {
    pub entry: u64,
    pub plugin: PluginName,
    pub plugin_digest: Digest,
    pub concluded: String,
    pub result: Execution,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Execution {
    /// The same bytes.
    Same,
    Differs,
    /// What it needs is not in the file.
    Impossible,
    /// It ended by a limit on time, as another machine need not; it counted as no pass.
    NotRepeatable,
    /// Nobody wanted it.
    Skipped,
}

/// Something that is named and not in the file.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    pub digest: Digest,
    pub what: &'static str,
    /// The entry that names it.
    pub entry: u64,
    #[serde(skip)]
    purpose: Purpose,
}

const ASSERTED: [&str; 5] = [
    "that a person is who their id stands for, and was a member of the seat at that time",
    "that the registry held what the facts say: it was read from MLflow",
    "that times are right: they are those of the server's clock",
    "that no further entry is about this request: the whole ledger shows that (`ledger export`)",
    "that the signing key was in the right hands",
];

/// Executes the runs of a file again, with its own plugin bytes, and draws the sum. Without an engine no run is.
/// `progress` is told how many runs are done.
///
/// # Errors
/// When an entry has no canonical form.
pub async fn verify(
    file: &EvidenceFile,
    engine: Option<&Engine>,
    progress: &mut (dyn FnMut(usize) + Send),
) -> Result<Report, AppError> {
    let mut machine = engine.map(Machine::new);
    let mut runs = Vec::new();
    for told in &file.entries {
        let Some(run) = Run::of(&told.entry)? else { continue };
        let (result, reason) = executed(file, machine.as_mut(), &told.entry, &run).await;
        let (plugin, plugin_digest, concluded) = of_run(&told.entry);
        runs.push(Reexecuted { entry: told.index, plugin, plugin_digest, concluded, result, reason });
        progress(runs.len());
    }
    let redecided = decisions(file)?;
    let breaches = breaches(file, &redecided);
    let differs = |run: &Reexecuted| run.result == Execution::Differs;
    let impossible = |run: &Reexecuted| run.result == Execution::Impossible;
    let (holds, missing) = (breaches.is_empty() && !runs.iter().any(differs), gaps(file));
    let undecided = |again: &Redecided| again.result == Redecision::Impossible;
    let complete = !runs.iter().any(impossible)
        && !redecided.iter().any(undecided)
        && missing.iter().all(|gap| gap.purpose == Purpose::Words);
    let told = file.entries.iter().map(|told| (told.index, told.at, &told.entry));
    Ok(Report {
        holds,
        complete,
        request: file.header.request,
        origin: file.header.origin.clone(),
        vkey: file.header.vkey.clone(),
        vkey_trusted: file.trusted,
        checkpoint: Signed { size: file.checkpoint.size, root: Digest::from_bytes(file.checkpoint.root) },
        decision: Story::of(file.header.request, told),
        proved: Proved {
            entries: file.entries.len(),
            policies: file.policies.len(),
            blobs: file.blobs.len(),
            statements: file.statements.clone(),
            bytes: file.bytes,
        },
        runs,
        redecided,
        missing,
        breaches,
        asserted: ASSERTED.to_vec(),
    })
}

/// What does not follow from the entries, and what does not come out again, in the order of the ledger.
fn breaches(file: &EvidenceFile, redecided: &[Redecided]) -> Vec<Breach> {
    let mut found = decided::breaches(file);
    let differs = redecided.iter().filter(|again| again.result == Redecision::Differs);
    found.extend(differs.map(|again| Breach {
        entry: again.entry,
        reason: format!("made again it differs: {}", again.reason.as_deref().unwrap_or_default()),
    }));
    found.sort_by_key(|breach| breach.entry);
    found
}

async fn executed(
    file: &EvidenceFile,
    machine: Option<&mut Machine<'_>>,
    entry: &Entry,
    run: &Run,
) -> (Execution, Option<String>) {
    let Some(machine) = machine else { return (Execution::Skipped, None) };
    let blobs = |digest: Digest| -> Result<Bytes, AppError> {
        let missing = || AppError::NotFound(format!("{digest} is not in the file"));
        file.blobs.get(&digest).cloned().ok_or_else(missing)
    };
    if run.ended_by_time(&blobs) {
        return (Execution::NotRepeatable, None);
    }
    match machine.replay(&blobs, run).await {
        Ok(report) if report.same => (Execution::Same, None),
        // No result, or another one without what it was told.
        Ok(report) if report.replayed.is_none() || lacks(file, entry) => {
            (Execution::Impossible, report.difference)
        }
        Ok(report) => (Execution::Differs, report.difference),
        Err(error) => (Execution::Impossible, Some(error.to_string())),
    }
}

/// Whether something that the run is executed from is said to be missing.
fn lacks(file: &EvidenceFile, entry: &Entry) -> bool {
    let transcripts = &mut |digest: &Digest| file.blobs.get(digest).map(|bytes| bytes.to_vec());
    let named = refer::everything([(0, entry)], transcripts);
    named.is_ok_and(|named| named.iter().any(|(d, n)| n.purpose.is_executed() && file.missing.contains(d)))
}

fn of_run(entry: &Entry) -> (PluginName, Digest, String) {
    match entry {
        Entry::CheckRun(run) => (run.plugin.clone(), run.plugin_digest, run.conclusion.clone()),
        Entry::RuleRun { run, .. } => {
            let concluded = match &run.outcome {
                RuleOutcome::Ruled(ruling) if ruling.denials.is_empty() => "ruled",
                RuleOutcome::Ruled(_) => "refused",
                RuleOutcome::Failed(_) => "failed",
            };
            (run.plugin.clone(), run.plugin_digest, concluded.to_owned())
        }
        _ => (PluginName::default(), Digest::of(b""), String::new()),
    }
}

fn gaps(file: &EvidenceFile) -> Vec<Gap> {
    let named = file.missing.iter().filter_map(|digest| Some((digest, file.named.get(digest)?)));
    named.map(|(digest, n)| gap(digest, n)).collect()
}

const fn gap(digest: &Digest, named: &Named) -> Gap {
    let Named { purpose, entry } = *named;
    Gap { digest: *digest, what: purpose.phrase(), entry, purpose }
}

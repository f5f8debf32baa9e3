//! What was found of an evidence file, for people.

use std::fmt::{self, Display, Formatter};

use countersign_core::entry::OutcomeResult;
use countersign_core::evidence_file::story::{Made, Said};

use crate::app::evidence_file::{Execution, Redecided, Redecision, Reexecuted, Report};
use crate::cli::output::{counted, painted};

pub(super) struct Shown<'a>(pub(super) &'a Report);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        decided(report, f)?;
        writeln!(f)?;
        proved(report, f)?;
        report.runs.iter().try_for_each(|run| ran(run, f))?;
        report.redecided.iter().try_for_each(|again| redecided(again, f))?;
        for gap in &report.missing {
            writeln!(f, "{}    {} {} (entry {})", painted("missing", 33), gap.what, gap.digest, gap.entry)?;
        }
        for breach in &report.breaches {
            writeln!(f, "{}     entry {}: {}", painted("breach", 31), breach.entry, breach.reason)?;
        }
        writeln!(f)?;
        for words in &report.asserted {
            writeln!(f, "asserted   {words}")?;
        }
        if !report.vkey_trusted {
            let note = "this key came with the file: `--vkey` checks that it is the one you trust";
            writeln!(f, "{}    {note}", painted("warning", 33))?;
        }
        Ok(())
    }
}

/// What was asked, who said what, and what became of it.
fn decided(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    let story = &report.decision;
    writeln!(f, "request    {}", report.request)?;
    writeln!(f, "asked      {}", story.action)?;
    if let Some(subject) = &story.subject {
        let manifest = subject.manifest.as_ref().map(|digest| format!(", files {digest}"));
        writeln!(
            f,
            "subject    {} version {}{}",
            subject.model,
            subject.version,
            manifest.unwrap_or_default()
        )?;
    }
    if let Some(at) = story.asked_at {
        let by = story.asked_by.as_ref().map_or("somebody unknown".to_owned(), ToString::to_string);
        writeln!(f, "           by {by}, {at}")?;
    }
    for (gate, tier) in &story.tiers {
        writeln!(f, "tier       {tier} (gate {gate})")?;
    }
    story.reviews.iter().try_for_each(|said| reviewed(said, f))?;
    if story.refused > 0 {
        writeln!(f, "refused    {} not let through", counted(story.refused, "call was", "calls were"))?;
    }
    story.writes.iter().try_for_each(|made| written(made, f))?;
    if !story.was_made() {
        writeln!(f, "result     nothing was written by this request")?;
    }
    Ok(())
}

fn reviewed(said: &Said, f: &mut Formatter<'_>) -> fmt::Result {
    let seat = said.seat.as_ref().map(|seat| format!(" in seat {seat}")).unwrap_or_default();
    let signed = if said.signed { ", signed anew" } else { "" };
    let Said { by, at, entry, rationale, .. } = said;
    writeln!(f, "{:10} {by}{seat}, {at}{signed} (entry {entry}): {rationale}", said.vote.as_str())
}

fn written(made: &Made, f: &mut Formatter<'_>) -> fmt::Result {
    let by = made.by.as_ref().map_or("Countersign itself".to_owned(), ToString::to_string);
    let how = match &made.result {
        Some(OutcomeResult::Applied | OutcomeResult::FoundApplied) => "made".to_owned(),
        Some(OutcomeResult::CannotTell) => "may have been made".to_owned(),
        Some(OutcomeResult::FoundNotApplied) => "was not made".to_owned(),
        Some(OutcomeResult::Refused { status, .. }) => format!("MLflow refused it with {status}"),
        Some(OutcomeResult::Unknown { .. }) | None => "how it ended is not told".to_owned(),
    };
    writeln!(f, "write      {how}: called by {by}, {} (entry {})", made.at, made.entry)?;
    for (seat, people) in &made.seats {
        let people: Vec<String> = people.iter().map(ToString::to_string).collect();
        let people = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
        writeln!(f, "           seat {seat}: {people}")?;
    }
    if made.break_glass.is_some() {
        writeln!(f, "           {}", painted("its gates were opened in an emergency", 33))?;
    }
    if !made.waived.is_empty() {
        writeln!(
            f,
            "           {}",
            counted(made.waived.len() as u64, "waiver was used", "waivers were used")
        )?;
    }
    Ok(())
}

fn proved(report: &Report, f: &mut Formatter<'_>) -> fmt::Result {
    let found = &report.proved;
    let entries = counted(found.entries as u64, "entry", "entries");
    writeln!(
        f,
        "{}     {entries}: each is in the ledger `{}`, whose first {} are signed as {}",
        painted("proved", 32),
        report.origin,
        report.checkpoint.size,
        report.checkpoint.root
    )?;
    let blobs = counted(found.blobs as u64, "blob", "blobs");
    let policies = counted(found.policies as u64, "policy", "policies");
    writeln!(
        f,
        "{}     {blobs} and {policies}, by their digests; nothing is in it that nothing names",
        painted("proved", 32)
    )?;
    for statement in &found.statements {
        writeln!(f, "{}     statement {statement}: signed by the same key", painted("proved", 32))?;
    }
    let made = report.decision.writes.len() as u64;
    if report.breaches.is_empty() && made > 0 {
        let writes = counted(made, "write", "writes");
        let policy = report.missing.iter().all(|gap| gap.what != "the policy");
        let what = "seats and separation of duties, checks and rules of its policy";
        let what = if policy { what } else { "seats and separation of duties; its policy is not here" };
        writeln!(f, "{}     {writes} covered: {what}", painted("proved", 32))?;
    }
    let of = |result| report.runs.iter().filter(|run| run.result == result).count() as u64;
    let same = of(Execution::Same);
    if same > 0 {
        writeln!(
            f,
            "{}     {} executed again: the same bytes",
            painted("proved", 32),
            counted(same, "run", "runs")
        )?;
    }
    let same = report.redecided.iter().filter(|again| again.result == Redecision::Same).count() as u64;
    if same > 0 {
        writeln!(
            f,
            "{}     {} made again by its policy from its facts: the same verdict and tier",
            painted("proved", 32),
            counted(same, "decision", "decisions")
        )?;
    }
    writeln!(f, "vkey       {}", report.vkey)
}

/// What cannot be said plainly of all decisions; one that differs is a breach.
fn redecided(again: &Redecided, f: &mut Formatter<'_>) -> fmt::Result {
    let Redecided { entry, recorded, reason, granted, .. } = again;
    for words in granted {
        writeln!(f, "{}    decision `{recorded}` (entry {entry}): {words}", painted("granted", 33))?;
    }
    let reason = reason.as_deref().unwrap_or_default();
    match again.result {
        Redecision::Impossible => writeln!(
            f,
            "{}    decision `{recorded}` (entry {entry}) cannot be made again: {reason}",
            painted("missing", 33)
        ),
        Redecision::Follows => {
            writeln!(f, "follows    decision `{recorded}` (entry {entry}) follows from one before: {reason}")
        }
        Redecision::Same | Redecision::Differs => Ok(()),
    }
}

fn ran(run: &Reexecuted, f: &mut Formatter<'_>) -> fmt::Result {
    let Reexecuted { entry, plugin, concluded, .. } = run;
    let (word, code) = match run.result {
        Execution::Same => ("same bytes", 32),
        Execution::Differs => ("differs", 31),
        Execution::Impossible => ("not run", 31),
        Execution::NotRepeatable => ("not run", 33),
        Execution::Skipped => ("not run", 33),
    };
    let pad = " ".repeat(11_usize.saturating_sub(word.len()));
    let plugin_digest = run.plugin_digest.short();
    writeln!(f, "{}{pad}{plugin} {plugin_digest}: {concluded} (entry {entry})", painted(word, code))?;
    match (run.result, &run.reason) {
        (_, Some(reason)) => writeln!(f, "           {reason}"),
        (Execution::NotRepeatable, _) => {
            writeln!(
                f,
                "           it ended by a limit on time, which depends on the machine; it counted as no pass"
            )
        }
        _ => Ok(()),
    }
}

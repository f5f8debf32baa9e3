//! `countersign evidence`: written at rest from the store, else by the server that has it open; verified from the file
//! alone, on a machine that has neither.

mod shown;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use countersign_core::request::RequestId;

use self::shown::Shown;
use super::args::Evidence as Command;
use super::context::Context;
use super::failure::hinted;
use super::ledger::{Aside, trusted};
use super::machinery::{self, runtime};
use super::operator::Operator;
use super::place::{self, Found};
use super::progress;
use crate::app::evidence_file::{EvidenceFile, Report, export_evidence, read, verify};
use crate::clock::SystemClock;
use crate::ledger::VerifierKey;
use crate::vault::Vault;

/// Where the server answers with an evidence file.
const EXPORT: &str = "/operator/evidence";

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Export { request, out } => export(context, request, out),
        Command::Verify { file, vkey, no_replay, allow_missing } => {
            check(context, &file, vkey, (no_replay, allow_missing))
        }
    }
}

fn export(context: &Context, request: RequestId, out: Option<PathBuf>) -> Result<()> {
    let config = context.config()?;
    let found = place::find_store(&config)?;
    let mut aside = Aside::open(out)?;
    let bar = progress::counting("entries", None);
    let exported = match found {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, Arc::clone(&store)).await?;
            let told = &mut |done| bar.set_position(done);
            let vault = Vault::open(&place::people_keys(&config), Arc::new(SystemClock::new()))?;
            Ok(export_evidence((&*store, &vault), &ledger, request, &mut *aside.out, told).await?)
        }),
        Found::Served => {
            let (operator, id) = (Operator::new(&config)?, request.to_string());
            runtime()?.block_on(operator.copy(EXPORT, &[("request", &id)], &mut *aside.out))
        }
    };
    bar.finish_and_clear();
    exported.and_then(|()| aside.keep())
}

fn check(
    context: &Context,
    file: &Path,
    vkey: Option<String>,
    (no_replay, allow_missing): (bool, bool),
) -> Result<()> {
    let trusted = trusted(vkey)?;
    let read =
        opened(file, trusted.as_ref()).with_context(|| format!("`{}` does not hold", file.display()))?;
    let report = executed(&read, no_replay)?;
    context.out.tell(&Shown(&report), &report)?;
    ensure!(report.holds, "it does not hold: see what speaks against it above");
    ensure!(
        report.complete || allow_missing,
        hinted(
            "something that it rests on is missing, so that not all of it could be checked",
            "ask for a file that has it, or take this one as it is with `--allow-missing`"
        )
    );
    Ok(())
}

fn opened(file: &Path, trusted: Option<&VerifierKey>) -> Result<EvidenceFile> {
    if file == Path::new("-") {
        return reading(&mut io::stdin().lock(), None, trusted);
    }
    let opened = File::open(file).context("it cannot be read")?;
    let length = opened.metadata().ok().map(|found| found.len());
    reading(&mut BufReader::with_capacity(64 << 10, opened), length, trusted)
}

fn reading(
    input: &mut dyn BufRead,
    length: Option<u64>,
    trusted: Option<&VerifierKey>,
) -> Result<EvidenceFile> {
    let bar = progress::bytes("reading", length);
    let file = read(input, trusted, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    Ok(file?)
}

/// Compiles into memory: nothing is left behind, and no home is needed.
fn executed(file: &EvidenceFile, no_replay: bool) -> Result<Report> {
    let engine = if no_replay { None } else { Some(machinery::memory_engine()?) };
    let is_run = |kind: &str| matches!(kind, "check-run" | "rule-run");
    let runs = file.entries.iter().filter(|told| is_run(told.entry.kind())).count();
    let bar = progress::counting("runs", Some(runs as u64));
    let report =
        runtime()?.block_on(verify(file, engine.as_ref(), &mut |done| bar.set_position(done as u64)));
    bar.finish_and_clear();
    Ok(report?)
}

//! What outlives the installation: one file with everything that a decision rests on, checked where there is nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Step;
use super::said::names;
use crate::run::{self, Output};
use crate::stage::Stage;
use crate::{console, paths};

pub(super) const STEPS: &[Step] = &[
    Step {
        title: "the evidence of the approval, in one file: verified and executed again in an empty folder",
        play: verified,
    },
    Step { title: "one byte changed in that file: refused, and the place is named", play: flipped },
];

/// The file of the request by which `champion` was set, in a folder where nothing else is.
fn file(stage: &Stage) -> PathBuf {
    stage.dir.join("auditor").join("evidence.jsonl")
}

fn verified(stage: &mut Stage) -> Result<String> {
    let file = file(stage);
    let folder = file.parent().context("a folder")?;
    fs::create_dir_all(folder)?;
    let id = stage.requests.get("champion").cloned().unwrap_or_default();
    let exported = Instant::now();
    stage.host.does(&["evidence", "export", &id, "--out", &file.display().to_string()], None)?;
    let exported = exported.elapsed();
    let path = format!("{}/_countersign/api/v1/requests/{id}/evidence", stage.host.workdir().prefix);
    let served = stage.call("ruth", "GET", &path, None)?;
    ensure!(served.body == fs::read(&file)?, "the page's link gives another file: {}", served.status);
    let begun = Instant::now();
    let output = alone(folder, &["evidence", "verify", "evidence.jsonl", "--output", "json"])?;
    let took = begun.elapsed();
    ensure!(
        output.status.success(),
        "verify ended with {}\n{}{}",
        output.status,
        output.stdout,
        output.stderr
    );
    let report: Value = serde_json::from_str(&output.stdout)?;
    let runs = report.get("runs").and_then(Value::as_array).context("no runs")?;
    let same = |run: &&Value| run.get("result").and_then(Value::as_str) == Some("same");
    ensure!(
        !runs.is_empty() && runs.iter().all(|run| same(&run)),
        "not all runs gave the same bytes: {report}"
    );
    names(&report.to_string(), &["metric-threshold", "model-card", "artifact-safety"])?;
    let left: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    ensure!(left.len() == 1, "it left something behind: {left:?}");
    let entries = report.pointer("/proved/entries").and_then(Value::as_u64).unwrap_or_default();
    Ok(format!(
        "{entries} entries proved, {} runs executed again: the same bytes\n{} KiB, written in {}, verified and executed in {}",
        runs.len(),
        fs::metadata(&file)?.len() >> 10,
        console::seconds(exported),
        console::seconds(took),
    ))
}

fn flipped(stage: &mut Stage) -> Result<String> {
    let file = file(stage);
    let folder = file.parent().context("a folder")?;
    let mut bytes = fs::read(&file)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(folder.join("changed.jsonl"), &bytes)?;
    let output = alone(folder, &["evidence", "verify", "changed.jsonl"])?;
    ensure!(output.status.code() == Some(1), "verify ended with {} on a changed file", output.status);
    names(&output.stderr, &["changed.jsonl", "(line "])?;
    Ok(output.stderr.trim().to_owned())
}

/// The binary in a folder, with no environment, no home and no configuration.
fn alone(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(paths::countersign());
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder);
    run::capture(&mut command)
}

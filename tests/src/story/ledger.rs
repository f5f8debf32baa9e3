//! Item 8: anyone can verify the ledger, nobody can change it unnoticed, and a verdict can be run again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Step;
use super::said::names;
use crate::stage::Stage;

pub(super) const STEPS: &[Step] = &[
    Step { title: "`countersign ledger verify` says that the chain is whole", play: verify },
    Step { title: "one byte changed in an export: verify fails and names the entry", play: tampered },
    Step { title: "`countersign replay` runs the recorded check runs again: the same bytes", play: replay },
];

/// The commands of this file open the store themselves, so the server rests meanwhile.
fn resting<T>(stage: &mut Stage, work: impl FnOnce(&Stage) -> Result<T>) -> Result<T> {
    stage.host.stop()?;
    let done = work(stage);
    stage.host.start()?;
    done
}

fn verify(stage: &mut Stage) -> Result<String> {
    resting(stage, |stage| Ok(stage.host.does(&["ledger", "verify"], None)?.trim().to_owned()))
}

fn tampered(stage: &mut Stage) -> Result<String> {
    let export = stage.dir.join("ledger.jsonl");
    let path = export.display().to_string();
    resting(stage, |stage| {
        let lines = stage.host.does(&["ledger", "export"], None)?;
        fs::write(&export, lines)?;
        stage.host.does(&["ledger", "verify", &path], None)
    })?;
    let index = tamper(&export)?;
    let output = stage.host.command(&["ledger", "verify", &path], None)?;
    ensure!(output.status.code() == Some(1), "verify ended with {} on a changed export", output.status);
    let said = format!("{}{}", output.stdout, output.stderr);
    ensure!(said.contains(&index.to_string()), "verify does not name entry {index}: {said}");
    Ok(said.trim().to_owned())
}

/// Changes one letter inside an entry in the middle; returns the entry's index.
fn tamper(export: &Path) -> Result<usize> {
    let text = fs::read_to_string(export)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let middle = lines.len() / 2;
    let line = lines.get_mut(middle).context("an empty export")?;
    let entry: Value = serde_json::from_str(line)?;
    let index = entry.get("index").and_then(Value::as_u64).with_context(|| format!("no index in {line}"))?;
    let old = entry.get("entry").and_then(Value::as_str).context("no entry")?.to_owned();
    let at = old.rfind(|c: char| c.is_ascii_lowercase()).context("an entry without letters")?;
    let mut bytes = old.into_bytes();
    if let Some(byte) = bytes.get_mut(at) {
        *byte = if *byte == b'x' { b'y' } else { b'x' };
    }
    *line = serde_json::json!({"index": index, "entry": String::from_utf8(bytes)?}).to_string();
    fs::write(export, lines.join("\n") + "\n")?;
    Ok(usize::try_from(index)?)
}

fn replay(stage: &mut Stage) -> Result<String> {
    let id = stage.requests.get("champion").cloned().unwrap_or_default();
    let said = resting(stage, |stage| stage.host.does(&["replay", &id], None))?;
    names(&said, &["metric-threshold", "model-card", "artifact-safety"])?;
    Ok(said.trim().to_owned())
}

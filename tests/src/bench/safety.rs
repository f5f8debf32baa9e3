//! One 500 MB checkpoint: `artifact-safety` through the artifact capability, and the scanners from PyPI.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Bench, Row, median, paired, rig};
use crate::venv::Venv;
use crate::{paths, run};

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let scanners = Venv::install("scanners", &paths::python("requirements-scanners.txt"))?;
    rig::within("artifact-safety", |dir| {
        let (checkpoint, case) = (dir.join("checkpoint.pkl"), dir.join("case.json"));
        std::fs::write(&case, given_checkpoint().to_string())?;
        let arguments = [checkpoint.display().to_string(), "500".to_owned()];
        rig::script(&scanners.python(), "checkpoint.py", &arguments)?;
        let (mut ours, mut picklescan, mut modelscan) = (Vec::new(), Vec::new(), Vec::new());
        // A verdict other than the expected one would be no measurement.
        run::quietly(&mut plugin(&case))?;
        for _ in 0..bench.rounds {
            ours.push(seconds(&mut plugin(&case))?);
            picklescan
                .push(seconds(Command::new(scanners.bin("picklescan")).arg("--path").arg(&checkpoint))?);
            modelscan.push(seconds(Command::new(scanners.bin("modelscan")).arg("--path").arg(&checkpoint))?);
        }
        let row = |name: &str, baseline: &[f64]| Row {
            name: format!("artifact-safety 500 MB / {name}"),
            ours: format!("{:.2} s", median(ours.clone())),
            baseline: format!("{:.2} s", median(baseline.to_vec())),
            ratio: format!("{:.1} ×", 1.0 / paired(&ours, baseline)),
            target: "≥ 5 ×, goal 20 ×",
        };
        Ok(vec![row("picklescan", &picklescan), row("modelscan", &modelscan)])
    })
}

/// A plugin case whose one artifact is the checkpoint.
fn given_checkpoint() -> Value {
    json!({
        "name": "a checkpoint of 500 MB",
        "given": {
            "version": {"model": "bench", "version": "1"},
            "artifacts": {"checkpoint.pkl": {"file": "checkpoint.pkl"}},
        },
        "expect": {"conclusion": "pass"},
    })
}

fn plugin(case: &Path) -> Command {
    let mut command = Command::new(paths::countersign());
    command.args(["plugin", "test"]).arg(paths::plugin("artifact-safety")).arg(case);
    command
}

/// Wall time; a scanner may say by its exit code that it found something, but must not have broken down.
fn seconds(command: &mut Command) -> Result<f64> {
    let begun = Instant::now();
    let output = run::capture(command)?;
    let elapsed = begun.elapsed().as_secs_f64();
    let code = output.status.code();
    ensure!(
        matches!(code, Some(0 | 1)),
        "`{}` ended with {}\n{}",
        run::spelled(command),
        output.status,
        output.stderr
    );
    Ok(elapsed)
}

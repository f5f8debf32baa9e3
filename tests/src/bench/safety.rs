//! One 500 MB checkpoint: `artifact-safety` through the artifact capability, and the scanners from PyPI.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;

use super::{Bench, Row, median, paired, rig};
use crate::venv::Venv;
use crate::{paths, run};

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let scanners = Venv::install("scanners", &paths::python("requirements-scanners.txt"))?;
    rig::within("artifact-safety", |dir| {
        let model = dir.join("model");
        std::fs::create_dir(&model)?;
        let checkpoint = model.join("checkpoint.pkl");
        let arguments = [checkpoint.display().to_string(), "500".to_owned()];
        rig::script(&scanners.python(), "checkpoint.py", &arguments)?;
        let (mut ours, mut alone) = (Vec::new(), Vec::new());
        let (mut picklescan, mut modelscan) = (Vec::new(), Vec::new());
        // The first call compiles, and a verdict other than the expected one would be no measurement.
        run::quietly(&mut plugin(&model))?;
        for _ in 0..bench.rounds {
            ours.push(seconds(&mut plugin(&model))?);
            alone.push(evaluation(&model)?);
            picklescan
                .push(seconds(Command::new(scanners.bin("picklescan")).arg("--path").arg(&checkpoint))?);
            modelscan.push(seconds(Command::new(scanners.bin("modelscan")).arg("--path").arg(&checkpoint))?);
        }
        let row = |name: &str, ours: &[f64], baseline: &[f64]| Row {
            name: format!("artifact-safety 500 MB{name}"),
            ours: format!("{:.3} s", median(ours.to_vec())),
            baseline: format!("{:.2} s", median(baseline.to_vec())),
            ratio: format!("{:.1} ×", 1.0 / paired(ours, baseline)),
            target: "≥ 5 ×, goal 20 ×",
        };
        Ok(vec![
            row(" / picklescan", &ours, &picklescan),
            row(" / modelscan", &ours, &modelscan),
            row(", evaluation alone / picklescan's process", &alone, &picklescan),
        ])
    })
}

/// `plugin run` on a model's directory, with the code cache of whoever runs the bench.
fn plugin(model: &Path) -> Command {
    let mut command = Command::new(paths::countersign());
    command.args(["plugin", "run"]).arg(paths::plugin("artifact-safety")).arg("--artifacts").arg(model);
    command
}

/// Seconds from the guest's first instruction to its report, without the process around it.
fn evaluation(model: &Path) -> Result<f64> {
    let printed = run::quietly(plugin(model).args(["--output", "json"]))?;
    let report: Value = serde_json::from_str(printed.trim())?;
    let field = |name: &str| report.get(name).unwrap_or(&Value::Null);
    ensure!(field("conclusion") == "pass", "the checkpoint did not pass: {printed}");
    let micros = field("took_us").as_f64();
    Ok(micros.ok_or_else(|| anyhow!("no `took_us` in {printed}"))? / 1_000_000.0)
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

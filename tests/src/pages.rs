//! People in a real browser: MLflow's own pages through Countersign, and ours. The acts are in
//! `tests/python/people.py`; this sets the stage and knows where Chromium is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::stage::{PEOPLE, Stage, eventually};
use crate::venv::Venv;
use crate::{host, paths, run};

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Plays it and leaves a picture of every page in `target/screenshots`.
pub fn play() -> Result<()> {
    let chromium = chromium()?;
    let browser = Venv::install("browser", &paths::python("requirements-browser.txt"))?;
    let venv = Venv::for_tests()?;
    let dir = host::scratch("browser")?;
    let mut stage = Stage::set(&venv, &dir)?;
    register(&mut stage)?;
    let result = run::aloud(&mut acts(&browser, &stage, &chromium));
    ensure!(result.is_ok(), "the browser saw something else\n{}", stage.tails());
    let log = stage.host.tail(usize::MAX);
    ensure!(!log.contains("panicked at"), "Countersign panicked meanwhile:\n{log}");
    drop(stage);
    Ok(std::fs::remove_dir_all(dir)?)
}

/// Three versions, and verdicts that wait for whoever asks.
fn register(stage: &mut Stage) -> Result<()> {
    stage.ana.does("train", &[("model", json!("credit"))])?;
    eventually(Duration::from_secs(60), || {
        for version in ["1", "2", "3"] {
            let status = stage.read("ana", &format!("models/credit/versions/{version}"))?.to_string();
            ensure!(status.contains("metric-threshold"), "version {version} has no verdict: {status}");
        }
        Ok(())
    })
}

fn acts(browser: &Venv, stage: &Stage, chromium: &Path) -> Command {
    let mut command = Command::new(browser.python());
    command.arg(paths::python("people.py"));
    command.env("CHROMIUM", chromium).env("SCREENSHOTS", paths::target().join("screenshots"));
    command.env("COUNTERSIGN_URL", stage.host.workdir().url()).env("MLFLOW_DIRECT_URL", stage.mlflow.url());
    command.env("COUNTERSIGN_POLICY", stage.host.workdir().policy());
    for (name, password) in PEOPLE {
        let name = name.to_uppercase().replace('-', "_");
        command.env(format!("PASSWORD_{name}"), password.unwrap_or_default());
    }
    for (name, token) in &stage.tokens {
        command.env(format!("TOKEN_{}", name.to_uppercase().replace('-', "_")), token);
    }
    command
}

/// The one that `COUNTERSIGN_CHROMIUM` names, or the first in `PATH`.
fn chromium() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("COUNTERSIGN_CHROMIUM") {
        let named = PathBuf::from(named);
        ensure!(named.is_file(), "COUNTERSIGN_CHROMIUM is {}, which is no file", named.display());
        return Ok(named);
    }
    let path = std::env::var_os("PATH").context("PATH is not set")?;
    let places = std::env::split_paths(&path);
    let found = places.flat_map(|dir| CHROMIUM.map(|name| dir.join(name))).find(|program| program.is_file());
    match found {
        Some(program) => Ok(program),
        None => bail!(
            "no Chromium in PATH\nhint: on Debian and Ubuntu: apt-get install chromium; or set COUNTERSIGN_CHROMIUM \
             to the program; without this step: cargo verify --only NAME, see --list"
        ),
    }
}

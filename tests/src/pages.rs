//! People in a real browser: MLflow's own pages through Countersign, and ours. The acts are in
//! `tests/python/people.py` and `tests/python/in_mlflow.py`; this sets the stage and knows where Chromium is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::mlflow::Served;
use crate::stage::{PEOPLE, Stage, eventually};
use crate::venv::Venv;
use crate::{console, host, paths, run};

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What is played, by which MLflow, and how that is served.
const PLAYS: [(&str, Age, Served); 3] = [
    ("people", Age::Pinned, PLAIN),
    ("in_mlflow", Age::Pinned, PLAIN),
    ("in_mlflow", Age::Older, Served { prefix: "/tracking" }),
];
const PLAIN: Served = Served { prefix: "" };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// The one that all tests use.
    Pinned,
    /// Of `requirements-older.txt`: whether the places that we hold on to are older than the newest release.
    Older,
}

/// Plays them, or those that have one of these words in their names, and leaves a picture of every page in
/// `target/screenshots`.
pub fn play(words: &[String]) -> Result<()> {
    let chromium = chromium()?;
    let browser = Venv::install("browser", &paths::python("requirements-browser.txt"))?;
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    for (script, age, served) in PLAYS {
        let name = if age == Age::Older { format!("{script}_older") } else { script.to_owned() };
        if wanted(&name) {
            console::say(format_args!("-- {name}"));
            stage_and_play(&browser, &chromium, (script, &name), age, served)?;
        }
    }
    Ok(())
}

fn stage_and_play(
    browser: &Venv,
    chromium: &Path,
    (script, name): (&str, &str),
    age: Age,
    served: Served,
) -> Result<()> {
    let venv = Venv::for_tests()?;
    let mlflow = match age {
        Age::Pinned => venv.clone(),
        Age::Older => Venv::install("older", &paths::python("requirements-older.txt"))?,
    };
    let dir = host::scratch("browser")?;
    let mut stage = Stage::set_before(&venv, &mlflow, &dir, served)?;
    register(&mut stage)?;
    let mut acts = acts(browser, &stage, chromium, script);
    acts.env("CONTROL", &dir).env("SHOTS", name.replace('_', "-"));
    let result = watched(acts, &dir.join("restart"), &mut stage);
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

/// Plays to the end. Where somebody lays down the file `order`, Countersign is killed and started meanwhile.
fn watched(mut acts: Command, order: &Path, stage: &mut Stage) -> Result<()> {
    let mut playing = acts.spawn().with_context(|| format!("cannot start `{}`", run::spelled(&acts)))?;
    loop {
        if let Some(status) = playing.try_wait()? {
            ensure!(status.success(), "`{}` ended with {status}", run::spelled(&acts));
            return Ok(());
        }
        if order.exists() {
            stage.host.kill_and_start()?;
            std::fs::remove_file(order)?;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn acts(browser: &Venv, stage: &Stage, chromium: &Path, script: &str) -> Command {
    let mut command = Command::new(browser.python());
    command.arg(paths::python(&format!("{script}.py"))).stdin(Stdio::null());
    command.env("COUNTERSIGN_ADMIN_PORT", stage.host.workdir().admin_port.to_string());
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

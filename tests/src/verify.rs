//! `cargo verify`: everything that must hold before a change is merged, in the order of what fails soonest.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::console::{colour, say, seconds};
use crate::mlflow::Mlflow;
use crate::node::Packages;
use crate::stage::Stage;
use crate::story::{self, Between};
use crate::venv::{self, Venv};
use crate::{host, pages, paths, plugins, run};

/// What `cargo verify` can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo verify                     everything
  cargo verify --list              the steps and what they do
  cargo verify --only clippy       one step; --only may be repeated
  cargo verify --only tests ledger     tests whose name contains a word
  cargo verify --only e2e databricks   the script of that name, without the story
  cargo verify --only browser older    what people see in an older MLflow's pages")]
pub struct Verify {
    /// Run this step only (may be repeated)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps and stop
    #[arg(long)]
    list: bool,
    /// Words that the names of the tests to run contain
    filter: Vec<String>,
}

struct Check {
    name: &'static str,
    what: &'static str,
    run: fn(&Verify) -> Result<()>,
}

const CHECKS: [Check; 9] = [
    Check { name: "fmt", what: "rustfmt agrees", run: |_| fmt() },
    Check { name: "clippy", what: "no lint speaks up", run: |_| clippy() },
    Check { name: "build", what: "the binary and every test build", run: |_| build() },
    Check {
        name: "plugins",
        what: "every plugin builds, hostile ones too",
        run: |_| plugins::build(&[]).map(drop),
    },
    Check {
        name: "venv",
        what: "Python has the pinned MLflow, Node the OpenID provider",
        run: |_| prepare_python(),
    },
    Check { name: "tests", what: "unit and integration tests, with a real MLflow", run: tests },
    Check { name: "cases", what: "each plugin's declarative cases, in Wasm", run: |_| cases() },
    Check {
        name: "e2e",
        what: "the story with a SIGKILL between all steps; tests/python/e2e_*.py",
        run: e2e,
    },
    Check {
        name: "browser",
        what: "people in Chromium: MLflow's own pages through Countersign, and ours",
        run: |verify| pages::play(&verify.filter),
    },
];

// === impl Verify ===

impl Verify {
    pub fn run(&self) -> Result<()> {
        if self.list {
            CHECKS.iter().for_each(|check| say(format_args!("{:8} {}", check.name, check.what)));
            return Ok(());
        }
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        if let Some(unknown) = self.only.iter().find(|only| !names.contains(&only.as_str())) {
            bail!("there is no step `{unknown}`; there are: {}", names.join(", "));
        }
        let mut done = Vec::new();
        for check in CHECKS.iter().filter(|check| self.wants(check)) {
            say(format_args!("{} {}", colour("1", format_args!("== {}:", check.name)), check.what));
            let begun = Instant::now();
            let result = (check.run)(self);
            done.push((check.name, begun.elapsed(), result.is_ok()));
            if let Err(error) = result {
                summary(&done);
                return Err(
                    error.context(format!("`{}` failed; again with: cargo verify --only {0}", check.name))
                );
            }
        }
        summary(&done);
        Ok(())
    }

    fn wants(&self, check: &Check) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == check.name)
    }
}

fn summary(done: &[(&str, Duration, bool)]) {
    say("");
    for (name, elapsed, good) in done {
        let mark = if *good { colour("32", "✓") } else { colour("31", "✗") };
        say(format_args!("{mark} {name:10} {:>9}", seconds(*elapsed)));
    }
}

fn fmt() -> Result<()> {
    run::aloud(host::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run::aloud(host::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Everything at once: `-p countersign` alone would build the dependencies with fewer features, and so twice.
fn build() -> Result<()> {
    run::aloud(host::cargo().args(["build", "--workspace", "--all-targets"]))
}

fn prepare_python() -> Result<()> {
    venv::check_python()?;
    Venv::ensure()?;
    independent()?;
    Packages::ensure().map(drop)
}

/// What verifies our attestations and has nothing of ours.
fn independent() -> Result<Venv> {
    Venv::install("attestations", &paths::python("requirements-attestations.txt"))
}

/// With nextest where it is installed; the tests are the same without.
fn tests(verify: &Verify) -> Result<()> {
    let venv = Venv::for_tests()?;
    let dir = host::scratch("verify")?;
    let mlflow = Mlflow::start(&venv, &dir.join("mlflow"))?;
    let mut cargo = host::cargo();
    match run::capture(host::cargo().args(["nextest", "--version"])) {
        Ok(output) if output.status.success() => cargo.args(["nextest", "run", "--workspace"]),
        _ => cargo.args(["test", "--workspace"]),
    };
    cargo.args(&verify.filter);
    cargo.env("COUNTERSIGN_TEST_VENV", venv.dir());
    cargo.env("COUNTERSIGN_TEST_MLFLOW", mlflow.port().to_string());
    cargo.env("COUNTERSIGN_TEST_MLFLOW_DIR", dir.join("mlflow"));
    run::aloud(&mut cargo).with_context(|| format!("MLflow's log is in {}", dir.display()))?;
    mlflow.stop();
    Ok(std::fs::remove_dir_all(dir)?)
}

fn cases() -> Result<()> {
    for name in plugins::all()?.keys() {
        run::aloud(
            std::process::Command::new(paths::countersign())
                .args(["plugin", "test"])
                .arg(paths::plugin(name)),
        )?;
    }
    Ok(())
}

/// The story and every script; with words, the scripts that have one of them in their names.
fn e2e(verify: &Verify) -> Result<()> {
    let venv = Venv::for_tests()?;
    let dir = host::scratch("e2e")?;
    if verify.filter.is_empty() {
        let mut stage = Stage::set(&venv, &dir).with_context(|| format!("logs are in {}", dir.display()))?;
        story::play(&mut stage, Between::Kill).with_context(|| format!("logs are in {}", dir.display()))?;
    }
    let named =
        |script: &PathBuf| verify.filter.iter().any(|word| script.display().to_string().contains(word));
    let all = verify.filter.is_empty();
    for script in scripts()?.into_iter().filter(|script| all || named(script)) {
        say(format_args!("-- {}", script.file_name().unwrap_or_default().display()));
        enact(&venv, &script, &dir)?;
    }
    Ok(std::fs::remove_dir_all(dir)?)
}

/// Further end-to-end tests, in the order of their names.
fn scripts() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(paths::root().join("tests/python"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("e2e_") && name.ends_with(".py") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Runs one script on a stage of its own; it finds its way by environment variables.
fn enact(venv: &Venv, script: &PathBuf, dir: &std::path::Path) -> Result<()> {
    let own = dir.join(script.file_stem().unwrap_or_default());
    let stage = Stage::set(venv, &own)?;
    let mut command = std::process::Command::new(venv.python());
    command.arg(script).env("COUNTERSIGN_URL", stage.host.workdir().url());
    command.env("COUNTERSIGN_ADMIN_PORT", stage.host.workdir().admin_port.to_string());
    command.env("MLFLOW_DIRECT_URL", stage.mlflow.url());
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true");
    for (name, token) in &stage.tokens {
        command.env(format!("TOKEN_{}", name.to_uppercase().replace('-', "_")), token);
    }
    command.env("ATTESTATIONS_PYTHON", independent()?.python());
    let result = run::aloud(&mut command);
    ensure!(result.is_ok(), "{} failed\n{}", script.display(), stage.tails());
    Ok(())
}

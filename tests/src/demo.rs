//! `cargo demo`: from a fresh clone to a running Countersign with a story behind it.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::console::{self, note, say};
use crate::stage::{PEOPLE, Stage};
use crate::story::{self, Between};
use crate::venv::{self, Venv};
use crate::{host, plugins};

/// What `cargo demo` can be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo demo                     play the story, then stay up until Ctrl-C
  cargo demo -- --once           play the story and exit: 0 when every step is as it should be
  cargo demo -- --once --kill    the same, with Countersign killed and started between all steps
  cargo demo -- --keep           leave the directory with configuration, ledger and logs behind")]
pub struct Demo {
    /// Exit after the story; not with 0 when a step differs
    #[arg(long)]
    once: bool,
    /// Keep the working directory
    #[arg(long)]
    keep: bool,
    /// Kill Countersign with SIGKILL and start it again between every two steps
    #[arg(long)]
    kill: bool,
}

/// What must be there before the story: Python, the Wasm target, the binary, the plugins, MLflow's packages.
pub fn prepare() -> Result<Venv> {
    console::step("Python 3 with venv", |progress| {
        progress.at(venv::check_python()?);
        Ok(())
    })?;
    console::step("Wasm target", |_| plugins::add_target())?;
    // cargo draws its own progress.
    console::heading("countersign", host::build)?;
    console::heading("plugins", || plugins::build(&[]))?;
    Venv::ensure()
}

// === impl Demo ===

impl Demo {
    pub fn run(&self) -> Result<()> {
        let venv = prepare()?;
        let dir = host::scratch("demo")?;
        let played = self.play(&venv, &dir);
        match &played {
            Ok(()) if !self.keep => {
                std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
            }
            _ => note(format_args!("configuration, ledger and logs are in {}", dir.display())),
        }
        played
    }

    fn play(&self, venv: &Venv, dir: &Path) -> Result<()> {
        let mut stage = Stage::set(venv, dir)?;
        say("");
        story::play(&mut stage, if self.kill { Between::Kill } else { Between::Nothing })?;
        say("");
        if !self.once {
            invite(&stage);
            until_interrupted()?;
            note("\nstopping");
        }
        Ok(())
    }
}

fn invite(stage: &Stage) {
    let workdir = stage.host.workdir();
    let url = workdir.url();
    say(format_args!("MLflow behind Countersign   {url}"));
    say(format_args!("inbox                       {url}/_countersign/"));
    say(format_args!("metrics and health          http://127.0.0.1:{}/metrics", workdir.admin_port));
    say(format_args!("MLflow's own port           {}", stage.mlflow.url()));
    for (name, password) in PEOPLE {
        let password = password.unwrap_or("(a machine: token only)");
        let token = stage.tokens.get(name).map(String::as_str).unwrap_or_default();
        say(format_args!("{name:8} password {password:26} token {token}"));
    }
    say(format_args!("configuration and ledger    {}", workdir.dir.display()));
    say("\nCtrl-C stops everything");
}

fn until_interrupted() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed?,
            _ = terminated.recv() => {}
        }
        Ok(())
    })
}

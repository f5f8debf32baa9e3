//! `cargo xt`: what developers and CI run. `cargo demo` and `cargo verify` are short for two of its commands.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use countersign_tests::console::{self, note, say};
use countersign_tests::{bench, demo, host, node, plugins, venv, verify};

#[derive(Debug, Parser)]
#[command(name = "xt", about = "The task runner of this repository", disable_help_subcommand = true)]
struct Xt {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Set up MLflow and Countersign and play the main story
    Demo(demo::Demo),
    /// Format, lints, tests, plugin cases, end-to-end tests
    Verify(verify::Verify),
    /// Build plugins into target/plugins/NAME.wasm
    Plugins {
        /// All when none is named
        names: Vec<String>,
    },
    /// Make the Python environment and install the OpenID provider that tests need
    Venv,
    /// Measure against a named baseline; without a name, list what can be measured
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Xt::parse_from(arguments()).task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("{} {error:#}", console::colour("31", "error:")));
            ExitCode::FAILURE
        }
    }
}

/// `cargo demo -- --once` arrives as `xt demo -- --once`: cargo's own separator is not ours to read.
fn arguments() -> Vec<String> {
    let given: Vec<String> = std::env::args().collect();
    let separator = given.get(2).is_some_and(|argument| argument == "--");
    given.into_iter().enumerate().filter(|(at, _)| !(separator && *at == 2)).map(|(_, word)| word).collect()
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Demo(demo) => demo.run(),
        Task::Verify(verify) => verify.run(),
        Task::Plugins { names } => build_plugins(&names),
        Task::Venv => {
            node::Packages::ensure()?;
            venv::Venv::ensure().map(|venv| say(venv.dir().display()))
        }
        Task::Bench(bench) => bench.run(),
    }
}

fn build_plugins(names: &[String]) -> Result<()> {
    host::build()?;
    for component in plugins::build(names)? {
        say(component.display());
    }
    Ok(())
}

//! `countersign policy`: what a policy says, before anybody depends on it.

mod backtest;
pub(super) mod init;
mod served;
mod test;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use countersign_core::facts::Facts;
use countersign_core::names::{ModelName, Workspace};
use countersign_core::policy::{Holdings, Policy};
use serde_json::json;

use super::args::{Policy as Command, Target, WhatIf};
use super::context::Context;
use super::machinery::{self, client, runtime};
use crate::app::Generation;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::facts::{Collector, Limits, Subject};

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Init { preset, file } => init::run(context, preset, &file),
        Command::Backtest(wanted) => backtest::run(context, &wanted),
        Command::Test(wanted) => test::run(context, &wanted),
        Command::Reload(remote) => served::reload(context, remote),
        Command::History(wanted) => served::history(context, wanted),
        Command::Check { file } => check(context, file),
        Command::Explain { model, version, action, workspace, with } => {
            let workspace = Workspace::new(workspace);
            let subject = Subject { workspace, model: ModelName::new(model), version };
            explain(context, &context.config()?, subject, (action, &with))
        }
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}

/// Everything that a reload would do, short of putting it in force. A file that is named needs no configuration.
fn check(context: &Context, file: Option<PathBuf>) -> Result<()> {
    let (file, engine) = match file {
        Some(file) if !context.file().exists() => (file, machinery::bare_engine()?),
        file => {
            let config = context.config()?;
            let engine = machinery::engine(&config)?;
            (file.unwrap_or(config.policy_file), engine)
        }
    };
    let loaded = runtime()?.block_on(Generation::load(&file, &engine, SystemClock::new().now()))?;
    let summary = loaded.policy.summary();
    context.out.tell(
        &format!("`{}` can be put in force\n{summary}", file.display()),
        &json!({"file": file, "good": true, "summary": summary}),
    )
}

fn explain(
    context: &Context,
    config: &Config,
    subject: Subject,
    (target, with): (Target, &[WhatIf]),
) -> Result<()> {
    let file = &config.policy_file;
    let text = read(file)?;
    let policy = Policy::parse(&file.display().to_string(), &text)?;
    let collector = Collector::new(client(config)?, Limits { deadline: config.facts.deadline });
    let snapshot = runtime()?.block_on(collector.collect(&subject, SystemClock::new().now()))?;
    let action = target.action(subject.model.clone(), subject.version);
    let mut facts = Facts::clone(&snapshot.facts);
    with.iter().for_each(|what_if| what_if.apply(&mut facts));
    let explained = policy.explain(&action, &facts, &Holdings::of_version(&facts));
    let supposed: Vec<String> = with.iter().map(ToString::to_string).collect();
    let suppose: String = supposed.iter().map(|fact| format!("suppose  {fact}\n")).collect();
    let missing = &snapshot.facts.version.missing;
    let lines: String = missing.iter().map(|m| format!("missing  {}: {}\n", m.fact, m.reason)).collect();
    context.out.tell(
        &format!("subject  {subject}\n{suppose}{explained}{lines}"),
        &json!({"subject": snapshot.facts.version.subject, "suppose": supposed, "explanation": explained, "missing": missing}),
    )
}

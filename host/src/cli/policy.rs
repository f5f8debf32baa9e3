//! `countersign policy`: what a policy says, before anybody depends on it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use countersign_core::action::{Action, Registration};
use countersign_core::names::{ModelName, Version, Workspace};
use countersign_core::policy::{Holdings, Policy};
use serde_json::json;

use super::args::{Policy as Command, Target};
use super::context::Context;
use super::machinery::{self, client, runtime};
use crate::app::Generation;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::facts::{Collector, Limits, Subject};

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    let config = context.config()?;
    match command {
        Command::Check { file } => check(context, &config, file),
        Command::Explain { model, version, action, workspace } => {
            let workspace = Workspace::new(workspace);
            explain(context, &config, Subject { workspace, model: ModelName::new(model), version }, action)
        }
    }
}

/// Everything that a reload would do, short of putting it in force.
fn check(context: &Context, config: &Config, file: Option<PathBuf>) -> Result<()> {
    let file = file.unwrap_or_else(|| config.policy_file.clone());
    let engine = machinery::engine(config)?;
    let loaded = runtime()?.block_on(Generation::load(&file, &engine, SystemClock::new().now()))?;
    let summary = loaded.policy.summary();
    context.out.tell(
        &format!("`{}` can be put in force\n{summary}", file.display()),
        &json!({"file": file, "good": true, "summary": summary}),
    )
}

fn explain(context: &Context, config: &Config, subject: Subject, target: Target) -> Result<()> {
    let file = &config.policy_file;
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let policy = Policy::parse(&file.display().to_string(), &text)?;
    let collector = Collector::new(client(config)?, Limits { deadline: config.facts.deadline });
    let snapshot = runtime()?.block_on(collector.collect(&subject, SystemClock::new().now()))?;
    let action = action(target, &subject);
    let explained = policy.explain(&action, &snapshot.facts, &Holdings::none());
    let missing = &snapshot.facts.version.missing;
    let lines: String = missing.iter().map(|m| format!("missing  {}: {}\n", m.fact, m.reason)).collect();
    context.out.tell(
        &format!("subject  {subject}\n{explained}{lines}"),
        &json!({"subject": snapshot.facts.version.subject, "explanation": explained, "missing": missing}),
    )
}

fn action(target: Target, subject: &Subject) -> Action {
    let (model, version): (ModelName, Version) = (subject.model.clone(), subject.version);
    match target {
        Target::Alias(alias) => Action::SetAlias { model, alias, version },
        Target::Stage(stage) => Action::TransitionStage { model, version, stage, archive_existing: false },
        Target::RegisterInto(into) => Action::RegisterVersion(Registration {
            model: into,
            source: format!("models:/{model}/{version}"),
            run_id: None,
            model_id: None,
            tags: std::collections::BTreeMap::new(),
        }),
    }
}

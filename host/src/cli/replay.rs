//! `countersign replay`: a recorded check or rule run once more, from its evidence.

use std::fmt::{self, Display};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::args::{Replay as Command, Replayed};
use super::context::Context;
use super::failure::hinted;
use super::machinery::{self, runtime};
use super::operator::Operator;
use super::output::painted;
use super::place::{self, Found};
use crate::app::{ReplaySubject, replay};

pub(super) fn run(context: &Context, command: &Command) -> Result<()> {
    let config = context.config()?;
    let reports = match place::find_store(&config)? {
        Found::AtRest(store) => runtime()?.block_on(async {
            let ledger = place::ledger(&config, std::sync::Arc::clone(&store)).await?;
            let engine = machinery::engine(&config)?;
            let reports = replay(&*store, &ledger, &engine, subject(&command.what)).await?;
            Ok::<_, anyhow::Error>(serde_json::to_value(reports)?)
        })?,
        Found::Served => {
            let what = command.what.to_string();
            let answer = Operator::new(&config)?;
            runtime()?.block_on(answer.get("/operator/replay", &[("what", &what)]))?
        }
    };
    tell(context, command, reports)
}

const fn subject(what: &Replayed) -> ReplaySubject {
    match what {
        Replayed::Entry(index) => ReplaySubject::Entry(*index),
        Replayed::Request(id) => ReplaySubject::Request(*id),
    }
}

fn tell(context: &Context, command: &Command, reports: Value) -> Result<()> {
    let reports: Vec<Value> = serde_json::from_value(reports)?;
    ensure!(
        !reports.is_empty(),
        hinted(
            format!("nothing was checked for {}", command.what),
            "its gates have no checks; `countersign ledger export` lists every `check-run`",
        )
    );
    let differing = reports.iter().filter(|report| report.get("same") != Some(&Value::Bool(true))).count();
    context.out.tell(&Reports(&reports), &json!({"replayed": &reports, "same": differing == 0}))?;
    if differing > 0 {
        bail!("{differing} of {} check runs differ from what was recorded", reports.len());
    }
    Ok(())
}

struct Reports<'a>(&'a [Value]);

impl Display for Reports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in self.0 {
            let text = |key| report.get(key).and_then(Value::as_str).unwrap_or_default();
            let same = report.get("same") == Some(&Value::Bool(true));
            let verdict = if same { painted("same bytes", 32) } else { painted("differs", 31) };
            writeln!(f, "{verdict}  {}  {}", text("plugin"), text("recorded"))?;
            if !same {
                writeln!(f, "    {}", text("difference"))?;
            }
        }
        Ok(())
    }
}

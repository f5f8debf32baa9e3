//! What we add to a governed alias write that is allowed: pairs of the same write to MLflow and through us.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Bench, Row, rig};
use crate::actor::Actor;
use crate::mlflow::Mlflow;
use crate::venv::Venv;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let venv = Venv::for_tests()?;
    rig::within("governed-write", |dir| {
        let mlflow = Mlflow::start(&venv, &dir.join("mlflow"))?;
        let mut ana = Actor::start(&venv, "ana", &mlflow.url(), None, &dir.join("actor.log"))?;
        ana.does("train", &[("model", json!("credit"))])?;
        let measure = |name: &str, policy: &str, settings: &str| {
            measure(bench, &venv, &mlflow, &dir.join(name), (policy, settings))
        };
        let checked = rig::checked_policy()?;
        let warm = measure("remembering", &checked, rig::REMEMBERING)?;
        let fresh = measure("fresh", &checked, "")?;
        let mut rows = vec![
            row("governed alias write, facts warm", &warm, "≤ 5 %, goal 2 %")?,
            row("the same, facts read again (default)", &fresh, "–")?,
        ];
        if bench.rules {
            let ruled = measure("ruled", &rig::ruled_policy()?, rig::REMEMBERING)?;
            rows.push(row("with tiers and a rule, facts warm", &ruled, "≤ 6 %, goal 2 %")?);
        }
        Ok(rows)
    })
}

fn measure(
    bench: &Bench,
    venv: &Venv,
    mlflow: &Mlflow,
    dir: &Path,
    (policy, settings): (&str, &str),
) -> Result<Value> {
    let (host, token) = rig::countersign_with(dir, &mlflow.url(), policy, settings)?;
    let pairs = (bench.rounds * 40).to_string();
    rig::script(&venv.python(), "paired.py", &[mlflow.url(), host.workdir().url(), token, pairs])
}

fn row(name: &str, measured: &Value, target: &'static str) -> Result<Row> {
    let number =
        |key: &str| measured.get(key).and_then(Value::as_f64).context("paired.py printed no numbers");
    Ok(Row {
        name: name.to_owned(),
        ours: format!("{:.2} ms", number("ours_ms")?),
        baseline: format!("{:.2} ms", number("baseline_ms")?),
        ratio: format!("{:+.1} %", number("added_percent")?),
        target,
    })
}

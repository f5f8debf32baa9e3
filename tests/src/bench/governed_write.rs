//! What we add to a governed alias write that is allowed: pairs of the same write to MLflow and through us.

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
        let (host, token) = rig::countersign(dir, &mlflow.url(), &rig::checked_policy()?)?;
        let mut ana =
            Actor::start(&venv, "ana", &host.workdir().url(), Some(&token), &dir.join("actor.log"))?;
        ana.does("train", &[("model", json!("credit"))])?;
        let pairs = (bench.rounds * 40).to_string();
        let arguments = [mlflow.url(), host.workdir().url(), token, pairs];
        let measured = rig::script(&venv.python(), "paired.py", &arguments)?;
        let number =
            |key: &str| measured.get(key).and_then(Value::as_f64).context("paired.py printed no numbers");
        Ok(vec![Row {
            name: "governed alias write, allowed, warm".to_owned(),
            ours: format!("{:.2} ms", number("ours_ms")?),
            baseline: format!("{:.2} ms", number("baseline_ms")?),
            ratio: format!("{:+.1} %", number("added_percent")?),
            target: "≤ 5 %, goal 2 %",
        }])
    })
}

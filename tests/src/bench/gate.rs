//! Governed writes decided per second, against our own pass-through. The upstream repeats a real MLflow's answers.

use anyhow::Result;
use serde_json::json;

use super::load::Load;
use super::{Bench, Row, median, paired, rig};
use crate::actor::Actor;
use crate::mlflow::Mlflow;
use crate::venv::Venv;

const WRITE: &str = r#"
wrk.method = "POST"
wrk.path = "/api/2.0/mlflow/registered-models/alias"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"credit","alias":"champion","version":"2"}'
"#;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    rig::need(&[("wrk", "wrk")])?;
    let venv = Venv::for_tests()?;
    rig::within("gate", |dir| {
        let mlflow = Mlflow::start(&venv, &dir.join("mlflow"))?;
        let mut ana = Actor::start(&venv, "ana", &mlflow.url(), None, &dir.join("actor.log"))?;
        ana.does("train", &[("model", json!("credit"))])?;
        let (upstream, _tiny) = rig::upstream(dir, Some(mlflow.port()))?;
        let (host, token) =
            rig::countersign(dir, &format!("http://127.0.0.1:{upstream}"), &rig::checked_policy()?)?;
        let write = dir.join("write.lua");
        std::fs::write(&write, WRITE)?;
        let (mut governed, mut passed) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            for (rates, script) in [(&mut governed, Some(write.as_path())), (&mut passed, None)] {
                let url = format!("{}/api/2.0/mlflow/experiments/get?experiment_id=0", host.workdir().url());
                let (seconds, token) = (bench.seconds, Some(token.as_str()));
                rates.push(Load { url, connections: 64, seconds, token, script }.measure()?);
            }
        }
        Ok(vec![Row {
            name: "governed writes / own pass-through".to_owned(),
            ours: format!("{:.0}/s", median(governed.clone())),
            baseline: format!("{:.0}/s", median(passed.clone())),
            ratio: format!("{:.3}", paired(&governed, &passed)),
            target: "≥ 0.1, goal 0.25",
        }])
    })
}

//! Governed writes decided per second, against our own pass-through. The upstream repeats a real MLflow's answers.

use anyhow::{Result, ensure};
use serde_json::json;

use super::load::Load;
use super::{Bench, Row, median, paired, rig};
use crate::actor::Actor;
use crate::host::Countersign;
use crate::http;
use crate::mlflow::Mlflow;
use crate::venv::Venv;

/// The same write again and again: its check run is used again.
const SAME: &str = r#"
wrk.method = "POST"
wrk.path = "/api/2.0/mlflow/registered-models/alias"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"credit","alias":"champion","version":"2"}'
"#;

/// Sixteen aliases that move between two versions at random: hardly any state comes twice, so each write has its
/// check run anew, over facts that have changed since the last.
const MOVING: &str = r#"
wrk.method = "POST"
wrk.path = "/api/2.0/mlflow/registered-models/alias"
wrk.headers["Content-Type"] = "application/json"
function init(args) math.randomseed(os.time()) end
function request()
  local body = '{"name":"credit","alias":"prod-%d","version":"%d"}'
  return wrk.format(nil, nil, nil, body:format(math.random(16), math.random(2, 3)))
end
"#;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    rig::need(&[("wrk", "wrk")])?;
    let venv = Venv::for_tests()?;
    rig::within("gate", |dir| {
        let mlflow = Mlflow::start(&venv, &dir.join("mlflow"))?;
        let mut ana = Actor::start(&venv, "ana", &mlflow.url(), None, &dir.join("actor.log"))?;
        ana.does("train", &[("model", json!("credit"))])?;
        let (upstream, _tiny) = rig::upstream(dir, Some(mlflow.port()))?;
        let upstream = format!("http://127.0.0.1:{upstream}");
        let (host, token) = rig::countersign_with(
            &dir.join("countersign"),
            &upstream,
            &rig::checked_policy()?,
            rig::REMEMBERING,
        )?;
        let (same, moving) = (dir.join("same.lua"), dir.join("moving.lua"));
        std::fs::write(&same, SAME)?;
        std::fs::write(&moving, MOVING)?;
        warm(&host, &token)?;
        let (mut fresh, mut again, mut passed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let scripts = [(&mut fresh, Some(&moving)), (&mut again, Some(&same)), (&mut passed, None)];
            for (rates, script) in scripts {
                let url = format!("{}/api/2.0/mlflow/experiments/get?experiment_id=0", host.workdir().url());
                let (seconds, token) = (bench.seconds, Some(token.as_str()));
                let script = script.map(std::path::PathBuf::as_path);
                rates.push(Load { url, connections: 64, seconds, token, script }.measure()?);
            }
        }
        let row = |name: &str, governed: &[f64], target| Row {
            name: name.to_owned(),
            ours: format!("{:.0}/s", median(governed.to_vec())),
            baseline: format!("{:.0}/s", median(passed.clone())),
            ratio: format!("{:.3}", paired(governed, &passed)),
            target,
        };
        Ok(vec![
            row("governed writes, check run fresh / pass-through", &fresh, "≥ 0.1, goal 0.25"),
            row("governed writes, check run kept / pass-through", &again, "–"),
        ])
    })
}

/// One write before all others: the upstream asks MLflow once for an answer that it will repeat.
fn warm(host: &Countersign, token: &str) -> Result<()> {
    let request = http::request("POST", "/api/2.0/mlflow/registered-models/alias")
        .header("Content-Type", "application/json")
        .header("Authorization", &format!("Bearer {token}"));
    let body = r#"{"name":"credit","alias":"champion","version":"2"}"#;
    let answer = request.body(body.as_bytes().to_vec()).send(host.port())?;
    ensure!(answer.status == 200, "the first write was answered with {}", answer.status);
    Ok(())
}

//! Items 1 to 3: an alias that nobody guards, a weak champion, a strong one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Step;
use super::said::{names, refused};
use crate::http;
use crate::stage::{Stage, eventually};
use crate::workdir::{METRIC, THRESHOLD};

pub(super) const STEPS: &[Step] = &[
    Step { title: "ana trains three models and registers them, her client unchanged", play: trains },
    Step {
        title: "MLflow's webhook told Countersign: the checks have run before anybody asks",
        play: prechecked,
    },
    Step { title: "the alias `dev` passes, byte for byte", play: dev },
    Step { title: "the weak version as `champion` is refused at once", play: weak },
    Step { title: "MLflow's own page gets the same sentence", play: same_sentence },
    Step { title: "the strong version as `champion` is held", play: strong },
];

fn trains(stage: &mut Stage) -> Result<String> {
    let trained = stage.ana.does("train", &[("model", json!("credit"))])?;
    let trained = trained.as_array().context("no versions")?;
    for version in trained {
        let word = |key: &str| version.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        stage.runs.insert(word("version"), word("run_id"));
    }
    ensure!(trained.len() == 3, "{} versions instead of three", trained.len());
    let line = |version: &Value| {
        let auc = version.pointer("/metrics/auc").and_then(Value::as_f64).unwrap_or_default();
        format!("credit version {}: {} = {auc:.3}", version["version"].as_str().unwrap_or_default(), METRIC)
    };
    Ok(trained.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn prechecked(stage: &mut Stage) -> Result<String> {
    eventually(Duration::from_secs(30), || {
        let status = stage.read("ana", "models/credit/versions/1")?.to_string();
        names(&status, &["metric-threshold", "fail"])?;
        Ok("models/credit/versions/1 knows that metric-threshold fails".to_owned())
    })
}

fn dev(stage: &mut Stage) -> Result<String> {
    let before = settled(stage)?;
    stage
        .ana
        .does("set-alias", &[("model", json!("credit")), ("alias", json!("dev")), ("version", json!("1"))])?;
    let here = alias_request().bearer(stage.token("ana")?).send(stage.host.port())?;
    let there = alias_request().send(stage.mlflow.port())?;
    ensure!(
        here.status == 200 && here.status == there.status,
        "{} here, {} there",
        here.status,
        there.status
    );
    ensure!(here.body == there.body, "the bodies differ: {:?}, {:?}", here.text(), there.text());
    ensure!(here.header("content-type") == there.header("content-type"), "the content types differ");
    let after = stage.ledger_size()?;
    ensure!(before == after, "the ledger grew from {before} to {after} entries");
    Ok(format!("MLflow's own answer, {} bytes; the ledger still has {after} entries", here.body.len()))
}

/// The ledger's size once what the registrations set off has ended.
fn settled(stage: &Stage) -> Result<u64> {
    let mut last = (stage.ledger_size()?, 0);
    eventually(Duration::from_secs(60), || {
        let size = stage.ledger_size()?;
        last = if size == last.0 { (size, last.1 + 1) } else { (size, 0) };
        ensure!(last.1 >= 15, "the ledger still grows: {size} entries");
        Ok(size)
    })
}

fn alias_request() -> http::Request {
    let body = json!({"name": "credit", "alias": "dev", "version": "1"});
    http::request("POST", "/api/2.0/mlflow/registered-models/alias").json(&body)
}

fn weak(stage: &mut Stage) -> Result<String> {
    let refusal = refused(champion(stage, "1")?)?;
    refusal.decided("deny")?;
    names(&refusal.message, &["metric-threshold", METRIC, THRESHOLD, "0.49"])?;
    let id = refusal.request(stage)?;
    stage.requests.insert("weak champion", id);
    nobody_is_champion(stage)?;
    Ok(refusal.message)
}

fn same_sentence(stage: &mut Stage) -> Result<String> {
    let refusal = refused(champion(stage, "1")?)?;
    let body = json!({"name": "credit", "alias": "champion", "version": "1"});
    let response = stage.call("ana", "POST", "/ajax-api/2.0/mlflow/registered-models/alias", Some(&body))?;
    ensure!(response.status == 403, "the page's call answered {}: {}", response.status, response.text());
    let shown = response.json()?;
    let shown = shown.get("message").and_then(Value::as_str).context("no message")?;
    ensure!(format!("PERMISSION_DENIED: {shown}") == refusal.message, "the page says: {shown}");
    Ok(format!("403 on ajax-api, {} characters, the same", shown.chars().count()))
}

fn strong(stage: &mut Stage) -> Result<String> {
    let refusal = refused(champion(stage, "2")?)?;
    refusal.decided("hold")?;
    names(&refusal.message, &["all 3 checks passed", "risk", "ruth"])?;
    let id = refusal.request(stage)?;
    let shown = stage.read("ruth", &format!("requests/{id}"))?.to_string();
    names(&shown, &["credit", "champion", "metric-threshold", "model-card", "artifact-safety"])?;
    ensure!(stage.requests.get("weak champion") != Some(&id), "it is the weak version's request");
    stage.requests.insert("champion", id);
    nobody_is_champion(stage)?;
    Ok(refusal.message)
}

/// ana's call, always the same.
pub(super) fn champion(stage: &mut Stage, version: &str) -> Result<crate::actor::Reply> {
    let arguments = [("model", json!("credit")), ("alias", json!("champion")), ("version", json!(version))];
    stage.ana.ask("set-alias", &arguments)
}

fn nobody_is_champion(stage: &mut Stage) -> Result<()> {
    let held = stage.insider.ask("get-alias", &[("model", json!("credit")), ("alias", json!("champion"))])?;
    ensure!(!held.ok, "MLflow says that version {} is the champion", held.value);
    Ok(())
}

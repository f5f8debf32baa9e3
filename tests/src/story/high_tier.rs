//! A model of high risk: two seats, nobody from its own lineage, a stale approval renewed, and a waiver.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Step;
use super::said::{Refusal, names, refused, vote_in};
use crate::actor::Reply;
use crate::stage::Stage;

pub(super) const STEPS: &[Step] = &[
    Step { title: "a model of high risk asks for two seats", play: two_seats },
    Step { title: "omar has changed the version: he cannot sign for it", play: own_lineage },
    Step { title: "ruth signs for `risk`, lea for `legal`", play: both_sign },
    Step { title: "a file changes after that: the approval is stale, the call is held", play: stale },
    Step { title: "renewed and signed again, ana's same call succeeds", play: renewed },
    Step {
        title: "a waiver of one check, asked by ana and approved by ruth, is all that it is",
        play: waiver,
    },
];

const MODEL: &str = "loans";

fn champion(stage: &mut Stage, version: &str) -> Result<Reply> {
    let arguments = [("model", json!(MODEL)), ("alias", json!("champion")), ("version", json!(version))];
    stage.ana.ask("set-alias", &arguments)
}

fn held(stage: &mut Stage, version: &str) -> Result<Refusal> {
    let refusal = refused(champion(stage, version)?)?;
    refusal.decided("hold")?;
    Ok(refusal)
}

fn request(stage: &Stage) -> String {
    stage.requests.get("loans champion").cloned().unwrap_or_default()
}

fn posted(stage: &Stage, who: &str, path: &str, body: &Value) -> Result<Value> {
    let response = stage.call(who, "POST", path, Some(body))?;
    ensure!(
        (200..300).contains(&response.status),
        "{path} as {who} answered {}: {}",
        response.status,
        response.text()
    );
    response.json()
}

fn two_seats(stage: &mut Stage) -> Result<String> {
    stage.ana.does("train", &[("model", json!(MODEL))])?;
    let tag = json!({"name": MODEL, "key": "risk", "value": "high"});
    posted(stage, "ana", "/api/2.0/mlflow/registered-models/set-tag", &tag)?;
    let refusal = held(stage, "2")?;
    names(&refusal.message, &["risk", "legal", "lea"])?;
    let id = refusal.request(stage)?;
    stage.requests.insert("loans champion", id);
    Ok(refusal.message)
}

fn own_lineage(stage: &mut Stage) -> Result<String> {
    let tag = json!({"name": MODEL, "version": "2", "key": "reviewed-by-hand", "value": "yes"});
    posted(stage, "omar", "/api/2.0/mlflow/model-versions/set-tag", &tag)?;
    let before = stage.ledger_size()?;
    let response =
        vote_in(stage, ("omar", "risk"), &request(stage), "approve", "I have looked at it by hand")?;
    ensure!(response.status == 403, "the vote answered {}: {}", response.status, response.text());
    ensure!(stage.ledger_size()? > before, "nothing was recorded");
    let detail = response.json()?.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
    names(&detail, &["omar", "risk"])?;
    Ok(format!("403: {detail}"))
}

fn sign(stage: &Stage, who: &str, seat: &str, rationale: &str) -> Result<()> {
    let response = vote_in(stage, (who, seat), &request(stage), "approve", rationale)?;
    ensure!(response.status < 300, "{who}'s vote answered {}: {}", response.status, response.text());
    Ok(())
}

fn both_sign(stage: &mut Stage) -> Result<String> {
    sign(stage, "ruth", "risk", "the error rates hold for every segment")?;
    let one = stage.read("ana", &format!("requests/{}", request(stage)))?.to_string();
    ensure!(!one.contains(r#""is":"approved""#), "one signature of two was enough: {one}");
    sign(stage, "lea", "legal", "no data of natural persons leaves the house")?;
    let both = stage.read("ana", &format!("requests/{}", request(stage)))?.to_string();
    names(&both, &["approved"])?;
    Ok("one is not enough; with both the request says `approved`".to_owned())
}

fn stale(stage: &mut Stage) -> Result<String> {
    let file = [("model", json!(MODEL)), ("version", json!("2")), ("path", json!("requirements.txt"))];
    let text = ("text", json!("scikit-learn"));
    stage.ana.does("overwrite-model-file", &[&file[..], &[text]].concat())?;
    let refusal = held(stage, "2")?;
    let shown = stage.read("ruth", &format!("requests/{}", request(stage)))?.to_string();
    ensure!(shown.contains(r#""stale":true"#), "the request does not say that it is stale: {shown}");
    Ok(refusal.message)
}

fn renewed(stage: &mut Stage) -> Result<String> {
    let id = request(stage);
    posted(stage, "ana", &format!("/_countersign/api/v1/requests/{id}/renew"), &json!({}))?;
    sign(stage, "ruth", "risk", "only the list of requirements has changed")?;
    sign(stage, "lea", "legal", "nothing in it that concerns the law")?;
    let reply = champion(stage, "2")?;
    ensure!(reply.ok, "{}", reply.message);
    let alias = [("model", json!(MODEL)), ("alias", json!("champion"))];
    let holds = stage.insider.does("get-alias", &alias)?;
    ensure!(holds == "2", "MLflow says that version {holds} is the champion");
    Ok("loans@champion is version 2".to_owned())
}

fn waiver(stage: &mut Stage) -> Result<String> {
    refused(champion(stage, "1")?)?.decided("deny")?;
    let wanted = json!({
        "model": MODEL, "version": "1", "gate": "production", "check": "metric-threshold", "lasts": "14d",
        "reason": "the old model stays for comparison until the quarter ends",
    });
    let asked = posted(stage, "ana", "/_countersign/api/v1/waivers", &wanted)?;
    let id = asked.get("id").and_then(Value::as_str).context("a waiver without an id")?.to_owned();
    refused(champion(stage, "1")?)?.decided("deny")?;
    let word = json!({"rationale": "bounded in time, and nobody is scored by it"});
    posted(stage, "ruth", &format!("/_countersign/api/v1/waivers/{id}/approve"), &word)?;
    let refusal = held(stage, "1")?;
    names(&refusal.message, &["risk", "legal"])?;
    Ok(refusal.message)
}

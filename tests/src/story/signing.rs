//! Items 4 to 6 and 9: nobody signs their own work, a machine signs nothing, a second person does; a kill in between.

use anyhow::{Result, ensure};
use serde_json::json;

use super::Step;
use super::champion::champion;
use super::said::{names, vote};
use crate::stage::Stage;

pub(super) const STEPS: &[Step] = &[
    Step {
        title: "Countersign is killed with SIGKILL and started: the request is still there",
        play: killed,
    },
    Step { title: "ana approves her own request: refused, and recorded", play: own_work },
    Step { title: "a machine approves: refused, and recorded", play: machine },
    Step { title: "a vote over another digest: 409", play: other_digest },
    Step { title: "ruth approves in the seat `risk`, with a rationale", play: approves },
    Step { title: "ana's same call, unchanged, succeeds; MLflow holds the alias", play: succeeds },
];

fn request(stage: &Stage) -> String {
    stage.requests.get("champion").cloned().unwrap_or_default()
}

fn killed(stage: &mut Stage) -> Result<String> {
    let before = stage.ledger_size()?;
    stage.host.kill_and_start()?;
    let after = stage.ledger_size()?;
    ensure!(after >= before, "the ledger had {before} entries and has {after}");
    let shown = stage.read("ruth", &format!("requests/{}", request(stage)))?.to_string();
    names(&shown, &["credit", "champion"])?;
    Ok(format!("{before} entries before, {after} after"))
}

fn own_work(stage: &mut Stage) -> Result<String> {
    refused_and_recorded(stage, "ana")
}

fn machine(stage: &mut Stage) -> Result<String> {
    refused_and_recorded(stage, "ci-bot")
}

fn refused_and_recorded(stage: &mut Stage, who: &str) -> Result<String> {
    let before = stage.ledger_size()?;
    let response = vote(stage, who, &request(stage), "approve", "looks good to me")?;
    ensure!(response.status == 403, "the vote answered {}: {}", response.status, response.text());
    let problem = response.header("content-type").unwrap_or_default().to_owned();
    ensure!(problem.starts_with("application/problem+json"), "the answer is {problem}");
    let after = stage.ledger_size()?;
    ensure!(after > before, "nothing was recorded: the ledger still has {after} entries");
    let body = response.json()?;
    let detail = body.get("detail").or_else(|| body.get("title")).and_then(|text| text.as_str());
    Ok(format!("403: {}", detail.unwrap_or_default()))
}

fn other_digest(stage: &mut Stage) -> Result<String> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let review =
        json!({"vote": "approve", "seat": "risk", "rationale": "as shown", "subject_digest": digest});
    let path = format!("/_countersign/api/v1/requests/{}/reviews", request(stage));
    let response = stage.call("ruth", "POST", &path, Some(&review))?;
    ensure!(response.status == 409, "the vote answered {}: {}", response.status, response.text());
    Ok("409: what was reviewed is not what is there".to_owned())
}

fn approves(stage: &mut Stage) -> Result<String> {
    let response = vote(stage, "ruth", &request(stage), "approve", "AUC and limits are fine for triage")?;
    ensure!(
        (200..300).contains(&response.status),
        "the vote answered {}: {}",
        response.status,
        response.text()
    );
    let shown = stage.read("ana", &format!("requests/{}", request(stage)))?.to_string();
    names(&shown, &["approved", "AUC and limits are fine for triage"])?;
    Ok("by the API; the request says `approved`".to_owned())
}

fn succeeds(stage: &mut Stage) -> Result<String> {
    let reply = champion(stage, "2")?;
    ensure!(reply.ok, "{}", reply.message);
    let alias = [("model", json!("credit")), ("alias", json!("champion"))];
    let held = stage.insider.does("get-alias", &alias)?;
    ensure!(held == "2", "MLflow says that version {held} is the champion");
    let labels = stage.ana.does("predict", &[("uri", json!("models:/credit@champion"))])?;
    Ok(format!("models:/credit@champion is version 2 and predicts {labels}"))
}

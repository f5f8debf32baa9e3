//! The other ways to promote: a stage, in any case and with `archive_existing_versions`, and a copy into a guarded
//! model. Signed by the command line and on a page without JavaScript.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Step;
use super::said::{names, refused, request_in};
use crate::actor::Reply;
use crate::stage::{PEOPLE, Stage};

pub(super) const STEPS: &[Step] = &[
    Step { title: "the stage `pRoDuCtIoN` is held as `Production` is", play: stage_is_held },
    Step { title: "ruth approves by the command line; the same call succeeds", play: by_command_line },
    Step { title: "`archive_existing_versions` is held too, and archives once it is signed", play: archives },
    Step { title: "copying a version into `prod.credit` is held", play: copy_is_held },
    Step { title: "ruth signs in and approves on the page; the copy succeeds", play: by_page },
    Step { title: "a look-alike of `champion` is refused", play: look_alike },
];

fn transition(stage: &mut Stage, version: &str, target: &str, archive: bool) -> Result<Reply> {
    let arguments = [
        ("model", json!("credit")),
        ("version", json!(version)),
        ("stage", json!(target)),
        ("archive_existing_versions", json!(archive)),
    ];
    stage.ana.ask("transition", &arguments)
}

fn stage_of(stage: &mut Stage, version: &str) -> Result<Value> {
    stage.insider.does("stage", &[("model", json!("credit")), ("version", json!(version))])
}

fn stage_is_held(stage: &mut Stage) -> Result<String> {
    let refusal = refused(transition(stage, "2", "pRoDuCtIoN", false)?)?;
    refusal.decided("hold")?;
    names(&refusal.message, &["risk"])?;
    let id = refusal.request(stage)?;
    stage.requests.insert("production", id);
    ensure!(stage_of(stage, "2")? == "None", "MLflow has moved it");
    Ok(refusal.message)
}

fn by_command_line(stage: &mut Stage) -> Result<String> {
    let id = stage.requests.get("production").cloned().unwrap_or_default();
    let said = approve_by_command_line(stage, &id, "same evidence as for the champion")?;
    let reply = transition(stage, "2", "pRoDuCtIoN", false)?;
    ensure!(reply.ok, "{}", reply.message);
    ensure!(stage_of(stage, "2")? == "Production", "MLflow has not moved it");
    Ok(format!("{}\nversion 2 is in Production", said.trim()))
}

fn approve_by_command_line(stage: &Stage, id: &str, rationale: &str) -> Result<String> {
    let approve = ["request", "approve", id, "--seat", "risk", "--rationale", rationale];
    stage.host.does(&approve, Some(stage.token("ruth")?))
}

fn archives(stage: &mut Stage) -> Result<String> {
    let refusal = refused(transition(stage, "3", "PRODUCTION", true)?)?;
    let id = refusal.request(stage)?;
    ensure!(stage_of(stage, "2")? == "Production", "version 2 was archived by a held call");
    approve_by_command_line(stage, &id, "stronger than version 2, which may be archived")?;
    let reply = transition(stage, "3", "PRODUCTION", true)?;
    ensure!(reply.ok, "{}", reply.message);
    let (old, new) = (stage_of(stage, "2")?, stage_of(stage, "3")?);
    ensure!(old == "Archived" && new == "Production", "version 2 is {old}, version 3 is {new}");
    Ok("version 3 is in Production, version 2 is Archived".to_owned())
}

fn copy(stage: &mut Stage) -> Result<Reply> {
    stage.ana.ask("copy", &[("source", json!("models:/credit/2")), ("model", json!("prod.credit"))])
}

/// MLflow's client wraps what went wrong with a copy into an error of its own and keeps only the sentence.
fn copy_is_held(stage: &mut Stage) -> Result<String> {
    let reply = copy(stage)?;
    ensure!(!reply.ok, "the copy succeeded, with {}", reply.value);
    names(&reply.message, &["PERMISSION_DENIED: ", "models:/credit/2", "prod.credit", "is held", "risk"])?;
    let id = request_in(&reply.message, &stage.host.workdir().url())?;
    stage.requests.insert("copy", id);
    let versions = stage.insider.does("versions", &[("model", json!("prod.credit"))])?;
    ensure!(versions == json!([]), "MLflow has versions {versions} of prod.credit");
    Ok(reply.message)
}

fn by_page(stage: &mut Stage) -> Result<String> {
    let id = stage.requests.get("copy").cloned().unwrap_or_default();
    let url = format!("{}/_countersign/requests/{id}", stage.host.workdir().url());
    let password = PEOPLE.iter().find(|(name, _)| *name == "ruth").and_then(|(_, password)| *password);
    stage.browser.browses("open", &[("url", json!(url))])?;
    let fields = json!({"name": "ruth", "password": password});
    stage.browser.browses("submit", &[("form", json!("login")), ("fields", fields)])?;
    let page = stage.browser.browses("open", &[("url", json!(url))])?;
    ensure!(page.status == 200 && page.url == url, "ruth sees {} {}", page.status, page.url);
    names(&page.text, &["prod.credit", "metric-threshold", "ana"])?;
    let headline = page.text.lines().find(|line| line.starts_with("Waiting for"));
    let headline = headline.with_context(|| format!("no headline: {}", page.text))?.to_owned();
    let fields = json!({"vote": "approve", "rationale": "signed on the page"});
    let page = stage.browser.browses("submit", &[("form", json!("approve")), ("fields", fields)])?;
    ensure!(page.status == 200, "the page's form answered {}: {}", page.status, page.text);
    names(&page.text, &["signed on the page"])?;
    let reply = copy(stage)?;
    ensure!(reply.ok, "{}", reply.message);
    let versions = stage.insider.does("versions", &[("model", json!("prod.credit"))])?;
    ensure!(versions == json!(["1"]), "MLflow has versions {versions} of prod.credit");
    Ok(format!("{headline}\nprod.credit has version 1"))
}

fn look_alike(stage: &mut Stage) -> Result<String> {
    let mut seen = Vec::new();
    // A Cyrillic с; full-width letters; another case.
    for alias in ["\u{441}hampion", "\u{ff43}\u{ff48}ampion", "CHAMPION"] {
        let arguments = [("model", json!("credit")), ("alias", json!(alias)), ("version", json!("1"))];
        let reply = stage.ana.ask("set-alias", &arguments)?;
        ensure!(!reply.ok, "the alias {alias:?} was set");
        seen.push(format!("{alias:?}: {}", reply.message));
    }
    Ok(seen.join("\n"))
}

//! What is held or refused, with a sentence that says why, and changes nothing.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Step;
use super::said::{names, refused};
use crate::stage::Stage;

pub(super) const STEPS: &[Step] = &[
    Step { title: "deleting the alias `champion` opens a request and changes nothing", play: delete_alias },
    Step {
        title: "renaming and deleting the champion's model opens requests and changes nothing",
        play: rename_and_delete,
    },
    Step {
        title: "deleting the champion's version opens a request and changes nothing",
        play: delete_version,
    },
    Step { title: "writing a tag `countersign.*` is refused", play: reserved_tag },
    Step { title: "changing files under the champion opens a request and changes nothing", play: overwrite },
];

fn delete_alias(stage: &mut Stage) -> Result<String> {
    let said = held(stage, "delete-alias", &[("model", json!("credit")), ("alias", json!("champion"))])?;
    unchanged(stage)?;
    Ok(said)
}

fn rename_and_delete(stage: &mut Stage) -> Result<String> {
    let renamed = held(stage, "rename", &[("model", json!("credit")), ("new_name", json!("debit"))])?;
    let deleted = held(stage, "delete-model", &[("model", json!("credit"))])?;
    unchanged(stage)?;
    Ok(format!("{renamed}\n{deleted}"))
}

fn delete_version(stage: &mut Stage) -> Result<String> {
    let said = held(stage, "delete-version", &[("model", json!("credit")), ("version", json!("2"))])?;
    unchanged(stage)?;
    Ok(said)
}

fn reserved_tag(stage: &mut Stage) -> Result<String> {
    let version = [("model", json!("credit")), ("version", json!("1"))];
    let before = stage.insider.does("get-tags", &version)?;
    let tag = [("key", json!("countersign.state")), ("value", json!("approved"))];
    let said = refusal(stage, "set-tag", &[&version[..], &tag[..]].concat())?;
    let after = stage.insider.does("get-tags", &version)?;
    ensure!(before == after, "the tags were {before} and are {after}");
    Ok(said)
}

fn overwrite(stage: &mut Stage) -> Result<String> {
    let file = [("model", json!("credit")), ("version", json!("2")), ("path", json!("requirements.txt"))];
    let before = stage.insider.does("read-model-file", &file)?;
    let reply = stage.ana.ask("overwrite-model-file", &[&file[..], &[("text", json!("evil"))]].concat())?;
    ensure!(!reply.ok, "the file was replaced");
    names(&reply.message, &["artifacts of credit version 2", "is held", "1 signature from seat risk"])?;
    let after = stage.insider.does("read-model-file", &file)?;
    ensure!(before == after, "the file was `{before}` and is `{after}`");
    Ok(reply.message)
}

/// A call that waits for people: the sentence names them and the request.
fn held(stage: &mut Stage, command: &str, arguments: &[(&str, Value)]) -> Result<String> {
    let said = refusal(stage, command, arguments)?;
    names(&said, &["is held", "1 signature from seat risk", "/_countersign/requests/"])?;
    Ok(said)
}

fn refusal(stage: &mut Stage, command: &str, arguments: &[(&str, Value)]) -> Result<String> {
    Ok(refused(stage.ana.ask(command, arguments)?)?.message)
}

fn unchanged(stage: &mut Stage) -> Result<()> {
    let held =
        stage.insider.does("get-alias", &[("model", json!("credit")), ("alias", json!("champion"))])?;
    ensure!(held == "2", "MLflow says that version {held} is the champion");
    Ok(())
}

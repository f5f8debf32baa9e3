//! `countersign waiver`: dated exceptions to one requirement.

use anyhow::Result;
use countersign_core::waiver::Waiver;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{NewWaiver, Waiver as Given, WaiverCommand as Command, Word};
use super::context::Context;
use super::machinery::runtime;
use super::output::table;
use super::remote::Remote;

pub(super) fn run(context: &Context, Given { remote, command }: Given) -> Result<()> {
    let remote = Remote::new(context, remote)?;
    runtime()?.block_on(async {
        match command {
            Command::List => list(context, &remote).await,
            Command::Ask(new) => tell(context, &remote.post("waivers", &asked(&new)).await?),
            Command::Approve(word) => say(context, &remote, word, "approve").await,
            Command::Revoke(word) => say(context, &remote, word, "revoke").await,
        }
    })
}

#[derive(Deserialize)]
struct Listed {
    waivers: Vec<Waiver>,
}

async fn list(context: &Context, remote: &Remote) -> Result<()> {
    let Listed { waivers } = remote.get("waivers", &[]).await?;
    let mut rows = vec![["ID", "MODEL", "WHAT", "UNTIL", "STANDS"].map(str::to_owned).to_vec()];
    rows.extend(waivers.iter().map(row));
    let text = if waivers.is_empty() { "no waivers".to_owned() } else { table(&rows) };
    context.out.tell(&text, &json!({"waivers": waivers}))
}

fn row(waiver: &Waiver) -> Vec<String> {
    let stands = match (&waiver.revoked, waiver.approvals.is_empty()) {
        (Some(_), _) => "revoked",
        (None, true) => "asked for",
        (None, false) => "approved",
    };
    let version = waiver.scope.version.map(|version| format!(" {version}")).unwrap_or_default();
    let model = format!("{}{version}", waiver.scope.model);
    let (what, until) = (waiver.requirement.to_string(), waiver.expires.to_string());
    vec![waiver.id.to_string(), model, what, until, stands.to_owned()]
}

fn asked(new: &NewWaiver) -> Value {
    let mut body = json!({
        "workspace": new.workspace, "model": new.model, "gate": new.gate, "reason": new.reason, "lasts": new.lasts,
    });
    let optional =
        [("version", &new.version), ("check", &new.check), ("seat", &new.seat), ("owner", &new.owner)];
    for (key, value) in optional {
        if let (Some(value), Some(members)) = (value, body.as_object_mut()) {
            members.insert(key.to_owned(), json!(value));
        }
    }
    body
}

async fn say(context: &Context, remote: &Remote, word: Word, what: &str) -> Result<()> {
    let path = format!("waivers/{}/{what}", word.id);
    tell(context, &remote.post(&path, &json!({"rationale": word.rationale})).await?)
}

fn tell(context: &Context, waiver: &Waiver) -> Result<()> {
    let text = table(&[row(waiver)]);
    context.out.tell(&text, waiver)
}

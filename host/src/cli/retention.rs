//! `countersign retention`: how long evidence is kept, and what is kept longer.

use anyhow::Result;
use countersign_core::entry::Hold;
use countersign_core::names::Tier;
use countersign_core::time::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::args::{NewHold, Retention as Given, RetentionCommand as Command};
use super::context::Context;
use super::failure::hinted;
use super::machinery::runtime;
use super::operator::Operator;
use super::output::{counted, table};
use super::place::{self, Found};
use super::progress;
use super::remote::Remote;

pub(super) fn run(context: &Context, Given { remote, command }: Given) -> Result<()> {
    if let Command::Collect { dry_run } = command {
        return collect(context, dry_run);
    }
    let remote = Remote::new(context, remote)?;
    runtime()?.block_on(async {
        match command {
            Command::List => list(context, &remote).await,
            Command::Hold(new) => tell(context, &remote.post("retention/holds", &asked(&new)).await?, "held"),
            Command::Release { id, reason } => {
                let path = format!("retention/holds/{id}/release");
                tell(context, &remote.post(&path, &json!({"reason": reason})).await?, "released")
            }
            Command::Collect { .. } => Ok(()),
        }
    })
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    tier: Tier,
    keep: Option<Span>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    rules: Vec<Kept>,
    holds: Vec<Hold>,
}

async fn list(context: &Context, remote: &Remote) -> Result<()> {
    let listed: Listed = remote.get("retention", &[]).await?;
    let mut rules = vec![["TIER", "EVIDENCE IS KEPT"].map(str::to_owned).to_vec()];
    rules.extend(listed.rules.iter().map(|rule| {
        let keep = rule.keep.map_or_else(|| "for ever".to_owned(), |keep| keep.to_string());
        vec![rule.tier.to_string(), keep]
    }));
    let mut holds = vec![["HOLD", "WHAT", "SINCE", "REASON"].map(str::to_owned).to_vec()];
    holds.extend(listed.holds.iter().map(row));
    let holds = if listed.holds.is_empty() { "nothing is under hold".to_owned() } else { table(&holds) };
    context.out.tell(&format!("{}\n\n{holds}", table(&rules).trim_end()), &listed)
}

fn row(hold: &Hold) -> Vec<String> {
    let what = match hold.request {
        Some(request) => format!("{}, request {request}", hold.model),
        None => hold.model.to_string(),
    };
    vec![hold.id.to_string(), what, hold.at.to_string(), hold.reason.clone()]
}

fn asked(new: &NewHold) -> Value {
    let NewHold { model, request, workspace, reason } = new;
    match request {
        Some(request) => json!({"request": request, "reason": reason}),
        None => json!({"workspace": workspace, "model": model, "reason": reason}),
    }
}

fn tell(context: &Context, hold: &Hold, done: &str) -> Result<()> {
    let [id, what, ..] = row(hold).try_into().unwrap_or_else(|_: Vec<_>| <[String; 4]>::default());
    context.out.tell(&format!("{done}: {what} (hold {id})"), hold)
}

/// What the server says of one rule.
#[derive(Debug, Serialize, Deserialize)]
struct Due {
    tier: Tier,
    keep: Span,
    versions: u64,
    blobs: u64,
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
}

fn collect(context: &Context, dry_run: bool) -> Result<()> {
    let config = context.config()?;
    if matches!(place::find_store(&config)?, Found::AtRest(_)) {
        return Err(hinted(
            "no server has the store open, and only a running one knows what is live",
            "start `countersign serve`; it also collects once a day by itself",
        ));
    }
    let (operator, asked) = (Operator::new(&config)?, [("dry_run", if dry_run { "true" } else { "false" })]);
    let bar = progress::counting("the running server goes through its ledger", None);
    let due = runtime()?.block_on(operator.post("/operator/retention/collect", &asked));
    bar.finish_and_clear();
    let due: Vec<Due> = due?;
    let lines: Vec<String> = due.iter().map(|due| line(due, dry_run)).collect();
    let text = match (lines.is_empty(), dry_run) {
        (true, _) => "no evidence has had its time".to_owned(),
        (false, true) => format!("{}\nnothing was changed", lines.join("\n")),
        (false, false) => lines.join("\n"),
    };
    context.out.tell(&text, &json!({"dry_run": dry_run, "collected": due}))
}

fn line(due: &Due, dry_run: bool) -> String {
    let Due { tier, keep, versions, blobs, bytes, entry } = due;
    let verb = if dry_run { "would go" } else { "taken out" };
    let entry = entry.map(|entry| format!(", ledger entry {entry}")).unwrap_or_default();
    let (blobs, versions) = (
        counted(*blobs, "piece of evidence", "pieces of evidence"),
        counted(*versions, "version", "versions"),
    );
    format!("tier {tier}, kept for {keep}: {blobs} ({bytes} bytes) of {versions} {verb}{entry}")
}

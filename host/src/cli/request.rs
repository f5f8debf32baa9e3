//! `countersign request`: promotion requests of a running Countersign.

mod shown;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::args::{Request, RequestCommand as Command, Vote};
use super::context::Context;
use super::machinery::runtime;
use super::output::table;
use super::remote::Remote;
use super::user;
use shown::Shown;

pub(super) fn run(context: &Context, Request { remote, command }: Request) -> Result<()> {
    let remote = Remote::new(context, remote)?;
    runtime()?.block_on(async {
        match command {
            Command::List { state } => list(context, &remote, state.as_deref()).await,
            Command::Show { id } => show(context, &remote, &format!("requests/{id}")).await,
            Command::Approve(vote) => review(context, &remote, "approve", vote).await,
            Command::Reject(vote) => review(context, &remote, "reject", vote).await,
            Command::Withdraw { id } => {
                remote.post::<Value>(&format!("requests/{id}/withdraw"), &json!({})).await?;
                show(context, &remote, &format!("requests/{id}")).await
            }
        }
    })
}

#[derive(Deserialize)]
struct Listed {
    requests: Vec<Value>,
}

async fn list(context: &Context, remote: &Remote, state: Option<&str>) -> Result<()> {
    let query: Vec<(&str, &str)> = state.map(|state| ("state", state)).into_iter().collect();
    let Listed { requests } = remote.get("requests", &query).await?;
    context.out.tell(&rows(&requests)?, &json!({"requests": &requests}))
}

fn rows(requests: &[Value]) -> Result<String> {
    if requests.is_empty() {
        return Ok("no promotion requests".to_owned());
    }
    let mut rows = vec![["ID", "STATE", "OPENED", "WHAT", "NEXT"].map(str::to_owned).to_vec()];
    for request in requests {
        let shown = Shown::read(request.clone())?;
        let opened = shown.request.opened_at.to_string();
        let state = shown.request.state.as_str().to_owned();
        rows.push(vec![shown.request.id.to_string(), state, opened, shown.action(), shown.headline]);
    }
    Ok(table(&rows))
}

async fn show(context: &Context, remote: &Remote, path: &str) -> Result<()> {
    let request: Value = remote.get(path, &[]).await?;
    context.out.tell(&Shown::read(request.clone())?, &request)
}

/// What the server expects of a vote.
#[derive(Serialize)]
struct Review<'a> {
    vote: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<&'a str>,
    rationale: &'a str,
    subject_digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// Signs what the caller names, or what is there at this moment.
async fn review(context: &Context, remote: &Remote, vote: &str, given: Vote) -> Result<()> {
    let path = format!("requests/{}", given.id);
    let digest = match given.subject_digest {
        Some(digest) => digest,
        None => Shown::read(remote.get(&path, &[]).await?)?.digest().to_string(),
    };
    let review = Review {
        vote,
        seat: given.seat.as_deref(),
        rationale: &given.rationale,
        subject_digest: &digest,
        password: given.password_stdin.then(user::password).transpose()?,
    };
    remote.post::<Value>(&format!("{path}/reviews"), &serde_json::to_value(&review)?).await?;
    show(context, remote, &path).await
}

//! `countersign request`: promotion requests of a running Countersign.

mod shown;
mod talk;

use anyhow::Result;
use countersign_core::break_glass::BreakGlass;
use countersign_core::check::CheckRun;
use countersign_core::difference::Change;
use countersign_core::explain;
use countersign_core::request::RequestId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::args::{Reason, Request, RequestCommand as Command, Vote};
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
            Command::List { state, words } => {
                list(context, &remote, state.as_deref(), &words.join(" ")).await
            }
            Command::Show { id } => show(context, &remote, &format!("requests/{id}")).await,
            Command::Difference { id } => difference(context, &remote, id).await,
            Command::Approve(vote) => review(context, &remote, "approve", vote).await,
            Command::Reject(vote) => review(context, &remote, "reject", vote).await,
            Command::Abstain(vote) => review(context, &remote, "abstain", vote).await,
            Command::OpenEvidence { id, plugin } => {
                let path = format!("requests/{id}/evidence/{plugin}");
                let Opened { check_runs } = remote.post(&path, &json!({})).await?;
                let text: Vec<String> = check_runs.iter().map(found).collect();
                context.out.tell(&text.join("\n"), &json!({"check_runs": check_runs}))
            }
            Command::Comment(talk) => talk::comment(context, &remote, talk).await,
            Command::Comments { id } => talk::list(context, &remote, &id.to_string()).await,
            Command::Resolve { id, comment, reopen } => {
                talk::resolve(context, &remote, (&id.to_string(), &comment.to_string()), !reopen).await
            }
            Command::Renew { id } => renew(context, &remote, id).await,
            Command::Apply { id } => act(context, &remote, &format!("requests/{id}"), "apply").await,
            Command::BreakGlass { id, reason, ticket, drill } => {
                let body = json!({"reason": reason, "ticket": ticket, "drill": drill});
                glass(context, &remote, &format!("requests/{id}/break-glass"), &body).await
            }
            Command::ReviewBreakGlass { id, rationale } => {
                let body = json!({"rationale": rationale});
                glass(context, &remote, &format!("break-glass/{id}/review"), &body).await
            }
            Command::AcknowledgeBreakGlass { id } => {
                let path = format!("break-glass/{id}/acknowledge");
                let used: BreakGlass = remote.post(&path, &json!({})).await?;
                context.out.tell(&"recorded: you have seen it", &used)
            }
            Command::Suspend(reason) => speak(context, &remote, "suspend", reason).await,
            Command::Resume(reason) => speak(context, &remote, "resume", reason).await,
            Command::Revoke(reason) => speak(context, &remote, "revoke", reason).await,
            Command::ReviewSample { id, word, rationale } => {
                let (path, body) = (format!("requests/{id}"), json!({"word": word, "rationale": rationale}));
                remote.post::<Value>(&format!("{path}/sample"), &body).await?;
                show(context, &remote, &path).await
            }
            Command::Withdraw { id } => {
                remote.post::<Value>(&format!("requests/{id}/withdraw"), &json!({})).await?;
                show(context, &remote, &format!("requests/{id}")).await
            }
        }
    })
}

#[derive(Deserialize)]
struct Opened {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct Listed {
    requests: Vec<Value>,
}

async fn list(context: &Context, remote: &Remote, state: Option<&str>, words: &str) -> Result<()> {
    let words = Some(words).filter(|words| !words.is_empty());
    let query = state.map(|state| ("state", state)).into_iter().chain(words.map(|words| ("q", words)));
    let query: Vec<(&str, &str)> = query.collect();
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

#[derive(Deserialize, Serialize)]
struct Differs {
    changes: Option<Vec<Change>>,
}

async fn difference(context: &Context, remote: &Remote, id: RequestId) -> Result<()> {
    let found: Differs = remote.get(&format!("requests/{id}/difference"), &[]).await?;
    let text = match &found.changes {
        None => "nobody has approved it yet".to_owned(),
        Some(changes) if changes.is_empty() => "nothing has changed since it was approved".to_owned(),
        Some(changes) => {
            let heads = ["FACT", "WAS", "IS"].map(str::to_owned).to_vec();
            let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let row = |c: &Change| vec![c.fact.clone(), or_none(&c.was), or_none(&c.is)];
            table(&std::iter::once(heads).chain(changes.iter().map(row)).collect::<Vec<_>>())
        }
    };
    context.out.tell(&text, &found)
}

async fn act(context: &Context, remote: &Remote, path: &str, what: &str) -> Result<()> {
    remote.post::<Value>(&format!("{path}/{what}"), &json!({})).await?;
    show(context, remote, path).await
}

async fn speak(context: &Context, remote: &Remote, word: &str, given: Reason) -> Result<()> {
    let path = format!("requests/{}", given.id);
    remote.post::<Value>(&format!("{path}/{word}"), &json!({"reason": given.reason})).await?;
    show(context, remote, &path).await
}

/// What is renewed may be another request, which links to the one that was named.
async fn renew(context: &Context, remote: &Remote, id: RequestId) -> Result<()> {
    let renewed: Value = remote.post(&format!("requests/{id}/renew"), &json!({})).await?;
    context.out.tell(&Shown::read(renewed.clone())?, &renewed)
}

fn found(run: &CheckRun) -> String {
    let findings = run.outcome.findings().iter();
    let findings = findings.map(|finding| format!("\n  {}: {}", finding.code, explain::measure(finding)));
    let (conclusion, summary) = (run.outcome.conclusion(), run.outcome.summary());
    format!("{}: {conclusion}: {summary}{}", run.plugin, findings.collect::<String>())
}

async fn glass(context: &Context, remote: &Remote, path: &str, body: &Value) -> Result<()> {
    let used: BreakGlass = remote.post(path, body).await?;
    let text = match (&used.reviewed, used.drill) {
        (Some(_), _) => "reviewed: the next one is possible".to_owned(),
        (None, true) => "a drill: recorded, nothing was opened".to_owned(),
        (None, false) => format!("the gate is open for this write until {}; it must be reviewed", used.until),
    };
    context.out.tell(&format!("{text}\nid  {}", used.id), &used)
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

//! Comments on a request, from the command line.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::args::Talk;
use crate::cli::context::Context;
use crate::cli::remote::Remote;

pub(super) async fn comment(context: &Context, remote: &Remote, talk: Talk) -> Result<()> {
    let Talk { id, text, about, answers } = talk;
    let body = json!({"text": text, "about": about, "answers": answers});
    let said: Value = remote.post(&format!("requests/{id}/comments"), &body).await?;
    context.out.tell(&format!("said\nid  {}", word(&said, "id")), &said)
}

pub(super) async fn list(context: &Context, remote: &Remote, id: &str) -> Result<()> {
    let found: Value = remote.get(&format!("requests/{id}/comments"), &[]).await?;
    let comments = found.get("comments").and_then(Value::as_array).cloned().unwrap_or_default();
    let lines: Vec<String> = comments.iter().map(line).collect();
    let text = if lines.is_empty() { "no comments".to_owned() } else { lines.join("\n") };
    context.out.tell(&text, &found)
}

pub(super) async fn resolve(
    context: &Context,
    remote: &Remote,
    (id, comment): (&str, &str),
    resolved: bool,
) -> Result<()> {
    let path = format!("requests/{id}/comments/{comment}/resolve");
    let said: Value = remote.post(&path, &json!({"resolved": resolved})).await?;
    let told = if resolved { "resolved" } else { "open again" };
    context.out.tell(&told, &said)
}

/// One comment, indented under the one that it answers.
fn line(comment: &Value) -> String {
    let indent = if comment.get("thread").is_some() { "  " } else { "" };
    let about = comment.get("about").and_then(Value::as_str).map(|about| format!(" on {about}"));
    let resolved = if comment.get("resolved").is_some() { " (resolved)" } else { "" };
    let words = comment.get("words").and_then(Value::as_str).unwrap_or("taken back");
    let (id, by) = (word(comment, "id"), word(comment, "author_name"));
    format!("{indent}{id}  {by}{}{resolved}: {words}", about.unwrap_or_default())
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

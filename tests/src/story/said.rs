//! What a refusal says, and what a promotion request knows.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::actor::Reply;
use crate::http::Response;
use crate::stage::Stage;

/// A refused MLflow call, in MLflow's own error form.
#[derive(Debug)]
pub(super) struct Refusal {
    /// As Python prints the exception.
    pub(super) message: String,
    /// The member `countersign` of the body.
    pub(super) details: Value,
}

/// The refusal in a client's reply; anything else is an error.
pub(super) fn refused(reply: Reply) -> Result<Refusal> {
    ensure!(!reply.ok, "the call succeeded, with {}", reply.value);
    ensure!(
        reply.exception.as_deref() == Some("RestException")
            && reply.error_code.as_deref() == Some("PERMISSION_DENIED"),
        "not a refusal but {} {}: {}",
        reply.exception.unwrap_or_default(),
        reply.error_code.unwrap_or_default(),
        reply.message
    );
    ensure!(
        reply.message.starts_with("PERMISSION_DENIED: "),
        "the message begins differently: {}",
        reply.message
    );
    let details = reply.json.as_ref().and_then(|json| json.get("countersign")).cloned();
    let details = details.context("the refusal's JSON has no member `countersign`")?;
    Ok(Refusal { message: reply.message, details })
}

/// Fails unless the text has every one of these words.
pub(super) fn names(text: &str, words: &[&str]) -> Result<()> {
    match words.iter().find(|word| !text.contains(**word)) {
        Some(missing) => bail!("it does not say `{missing}`: {text}"),
        None => Ok(()),
    }
}

/// The id in a promotion request's URL.
pub(super) fn request_in(text: &str, public_url: &str) -> Result<String> {
    let prefix = format!("{public_url}/_countersign/requests/");
    let (_, rest) = text.split_once(&prefix).with_context(|| format!("no URL `{prefix}…` in: {text}"))?;
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    ensure!(!id.is_empty(), "no id in the URL: {text}");
    Ok(id)
}

/// The first value under this key, anywhere inside.
pub(super) fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => {
            members.get(key).or_else(|| members.values().find_map(|member| find(member, key)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, key)),
        _ => None,
    }
}

/// Votes in the seat `risk`.
pub(super) fn vote(stage: &Stage, who: &str, id: &str, vote: &str, rationale: &str) -> Result<Response> {
    vote_in(stage, (who, "risk"), id, vote, rationale)
}

/// Votes through the API, over the digest that the request shows at this moment.
pub(super) fn vote_in(
    stage: &Stage,
    (who, seat): (&str, &str),
    id: &str,
    vote: &str,
    rationale: &str,
) -> Result<Response> {
    let shown = stage.read(who, &format!("requests/{id}"))?;
    let digest = find(&shown, "subject_digest").with_context(|| format!("no `subject_digest` in {shown}"))?;
    let review = json!({"vote": vote, "seat": seat, "rationale": rationale, "subject_digest": digest});
    stage.call(who, "POST", &format!("/_countersign/api/v1/requests/{id}/reviews"), Some(&review))
}

impl Refusal {
    /// Fails unless machines are told this decision: `hold` or `deny`.
    pub(super) fn decided(&self, decision: &str) -> Result<()> {
        let told = self.details.get("decision").and_then(Value::as_str);
        ensure!(told == Some(decision), "the decision is {told:?} instead of {decision}: {}", self.message);
        Ok(())
    }

    /// The promotion request that the refusal links to, in its sentence and for machines.
    pub(super) fn request(&self, stage: &Stage) -> Result<String> {
        let id = request_in(&self.message, &stage.host.workdir().url())?;
        ensure!(self.details.to_string().contains(&id), "`countersign` does not name {id}: {}", self.details);
        Ok(id)
    }
}

//! A promotion request as the API gives it, and as a terminal shows it: failures first.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use anyhow::{Context as _, Result};
use countersign_core::check::{CheckRun, Conclusion};
use countersign_core::digest::Digest;
use countersign_core::explain;
use countersign_core::names::PersonId;
use countersign_core::request::PromotionRequest;
use countersign_core::review::Review;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::output::painted;

pub(super) struct Shown {
    pub(super) request: PromotionRequest,
    /// Who must act next.
    pub(super) headline: String,
    added: Added,
}

/// What the API adds to a request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Added {
    headline: String,
    url: String,
    names: BTreeMap<PersonId, String>,
    subject_digest: Option<Digest>,
    standing: Option<String>,
}

impl Shown {
    pub(super) fn read(value: Value) -> Result<Self> {
        let unknown = "the server's answer is of another version: use the `countersign` that runs there";
        let mut added: Added = serde_json::from_value(value.clone()).context(unknown)?;
        let request = serde_json::from_value(value).context(unknown)?;
        Ok(Self { request, headline: std::mem::take(&mut added.headline), added })
    }

    /// What a signature covers.
    pub(super) fn digest(&self) -> Digest {
        self.added.subject_digest.unwrap_or(self.request.binding)
    }

    pub(super) fn action(&self) -> String {
        explain::action_phrase(&self.request.placed.action)
    }

    fn name<'a>(&'a self, person: &'a PersonId) -> &'a str {
        self.added.names.get(person).map_or(person.as_str(), String::as_str)
    }

    fn review(&self, f: &mut fmt::Formatter<'_>, review: &Review) -> fmt::Result {
        let seat = review.seat.as_ref().map(|seat| format!(" in `{seat}`")).unwrap_or_default();
        let counts = if review.binding == self.request.binding { "" } else { " (of something else since)" };
        let (who, vote) = (self.name(&review.reviewer), review.vote.as_str());
        writeln!(f, "review   {who}: {vote}{seat}{counts}: {}", review.rationale)?;
        review.signature.iter().try_for_each(|signature| writeln!(f, "           {signature}"))
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.request;
        writeln!(f, "{}", self.headline)?;
        writeln!(f, "request  {}", request.id)?;
        writeln!(f, "state    {}", request.state.as_str())?;
        if let Some(standing) = &self.added.standing {
            let until = request.valid_until.map(|until| format!(", until {until}")).unwrap_or_default();
            writeln!(f, "approval {standing}{until}")?;
        }
        writeln!(f, "action   {}", self.action())?;
        if let Some(requester) = &request.authors.requester {
            writeln!(f, "by       {}, {}", self.name(requester), request.opened_at)?;
        }
        for gate in &request.gates {
            let tier = gate.tier.known().map_or("not known", |tier| tier.as_str());
            let facts: Vec<String> = gate.tier_facts.iter().map(ToString::to_string).collect();
            if !facts.is_empty() {
                writeln!(f, "tier     {tier} at {}, by {}", gate.gate, facts.join(", "))?;
            }
        }
        writeln!(f, "digest   {}", self.digest())?;
        writeln!(f, "page     {}", self.added.url)?;
        let mut runs: Vec<&CheckRun> = request.check_runs.iter().collect();
        runs.sort_by_key(|run| run.outcome.conclusion() == Conclusion::Pass);
        runs.into_iter().try_for_each(|run| check(f, run))?;
        request.reviews.iter().try_for_each(|review| self.review(f, review))
    }
}

fn check(f: &mut fmt::Formatter<'_>, run: &CheckRun) -> fmt::Result {
    let conclusion = run.outcome.conclusion();
    let colour = if conclusion == Conclusion::Pass { 32 } else { 31 };
    let word = painted(conclusion.as_str(), colour);
    writeln!(f, "check    {}: {word}: {}", run.plugin, run.outcome.summary())?;
    for finding in run.outcome.findings() {
        writeln!(f, "           {}: {}", finding.code, explain::measure(finding))?;
    }
    Ok(())
}

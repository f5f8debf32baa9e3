//! `countersign policy reload` and `history`: what a running Countersign is asked about its policy.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::super::args::{PolicyHistory as Wanted, Remote as Given};
use super::super::output::{Out, table};
use super::super::remote::Remote;
use super::{Context, runtime};
use crate::app::{Named, PolicyHistory, RecordedPolicy, Reloaded};

/// What one page of the API has at most.
const PAGE: u64 = 200;

pub(super) fn reload(context: &Context, remote: Given) -> Result<()> {
    let remote = Remote::new(context, remote)?;
    let reloaded: Reloaded = runtime()?.block_on(remote.post("policy/reload", &json!({})))?;
    let Reloaded { policy, previous, entry, .. } = &reloaded;
    let text = match entry {
        Some(entry) => format!("in force: {policy}\ninstead of {previous} (ledger entry {entry})"),
        None => format!("unchanged: {policy} is in force already"),
    };
    context.out.tell(&text, &reloaded)
}

pub(super) fn history(context: &Context, wanted: Wanted) -> Result<()> {
    let Wanted { remote, limit, before, csv } = wanted;
    let remote = Remote::new(context, remote)?;
    let found = runtime()?.block_on(pages(&remote, limit, before))?;
    if csv {
        let mut out = Out::raw();
        out.write_all(found.csv().as_bytes())?;
        return out.flush().context("writing to standard output");
    }
    context.out.tell(&told(&found), &found)
}

/// As many pages as it takes.
async fn pages(remote: &Remote, limit: u64, before: Option<u64>) -> Result<Named<PolicyHistory>> {
    let of = PolicyHistory { policies: Vec::new(), next: before };
    let mut all = Named { of, names: Default::default() };
    let mut left = limit;
    while left > 0 {
        let from = all.of.next.map(|before| before.to_string());
        let asked = left.min(PAGE).to_string();
        let mut query = vec![("limit", asked.as_str())];
        query.extend(from.as_deref().map(|from| ("from", from)));
        let Named { of, names } = remote.get::<Named<PolicyHistory>>("policy/history", &query).await?;
        left = left.saturating_sub(of.policies.len() as u64);
        all.of.policies.extend(of.policies);
        all.of.next = of.next;
        all.names.extend(names);
        if of.next.is_none() {
            break;
        }
    }
    Ok(all)
}

fn told(found: &Named<PolicyHistory>) -> String {
    let PolicyHistory { policies, next } = &found.of;
    if policies.is_empty() {
        return "no policy is recorded here".to_owned();
    }
    let mut rows =
        vec![["ENTRY", "AT", "POLICY", "INSTEAD OF", "BY", "GIT SAYS"].map(str::to_owned).to_vec()];
    rows.extend(policies.iter().map(|recorded| row(found, recorded)));
    let more = next.map(|next| format!("more: `--before {next}`\n")).unwrap_or_default();
    table(&rows) + &more
}

fn row(found: &Named<PolicyHistory>, RecordedPolicy { index, at, load }: &RecordedPolicy) -> Vec<String> {
    let none = || "-".to_owned();
    let by = load.by.as_ref().map_or_else(none, |by| match &by.person {
        Some(person) => found.call(person),
        None => by.phrase(),
    });
    let commit = load.commit.as_ref().map_or_else(none, |commit| {
        let id: String = commit.id.chars().take(10).collect();
        let modified = if commit.modified { ", changed since" } else { "" };
        format!("{id} by {}{modified}", found.call(&commit.author))
    });
    let previous = load.previous.map_or_else(none, |digest| digest.short());
    vec![format!("#{index}"), at.to_string(), load.policy.short(), previous, by, commit]
}

//! `countersign doctor`: what would not work, and what to do about it. Looks at everything that a start needs, and
//! at what only shows later: Host and Origin checks, webhooks, clocks, empty seats.

mod anchor;
mod identity;
mod installation;
mod people;
mod upstream;

use std::fmt::{self, Display};

use anyhow::{Result, bail};
use serde_json::json;

use super::context::Context;
use super::machinery::runtime;
use super::output::{Out, painted};
pub(super) use crate::app::{Finding, Verdict};
use crate::config::Config;

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Ok => painted("ok  ", 32),
            Verdict::Warn => painted("warn", 33),
            Verdict::Fail => painted("fail", 31),
        };
        write!(f, "{word}  {:9}  {}", self.check, self.says.replace('\n', "\n                 "))?;
        match &self.todo {
            Some(todo) => write!(f, "\n                 do: {todo}"),
            None => Ok(()),
        }
    }
}

/// What was found so far, printed as it is found.
struct Findings {
    out: Out,
    all: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, found: impl IntoIterator<Item = Finding>) -> Result<()> {
        for finding in found {
            self.out.line(&finding)?;
            self.all.push(finding);
        }
        Ok(())
    }
}

pub(super) fn run(context: &Context) -> Result<()> {
    let config = context.config()?;
    let mut findings = Findings { out: context.out, all: Vec::new() };
    findings.add([Finding::ok("config", format!("`{}` can be read", context.file().display()))])?;
    runtime()?.block_on(examine(&config, &mut findings))?;
    let count = |verdict| findings.all.iter().filter(|finding| finding.verdict == verdict).count();
    let (failed, warned) = (count(Verdict::Fail), count(Verdict::Warn));
    context.out.whole(&json!({"failed": failed, "warned": warned, "findings": &findings.all}))?;
    if failed > 0 {
        bail!("{failed} of {} checks failed", findings.all.len());
    }
    Ok(())
}

async fn examine(config: &Config, findings: &mut Findings) -> Result<()> {
    findings.add(installation::public_url(config))?;
    findings.add(installation::keys(config))?;
    findings.add(installation::store(config).await)?;
    findings.add([installation::policy(config).await])?;
    findings.add(anchor::examine(config).await)?;
    findings.add(identity::examine(config).await)?;
    findings.add(people::seats(config))?;
    findings.add(upstream::examine(config).await)
}

/// As [`examine`], of what a running server does not know of itself. Nothing is tried that would change anything:
/// whether webhooks arrive is looked up and not tested.
pub(super) async fn around(config: &Config) -> Vec<Finding> {
    let mut found = installation::public_url(config);
    found.extend(installation::keys(config));
    found.extend(identity::examine(config).await);
    found.extend(people::seats(config));
    found.extend(upstream::look(config).await);
    found
}

/// An error with its causes, in one line.
fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

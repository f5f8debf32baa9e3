//! `plugin run`: one check over facts and files of one's own, without a server.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use countersign_core::check::{Conclusion, Finding, Outcome, Severity};
use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::failure::OrHint as _;
use crate::cli::machinery;
use crate::cli::output::painted;
use crate::plugins::Trial;

/// What the check is given.
pub(super) struct Given {
    pub(super) facts: Option<PathBuf>,
    pub(super) artifacts: Option<PathBuf>,
    pub(super) config: Option<String>,
}

pub(super) fn run(context: &Context, file: &Path, given: &Given) -> Result<()> {
    let component = super::read(file)?;
    let digest = component.digest;
    let trial = given.trial()?;
    let evaluation = machinery::runtime()?.block_on(async {
        let engine = machinery::bare_engine()?;
        let plugin = super::load(&engine, component).await?;
        Ok::<_, anyhow::Error>(engine.try_check(&plugin, trial).await?)
    })?;
    let outcome = evaluation.outcome;
    let value = json!({
        "file": file,
        "digest": digest,
        "conclusion": outcome.conclusion(),
        "outcome": outcome,
        "artifact_bytes": evaluation.artifact_bytes,
        "cpu_us": u64::try_from(evaluation.cpu.as_micros()).unwrap_or(u64::MAX),
        "took_us": u64::try_from(evaluation.took.as_micros()).unwrap_or(u64::MAX),
        "logs": evaluation.logs,
    });
    context.out.tell(&Shown(&outcome), &value)?;
    if outcome.conclusion().satisfies() || outcome.conclusion() == Conclusion::Skipped {
        return Ok(());
    }
    bail!("`{}` does not let this version through", file.display())
}

impl Given {
    fn trial(&self) -> Result<Trial> {
        let facts = self.facts.as_deref().map(read).transpose()?;
        let mut trial = Trial::given(facts.as_ref()).context("reading the facts").or_hint(
            "facts are written like `given` in a case: {\"version\": {\"model\": \"credit\", \"version\": \"7\"}}",
        )?;
        if let Some(config) = &self.config {
            trial.configure(serde_json::from_str(config).context("`--check-config` is not JSON")?);
        }
        if let Some(folder) = &self.artifacts {
            let listing = || format!("cannot list `{}`", folder.display());
            trial.add_files(folder).with_context(listing).or_hint("name a directory that you can read")?;
        }
        Ok(trial)
    }
}

fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", file.display()))
}

/// For people.
struct Shown<'a>(&'a Outcome);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conclusion = self.0.conclusion();
        let color = match conclusion {
            Conclusion::Pass | Conclusion::Skipped => 32,
            Conclusion::Warn => 33,
            Conclusion::Fail | Conclusion::Error => 31,
        };
        writeln!(f, "{}  {}", painted(conclusion.as_str(), color), self.0.summary())?;
        self.0.findings().iter().try_for_each(|finding| write_finding(f, finding))
    }
}

fn write_finding(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    let severity = match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    writeln!(f, "  {severity} {}: {}", finding.code, finding.message)?;
    finding.remediation.iter().try_for_each(|advice| writeln!(f, "    {advice}"))
}

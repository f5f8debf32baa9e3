//! `plugin test`: a component's cases, run as a server would run them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::Component;
use crate::cli::context::Context;
use crate::cli::failure::hinted;
use crate::cli::machinery;
use crate::cli::output::painted;
use crate::plugins::Plugin;

/// A case, where it comes from, and where the files lie that it names.
struct Case {
    name: String,
    json: Value,
    folder: PathBuf,
}

#[derive(Serialize)]
struct Verdict {
    case: String,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) fn run(context: &Context, file: &Path, files: &[PathBuf]) -> Result<()> {
    let component = super::read(file)?;
    let cases = if files.is_empty() { carried(&component) } else { read_all(files)? };
    ensure!(
        !cases.is_empty(),
        hinted(
            format!("`{}` carries no cases", file.display()),
            "write `cases = \"cases/*.json\"` in `plugin.toml`, or name case files",
        )
    );
    let digest = component.digest;
    let results = machinery::runtime()?.block_on(run_all(context, component, &cases))?;
    let failed = results.iter().filter(|result| !result.good).count();
    context.out.whole(&json!({"file": file, "digest": digest, "cases": results}))?;
    if failed > 0 {
        bail!("{failed} of {} cases of `{}` failed", results.len(), file.display());
    }
    Ok(())
}

fn carried(component: &Component) -> Vec<Case> {
    let manifest = &component.outline.manifest;
    let case = |json: &Value| Case { name: name_of(json), json: json.clone(), folder: PathBuf::from(".") };
    manifest.cases.iter().map(case).collect()
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Case>> {
    let read = |file: &PathBuf| {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let json =
            serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", file.display()))?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Case { name: name_of(&json), json, folder })
    };
    files.iter().map(read).collect()
}

fn name_of(json: &Value) -> String {
    json.get("name").and_then(Value::as_str).unwrap_or("(a case without a name)").to_owned()
}

async fn run_all(context: &Context, component: Component, cases: &[Case]) -> Result<Vec<Verdict>> {
    let engine = machinery::bare_engine()?;
    let plugin = super::load(&engine, component).await?;
    let mut results = Vec::new();
    for case in cases {
        let failures = engine.run_cases(&plugin, std::slice::from_ref(&case.json), &case.folder).await;
        let reason = failures.first().map(ToString::to_string);
        context.out.line(&line(&plugin, case, reason.as_deref()))?;
        results.push(Verdict { case: case.name.clone(), good: reason.is_none(), reason });
    }
    Ok(results)
}

fn line(plugin: &Plugin, case: &Case, reason: Option<&str>) -> String {
    let (name, case) = (plugin.name(), &case.name);
    match reason {
        None => format!("{}    {name}: {case}", painted("ok", 32)),
        Some(reason) => format!("{}  {name}: {reason}", painted("fail", 31)),
    }
}

//! `plugin inspect` and `plugin pin`: what a component is, without running it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_core::policy::Grant;
use serde::Serialize;
use serde_json::json;

use super::Component;
use crate::cli::context::Context;
use crate::plugins::Kind;

pub(super) fn run(context: &Context, file: &Path) -> Result<()> {
    let component = super::read(file)?;
    let manifest = &component.outline.manifest;
    let value = json!({
        "file": file,
        "digest": component.digest,
        "bytes": component.bytes.len(),
        "manifest": manifest,
        "imports": component.outline.imports,
        "exports": component.outline.exports,
    });
    context.out.tell(&Inspected(&component), &value)
}

struct Inspected<'a>(&'a Component);

impl Display for Inspected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Component { bytes, digest, outline } = self.0;
        let manifest = &outline.manifest;
        let kinds: Vec<&str> = manifest.kinds.iter().map(|kind| kind.as_str()).collect();
        let asked: Vec<&str> = manifest.capabilities.iter().map(|grant| grant.as_str()).collect();
        let none = |words: Vec<&str>| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
        writeln!(f, "name     {} {} ({})", manifest.name, manifest.version, kinds.join(", "))?;
        writeln!(f, "about    {}", manifest.description)?;
        writeln!(f, "digest   {digest}")?;
        writeln!(f, "size     {} bytes", bytes.len())?;
        writeln!(f, "asks     {}", none(asked))?;
        if manifest.kinds.contains(&Kind::Check) {
            let everything = "everything that is known of a version".to_owned();
            let reads = manifest.reads.as_ref().map_or(everything, ToString::to_string);
            writeln!(f, "reads    {reads}")?;
        }
        writeln!(f, "cases    {}", manifest.cases.len())?;
        outline.imports.iter().try_for_each(|import| writeln!(f, "imports  {import}"))?;
        outline.exports.iter().try_for_each(|export| writeln!(f, "exports  {export}"))
    }
}

/// A policy's `[[plugin]]`.
#[derive(Serialize)]
struct Pinned {
    plugin: [Table; 1],
}

#[derive(Serialize)]
struct Table {
    name: String,
    source: String,
    digest: String,
    grants: Vec<&'static str>,
}

pub(super) fn pin(context: &Context, file: &Path) -> Result<()> {
    let component = super::read(file)?;
    let manifest = component.outline.manifest;
    let path = file.canonicalize().with_context(|| format!("cannot find `{}`", file.display()))?;
    let table = Table {
        name: manifest.name,
        source: format!("file:{}", path.display()),
        digest: component.digest.to_string(),
        grants: grants(&manifest.capabilities),
    };
    let pinned = Pinned { plugin: [table] };
    context.out.tell(&toml::to_string(&pinned)?, &pinned)
}

/// Logging needs no grant.
fn grants(asked: &BTreeSet<Grant>) -> Vec<&'static str> {
    asked.iter().filter(|grant| **grant != Grant::Log).map(|grant| grant.as_str()).collect()
}

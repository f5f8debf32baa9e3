//! `countersign plugin`: from a crate to a component that a policy can pin.

mod build;
mod inspect;
mod test;

use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_core::digest::Digest;

use super::args::Plugin as Command;
use super::context::Context;
use super::failure::OrHint as _;
use crate::plugins::Outline;

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Build { dir, out, wasm } => build::run(context, &dir, &out, wasm.as_deref()),
        Command::Test { file, cases } => test::run(context, &file, &cases),
        Command::Inspect { file } => inspect::run(context, &file),
        Command::Pin { file } => inspect::pin(context, &file),
    }
}

/// A component with its manifest.
struct Component {
    bytes: Vec<u8>,
    digest: Digest,
    outline: Outline,
}

fn read(file: &Path) -> Result<Component> {
    let bytes = std::fs::read(file)
        .with_context(|| format!("cannot read `{}`", file.display()))
        .or_hint("build the component with `countersign plugin build DIR --out FILE`")?;
    let outline = Outline::read(&bytes).with_context(|| format!("`{}` is no plugin", file.display()))?;
    Ok(Component { digest: Digest::of(&bytes), bytes, outline })
}

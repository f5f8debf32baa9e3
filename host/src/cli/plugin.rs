//! `countersign plugin`: from a crate to a component that a policy can pin.

mod build;
mod inspect;
mod run;
mod test;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use countersign_core::digest::Digest;
use countersign_core::names::PluginName;
use countersign_core::policy::Grant;

use super::args::Plugin as Command;
use super::context::Context;
use super::failure::OrHint as _;
use crate::plugins::{Engine, Limits, Load, Outline, Plugin};

pub(super) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Build { dir, out, wasm } => build::run(context, &dir, &out, wasm.as_deref()),
        Command::Test { file, cases } => test::run(context, &file, &cases),
        Command::Run { file, facts, artifacts, check_config } => {
            run::run(context, &file, &run::Given { facts, artifacts, config: check_config })
        }
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

/// With every grant: what a plugin may ask is the policy's to say, what it does with the answers is tried here.
async fn load(engine: &Engine, component: Component) -> Result<Arc<Plugin>> {
    let load = Load {
        name: PluginName::new(component.outline.manifest.name),
        component: component.bytes.into(),
        pinned: component.digest,
        grants: Grant::ALL.into(),
        limits: Limits::default(),
    };
    Ok(engine.load(load).await?)
}

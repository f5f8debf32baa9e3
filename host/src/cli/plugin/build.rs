//! `plugin build`: cargo makes the component, we put the manifest into it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use countersign_core::digest::Digest;
use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::failure::{OrHint as _, hinted};
use crate::plugins::{Outline, embed, read_manifest};

const TARGET: &str = "wasm32-wasip2";

pub(super) fn run(context: &Context, dir: &Path, out: &Path, wasm: Option<&Path>) -> Result<()> {
    let manifest = read_manifest(dir)?;
    let built = match wasm {
        Some(built) => built.to_owned(),
        None => compile(dir)?,
    };
    let bare = std::fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    let component = embed(&bare, &manifest).with_context(|| format!("`{}`", built.display()))?;
    // What nobody could load must not be written.
    Outline::read(&component).with_context(|| format!("`{}` is no plugin", built.display()))?;
    write(out, &component)?;
    let (digest, bytes) = (Digest::of(&component), component.len());
    context.out.tell(
        &format!("{} {digest} {bytes} bytes", out.display()),
        &json!({"file": out, "digest": digest, "bytes": bytes, "name": manifest.name, "version": manifest.version}),
    )
}

/// Replaced in one step: a server may be reading it.
fn write(out: &Path, component: &[u8]) -> Result<()> {
    let failed = || format!("cannot write `{}`", out.display());
    if let Some(parent) = out.parent() {
        std::fs::create_dir_all(parent).with_context(failed)?;
    }
    let aside = out.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&aside, component).with_context(failed)?;
    std::fs::rename(&aside, out).with_context(failed)
}

/// Runs cargo in the plugin's folder; its own messages show. Gives the component that it made.
fn compile(dir: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(dir).args(["build", "--target", TARGET, "--profile", "plugin"]);
    // The profile of the plugin's own workspace wins where it has one.
    cargo.args(["--config", "profile.plugin.inherits=\"release\""]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let output = cargo
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")
        .or_hint("install Rust with rustup, or give the component with `--wasm FILE`")?;
    ensure!(
        output.status.success(),
        hinted(
            format!("cargo could not build `{}` ({})", dir.display(), output.status),
            format!("if the target is missing: rustup target add {TARGET}"),
        )
    );
    component_in(&String::from_utf8_lossy(&output.stdout), dir)
}

/// The `.wasm` that cargo's messages name for the package in this folder.
fn component_in(messages: &str, dir: &Path) -> Result<PathBuf> {
    let manifest = dir.join("Cargo.toml");
    let manifest =
        manifest.canonicalize().with_context(|| format!("cannot read `{}`", manifest.display()))?;
    let ours = |message: &Value| message.get("manifest_path").and_then(Value::as_str) == manifest.to_str();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = messages.filter(ours).filter_map(|message| message.get("filenames").cloned());
    let names = files.filter_map(|files| serde_json::from_value::<Vec<PathBuf>>(files).ok()).flatten();
    let mut components = names.filter(|name| name.extension().is_some_and(|ending| ending == "wasm"));
    components
        .next()
        .ok_or_else(|| anyhow!("cargo built no component in `{}`", dir.display()))
        .or_hint("the crate must be a library with `crate-type = [\"cdylib\"]`")
}

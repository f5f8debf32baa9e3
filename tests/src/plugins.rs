//! Builds plugins into `target/plugins/NAME.wasm`: the component by cargo, the manifest into it by
//! `countersign plugin build`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{host, paths, run};

const TARGET: &str = "wasm32-wasip2";

/// Every plugin of the workspace by its name, with the folder of its manifest: `plugins/*` and `tests/hostile*`.
pub fn all() -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for (parent, prefix) in [("plugins", ""), ("tests", "hostile")] {
        let parent = paths::root().join(parent);
        for entry in fs::read_dir(&parent).with_context(|| format!("cannot list {}", parent.display()))? {
            let dir = entry?.path();
            let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(prefix)
                && dir.join("plugin.toml").is_file()
                && dir.join("Cargo.toml").is_file()
            {
                found.insert(name, dir);
            }
        }
    }
    Ok(found)
}

/// Builds those plugins, or all when none is named. Needs the host binary.
pub fn build(names: &[String]) -> Result<Vec<PathBuf>> {
    let all = all()?;
    if let Some(unknown) = names.iter().find(|name| !all.contains_key(*name)) {
        bail!(
            "there is no plugin `{unknown}`; there are: {}",
            all.keys().cloned().collect::<Vec<_>>().join(", ")
        );
    }
    let wanted: Vec<_> = all.iter().filter(|(name, _)| names.is_empty() || names.contains(name)).collect();
    if wanted.is_empty() {
        bail!("no plugin in plugins/ has a plugin.toml");
    }
    add_target()?;
    compile(wanted.iter().map(|(name, _)| name.as_str()))?;
    fs::create_dir_all(paths::target().join("plugins"))?;
    wanted.iter().map(|(name, dir)| embed(name, dir)).collect()
}

/// `sha256:…` of a built component, as the policy pins it.
pub fn digest(component: &Path) -> Result<String> {
    let bytes = fs::read(component)
        .with_context(|| format!("no {}; build it with `cargo xt plugins`", component.display()))?;
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
}

/// Adds the Wasm target to the toolchain when it is missing.
pub fn add_target() -> Result<()> {
    let sysroot =
        run::quietly(Command::new("rustc").args(["--print", "sysroot"]).current_dir(paths::root()))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).exists() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(paths::root());
    run::quietly(&mut rustup)
        .with_context(|| format!("this Rust has no {TARGET}; install it with rustup"))?;
    Ok(())
}

fn compile<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut cargo = host::cargo();
    cargo.args(["build", "--target", TARGET, "--profile", "plugin"]);
    for name in names {
        cargo.args(["--package", name]);
    }
    run::in_place(&mut cargo)
}

fn embed(name: &str, dir: &Path) -> Result<PathBuf> {
    let built =
        paths::cargo_target().join(TARGET).join("plugin").join(format!("{}.wasm", name.replace('-', "_")));
    let out = paths::plugin(name);
    let mut command = Command::new(paths::countersign());
    command.args(["plugin", "build"]).arg(dir).arg("--wasm").arg(built).arg("--out").arg(&out);
    run::quietly(&mut command)?;
    Ok(out)
}

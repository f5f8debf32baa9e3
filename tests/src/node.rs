//! Node.js and the pinned OpenID provider. Node comes from PyPI, so that it is the same everywhere: what
//! distributions call `nodejs` is often too old for it. Knows npm, not what is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::console;
use crate::venv::{READY, Venv, lock};
use crate::{paths, run};

/// Packages that are installed, and the Node that runs them.
#[derive(Debug, Clone)]
pub struct Packages {
    node: PathBuf,
    dir: PathBuf,
}

// === impl Packages ===

impl Packages {
    /// The packages of `tests/oidc/package-lock.json`, installed when they are not there yet.
    pub fn ensure() -> Result<Self> {
        let node = Venv::install("node", &source("requirements.txt"))?;
        let packages = Self::at(&node)?;
        if packages.dir.join(READY).exists() {
            return Ok(packages);
        }
        console::step("npm packages of the OpenID provider".to_owned(), |_| {
            let lock = lock(&packages.dir)?;
            if !packages.dir.join(READY).exists() {
                packages.install(&node)?;
            }
            lock.unlock()?;
            Ok(packages)
        })
    }

    /// What tests use. Tests install nothing.
    pub fn for_tests() -> Result<Self> {
        let packages = Self::at(&Venv::installed("node", &source("requirements.txt"))?)?;
        if !packages.dir.join(READY).exists() {
            bail!("no OpenID provider to test against\nhint: run `cargo xt venv` once");
        }
        Ok(packages)
    }

    pub fn node(&self) -> &Path {
        &self.node
    }

    pub fn modules(&self) -> PathBuf {
        self.dir.join("node_modules")
    }

    fn at(node: &Venv) -> Result<Self> {
        let locked = source("package-lock.json");
        let text = fs::read(&locked).with_context(|| format!("cannot read {}", locked.display()))?;
        let digest = hex::encode(Sha256::new().chain_update(text).finalize());
        let dir = paths::cache().join(format!("npm-{}", digest.get(..12).unwrap_or_default()));
        Ok(Self { node: node.bin("node"), dir })
    }

    fn install(&self, node: &Venv) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir)
                .with_context(|| format!("cannot remove the unfinished {}", self.dir.display()))?;
        }
        fs::create_dir_all(&self.dir)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source(file), self.dir.join(file))?;
        }
        let mut npm = Command::new(node.bin("npm"));
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&self.dir);
        run::quietly(&mut npm)
            .context("npm could not install the OpenID provider; is its registry reachable?")?;
        fs::write(self.dir.join(READY), "")?;
        Ok(())
    }
}

/// A file of `tests/oidc`.
pub fn source(file: &str) -> PathBuf {
    paths::root().join("tests/oidc").join(file)
}

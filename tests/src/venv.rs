//! The Python environment with the pinned MLflow. Knows pip, not what is installed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::console::{self, Progress};
use crate::{paths, run};

/// A virtual environment that is complete.
#[derive(Debug, Clone)]
pub struct Venv {
    dir: PathBuf,
}

/// Checks for a Python that can make virtual environments and returns its version, like `3.11.7`.
pub fn check_python() -> Result<String> {
    let probe = "import sys; import venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3])";
    let Ok(output) = run::capture(Command::new("python3").args(["-c", probe])) else {
        bail!(
            "no `python3` found\nhint: install Python 3.10 or newer, on Debian and Ubuntu: apt-get install python3-venv"
        );
    };
    if !output.status.success() {
        bail!(
            "this python3 cannot make virtual environments: {}\nhint: on Debian and Ubuntu: apt-get install python3-venv",
            output.stderr.lines().last().unwrap_or_default()
        );
    }
    let version = output.stdout.trim().to_owned();
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    if !version.starts_with("3.") || minor < Some(10) {
        bail!("python3 is {version}; MLflow needs 3.10 or newer\nhint: put a newer python3 first in PATH");
    }
    Ok(version)
}

// === impl Venv ===

impl Venv {
    /// The environment for `tests/python/requirements.txt`, made when there is none yet.
    pub fn ensure() -> Result<Self> {
        match given() {
            Some(venv) => venv,
            None => Self::install("venv", &paths::python("requirements.txt")),
        }
    }

    /// What tests use: the environment at `COUNTERSIGN_TEST_VENV`, or the one that an earlier `cargo demo` or
    /// `cargo verify` has made. Tests install nothing.
    pub fn for_tests() -> Result<Self> {
        if let Some(venv) = given() {
            return venv;
        }
        Self::installed("venv", &paths::python("requirements.txt")).context(
            "no MLflow to test against\nhint: run `cargo xt venv` once, or set COUNTERSIGN_TEST_VENV to a virtual environment with MLflow",
        )
    }

    /// An environment that [`Venv::install`] has made before.
    pub fn installed(name: &str, requirements: &Path) -> Result<Self> {
        let dir = place(name, requirements)?;
        if !dir.join(READY).exists() {
            bail!("there is no {}: run `cargo xt venv` once", dir.display());
        }
        Ok(Self { dir })
    }

    /// An environment `NAME-<digest of its requirements>` in the cache.
    pub fn install(name: &str, requirements: &Path) -> Result<Self> {
        let dir = place(name, requirements)?;
        let what = format!("Python environment {}", dir.file_name().unwrap_or_default().to_string_lossy());
        if dir.join(READY).exists() {
            return Ok(Self { dir });
        }
        console::step(what, |progress| {
            let lock = lock(&dir)?;
            if !dir.join(READY).exists() {
                make(&dir, requirements, progress)?;
            }
            lock.unlock()?;
            Ok(Self { dir })
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn python(&self) -> PathBuf {
        self.bin("python")
    }

    /// A program that a package installed.
    pub fn bin(&self, program: &str) -> PathBuf {
        self.dir.join("bin").join(program)
    }
}

/// Written last: an environment without it was interrupted.
pub(crate) const READY: &str = ".complete";

fn given() -> Option<Result<Venv>> {
    let dir = PathBuf::from(std::env::var_os("COUNTERSIGN_TEST_VENV")?);
    if dir.join("bin/python").exists() {
        return Some(Ok(Venv { dir }));
    }
    Some(Err(anyhow::anyhow!("COUNTERSIGN_TEST_VENV is {}, which is no virtual environment", dir.display())))
}

fn place(name: &str, requirements: &Path) -> Result<PathBuf> {
    let text = fs::read(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = check_python()?;
    let digest = hex::encode(Sha256::new().chain_update(text).chain_update(python).finalize());
    Ok(paths::cache().join(format!("{name}-{}", digest.get(..12).unwrap_or_default())))
}

pub(crate) fn lock(dir: &Path) -> Result<File> {
    let path = dir.with_extension("lock");
    fs::create_dir_all(paths::cache())?;
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn make(dir: &Path, requirements: &Path, progress: &Progress) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove the unfinished {}", dir.display()))?;
    }
    run::quietly(Command::new("python3").args(["-m", "venv"]).arg(dir))?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]);
    pip.arg("--requirement").arg(requirements);
    run::watched(&mut pip, |line| progress.at(line.trim()))
        .context("pip could not install what the tests need; is the package index reachable?")?;
    fs::write(dir.join(READY), "")?;
    Ok(())
}

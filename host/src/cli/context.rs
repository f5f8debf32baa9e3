//! What every command is given: where the configuration is, and how results are printed.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::args::Output;
use super::failure::OrHint as _;
use super::output::Out;
use crate::config::Config;

pub(super) struct Context {
    file: PathBuf,
    pub(super) out: Out,
}

impl Context {
    pub(super) const fn new(file: PathBuf, output: Output) -> Self {
        Self { file, out: Out::new(output) }
    }

    /// The configuration file, whether it exists or not.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn config(&self) -> Result<Config> {
        self.config_with(&[])
    }

    /// With flags on top: pairs such as `("server.listen", "127.0.0.1:0")`.
    pub(super) fn config_with(&self, flags: &[(&str, String)]) -> Result<Config> {
        let texts = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let loaded = Config::load(Some(&self.file), std::env::vars_os().filter_map(texts), flags);
        if self.file.exists() {
            return Ok(loaded?);
        }
        loaded.or_hint("go to its folder, name it with `--config`, or have `countersign init` write one")
    }
}

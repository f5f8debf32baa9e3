//! `countersign serve`.

use anyhow::{Result, bail};

use crate::config::Config;

pub(super) fn run(_config: Config) -> Result<()> {
    bail!("not built yet")
}

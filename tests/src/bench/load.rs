//! `wrk`, asked for one number.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run;

/// One way to load a server.
pub(super) struct Load<'a> {
    pub(super) url: String,
    pub(super) connections: u32,
    pub(super) seconds: u32,
    pub(super) token: Option<&'a str>,
    /// A Lua script that makes the requests.
    pub(super) script: Option<&'a Path>,
}

// === impl Load ===

impl Load<'_> {
    /// Requests per second; an answer other than 2xx and 3xx is an error.
    pub(super) fn measure(&self) -> Result<f64> {
        let mut wrk = Command::new("wrk");
        wrk.args(["-t2", &format!("-c{}", self.connections), &format!("-d{}s", self.seconds)]);
        if let Some(token) = self.token {
            wrk.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        if let Some(script) = self.script {
            wrk.arg("-s").arg(script);
        }
        let said = run::quietly(wrk.arg(&self.url))?;
        ensure!(!said.contains("Non-2xx"), "{} answers errors:\n{said}", self.url);
        let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        rate.and_then(|rate| rate.trim().parse().ok())
            .with_context(|| format!("wrk printed no rate:\n{said}"))
    }
}

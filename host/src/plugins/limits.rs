//! What one evaluation may use. Every limit is always on; a policy can only move it.

use std::time::Duration;

use countersign_core::time::Span;
use serde::{Deserialize, Serialize};

/// The limits of one evaluation, as `[plugin.limits]` in the policy. Byte counts are plain numbers.
///
/// `cpu` is time spent on a thread, the caller's or a plugin's: waiting for a host call does not count, and neither
/// does waiting for a thread. It is checked at the tick after it ends, so a guest is stopped at most one tick late.
/// `wall` is everything from the first instruction to the result, waiting included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    pub cpu: Span,
    pub wall: Span,
    /// Linear memory of all instances of the component together.
    pub memory_bytes: u64,
    pub tables: u32,
    /// Elements of one table.
    pub table_elements: u32,
    /// Core instances; a Python guest has about 40.
    pub instances: u32,
    /// Handles that the guest may hold at once.
    pub resources: u32,
    /// Calls of `log`, `registry` and `artifacts` together.
    pub host_calls: u32,
    /// Bytes that one call may copy between guest and host, its result included.
    pub host_call_bytes: u64,
    /// Bytes of answers from the registry, as canonical JSON.
    pub registry_bytes: u64,
    /// Bytes of the subject's files that are actually read.
    pub artifact_bytes: u64,
    pub log_lines: u32,
    pub log_line_bytes: u32,
    /// Kept of stdout and of stderr: half from the beginning, half from the end.
    pub stdio_bytes: u32,
    pub findings: u32,
    /// Of any one text in a result.
    pub text_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Span::from_millis(250),
            wall: Span::from_millis(5_000),
            memory_bytes: 64 << 20,
            tables: 64,
            table_elements: 20_000,
            instances: 64,
            resources: 256,
            host_calls: 10_000,
            host_call_bytes: 8 << 20,
            registry_bytes: 8 << 20,
            artifact_bytes: 256 << 20,
            log_lines: 64,
            log_line_bytes: 1 << 10,
            stdio_bytes: 16 << 10,
            findings: 256,
            text_bytes: 4 << 10,
        }
    }
}

/// A limit that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limit `{limit}` is {value}: {advice}")]
pub struct LimitsError {
    pub limit: &'static str,
    pub value: String,
    pub advice: String,
}

impl Limits {
    /// Refuses limits under which no guest could run, and more memory than the engine has reserved for one
    /// guest (`memory_ceiling`, bytes).
    ///
    /// # Errors
    /// Names the first limit that cannot work.
    pub fn check(&self, memory_ceiling: u64) -> Result<(), LimitsError> {
        let refuse = |limit, value: &dyn std::fmt::Display, advice: String| {
            Err(LimitsError { limit, value: value.to_string(), advice })
        };
        if self.cpu.as_millis() <= 0 {
            return refuse("cpu", &self.cpu, "write a span above zero, as in `250ms`".to_owned());
        }
        if self.wall < self.cpu {
            return refuse("wall", &self.wall, format!("it must not be below `cpu`, which is {}", self.cpu));
        }
        if self.memory_bytes > memory_ceiling {
            let advice = format!("this server gives a plugin at most {memory_ceiling} bytes");
            return refuse("memory-bytes", &self.memory_bytes, advice);
        }
        Ok(())
    }

    pub(super) fn cpu_time(&self) -> Duration {
        Duration::from_millis(self.cpu.as_millis().unsigned_abs())
    }

    pub(super) fn wall_time(&self) -> Duration {
        Duration::from_millis(self.wall.as_millis().unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str, expect: Result<(), &str>) {
        let limits: Limits = toml::from_str(toml).unwrap();
        let got = limits.check(1 << 30).map_err(|e| e.limit);
        assert_eq!(got, expect, "{toml}");
    }

    #[test]
    fn limits_that_cannot_work_are_refused() {
        check("", Ok(()));
        check("cpu = \"2s\"\nartifact-bytes = 10737418240", Ok(()));
        check("cpu = \"0s\"", Err("cpu"));
        check("wall = \"1ms\"", Err("wall"));
        check("memory-bytes = 9999999999", Err("memory-bytes"));
    }

    #[test]
    fn an_unknown_limit_is_an_error_that_lists_the_known_ones() {
        let error = toml::from_str::<Limits>("memroy-bytes = 1").unwrap_err().to_string();
        assert!(error.contains("memroy-bytes") && error.contains("memory-bytes"), "{error}");
    }
}

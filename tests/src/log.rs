//! The log of one test: there is nobody to read it once the test has passed.

use std::path::{Path, PathBuf};

/// A log beside the build, which is kept where the test fails.
#[derive(Debug)]
pub struct Log(PathBuf);

impl Log {
    /// Of this name and this process.
    pub fn of(name: &str) -> Self {
        Self(crate::paths::target().join(format!("test-{name}-{}.log", std::process::id())))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Whoever was to write it may not have begun.
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

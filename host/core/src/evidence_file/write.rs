//! Gives lines out, and the last one that seals them.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::line::End;
use crate::digest::Digest;

/// The lines that were written so far, as the last one tells of them.
#[derive(Debug, Clone, Default)]
pub struct Seal {
    lines: u64,
    hash: Sha256,
}

impl Seal {
    /// One line with its newline, taken into the seal.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn line<T: Serialize>(&mut self, value: &T) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_string(value)?;
        self.take(&line);
        line.push('\n');
        Ok(line)
    }

    /// The last line.
    ///
    /// # Errors
    /// As [`Seal::line`].
    pub fn end(&mut self) -> Result<String, serde_json::Error> {
        let end = self.clone().close();
        self.line(&end)
    }

    /// A line without its newline.
    pub(super) fn take(&mut self, line: &str) {
        self.lines += 1;
        self.hash.update(line);
        self.hash.update(b"\n");
    }

    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn close(self) -> End {
        End { end: self.lines, sha256: Digest::from_bytes(self.hash.finalize().into()) }
    }
}

//! The command line: parsing, and one module per noun. The only place where errors are `anyhow`.

pub mod args;

use std::process::ExitCode;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}

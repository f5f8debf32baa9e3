//! `evidence`: what a decision rests on, in one file.

use std::path::PathBuf;

use clap::Subcommand;
use countersign_core::request::RequestId;

#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// Writes the evidence file of a promotion request: entries with proofs, facts, runs, policy and plugins.
    #[command(after_help = "Examples:
  countersign evidence export 0198… -o evidence.jsonl
  countersign evidence export 0198… | countersign evidence verify -")]
    Export {
        /// The request's id.
        request: RequestId,
        /// Standard output without it.
        #[arg(short, long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Checks an evidence file, executes every run in it again and makes every decision again. Needs nothing but the file.
    #[command(after_help = "Examples:
  countersign evidence verify evidence.jsonl --vkey K      signed by the key that you trust
  countersign evidence verify evidence.jsonl --output json
  countersign evidence verify evidence.jsonl --no-replay   signatures, proofs, digests and decisions only

Exit code: 0 everything holds, 1 something does not, 2 not understood.")]
    Verify {
        /// A file from `evidence export`; `-` for standard input.
        file: PathBuf,
        /// The verifier key to trust, instead of the one in the file.
        #[arg(long)]
        vkey: Option<String>,
        /// Executes nothing.
        #[arg(long)]
        no_replay: bool,
        /// Takes a file from which something that it rests on is missing, and says so.
        #[arg(long)]
        allow_missing: bool,
    },
}

//! `audit`: everything about one model in one document.

use std::path::PathBuf;

use clap::Args;
use countersign_core::time::Millis;

use super::Ledgers;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign audit credit                                     credit.audit.html and credit.audit.json
  countersign audit credit --pack eu-ai-act --from 2026-01-01 -o audits/
  countersign audit credit --pack ours.toml -o credit.html     a pack of your own, and HTML alone
  countersign audit credit --export ledger.jsonl               from an export alone: without the texts that it points to

Packs that come with it: eu-ai-act, sr-26-2, iso-42001, nist-ai-rmf, 21-cfr-11. Print the HTML to PDF from a browser.")]
pub struct Audit {
    /// The registered model.
    pub model: String,
    /// A pack by its name, or a file with one; may be repeated. Without it, all that come with Countersign.
    #[arg(long = "pack", value_name = "NAME|FILE")]
    pub packs: Vec<String>,
    /// Only what happened from this time on: a day, or a time as in 2026-11-01T12:00:00Z.
    #[arg(long, value_name = "DATE")]
    pub from: Option<Millis>,
    /// Only what happened before this time.
    #[arg(long, value_name = "DATE")]
    pub to: Option<Millis>,
    /// A directory for both forms, or a file that ends in `.html` or `.json` for one.
    #[arg(short, long = "out", value_name = "DIR|FILE", default_value = ".")]
    pub out: PathBuf,
    #[command(flatten)]
    pub ledgers: Ledgers,
}

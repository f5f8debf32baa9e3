//! `held`: which version held which name, when, and on what evidence.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use countersign_core::held::Name;
use countersign_core::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HeldForm {
    Text,
    Json,
    Csv,
}

/// Where the entries are read.
#[derive(Debug, Args)]
pub struct Ledgers {
    /// The MLflow workspace of the model.
    #[arg(long, default_value = "default")]
    pub workspace: String,
    /// A file from `ledger export`, in place of this installation's ledger. It is verified as it is read.
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// The verifier key to trust, instead of the one in the export.
    #[arg(long, requires = "export", value_name = "KEY")]
    pub vkey: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign held credit                                            everything, from the beginning
  countersign held credit --alias champion --at 2026-11-01           who was it on that day, who approved it, on what
  countersign held credit --stage Production --format csv > held.csv
  countersign held credit --export ledger.jsonl --at 2026-11-01T12:00:00Z   from an export alone")]
pub struct Held {
    /// The registered model.
    pub model: String,
    /// Only this alias.
    #[arg(long, conflicts_with = "stage")]
    pub alias: Option<String>,
    /// Only this stage; several versions may be in it at once.
    #[arg(long)]
    pub stage: Option<String>,
    /// At this time: a day (midnight UTC) as in 2026-11-01, or 2026-11-01T12:00:00Z.
    #[arg(long, value_name = "DATE")]
    pub at: Option<Millis>,
    /// CSV for a spreadsheet; without it, as `--output` says.
    #[arg(long, value_enum)]
    pub format: Option<HeldForm>,
    #[command(flatten)]
    pub ledgers: Ledgers,
}

impl Held {
    /// The name that is asked for.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        let alias = self.alias.clone().map(Name::Alias);
        alias.or_else(|| self.stage.clone().map(Name::Stage))
    }
}

//! `insights`: how approval flows, in numbers.

use clap::Args;

use super::Remote;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign insights                                 the names of the tables
  countersign insights lead-time --since 30d           what approvals wait for
  countersign insights findings --model credit --csv   for a spreadsheet")]
pub struct Insights {
    #[command(flatten)]
    pub remote: Remote,
    /// Which table; without it, their names.
    pub name: Option<String>,
    /// Prints CSV by RFC 4180: seconds for lengths of time, fractions for shares.
    #[arg(long, requires = "name")]
    pub csv: bool,
    /// How far back.
    #[arg(long, default_value = "90d", value_parser = ["7d", "30d", "90d", "365d", "all"])]
    pub since: String,
    /// Only what is about this registered model.
    #[arg(long)]
    pub model: Option<String>,
    /// Only requests of this tier.
    #[arg(long)]
    pub tier: Option<String>,
}

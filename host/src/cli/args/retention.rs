//! `retention`: how long evidence is kept, and what is kept longer.

use clap::{Args, Subcommand};
use countersign_core::request::RequestId;
use uuid::Uuid;

use super::Remote;

#[derive(Debug, Args)]
pub struct Retention {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub command: RetentionCommand,
}

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// How long the policy keeps the evidence of each tier, and every legal hold in force.
    #[command(after_help = "Example:\n  countersign retention list --output json | jq '.holds[].model'")]
    List,
    /// Takes out the evidence whose time is over, as the running server does once a day. Entries of the ledger stay,
    /// and so does every proof. For the operator, on the server's machine.
    #[command(after_help = "Examples:
  countersign retention collect --dry-run   what would go, by tier
  countersign retention collect             takes it out, and has it recorded")]
    Collect {
        /// Only says what would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Puts the evidence of a model, or of what one request is about, under legal hold: it stays until that is
    /// released, whatever the policy says.
    #[command(after_help = "Examples:
  countersign retention hold --model credit --reason 'case 2026-114'
  countersign retention hold --request 0198… --reason 'complaint of a customer'")]
    Hold(NewHold),
    /// Ends a hold: somebody who sits in a seat of the policy.
    #[command(after_help = "Example:\n  countersign retention release 0198… --reason 'the case is closed'")]
    Release {
        /// As `list` shows it.
        id: Uuid,
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub struct NewHold {
    /// Everything about this registered model.
    #[arg(long, required_unless_present = "request", conflicts_with = "request")]
    pub model: Option<String>,
    /// What this request is about.
    #[arg(long)]
    pub request: Option<RequestId>,
    /// The MLflow workspace of the model.
    #[arg(long, default_value = "default")]
    pub workspace: String,
    /// Why; it stands in the ledger, so name cases and not people.
    #[arg(long)]
    pub reason: String,
}

//! `user` and `token`: people and machines.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum User {
    /// Adds somebody. Without a password they can use tokens only.
    #[command(
        after_help = "Example:\n  printf '%s' \"$PASSWORD\" | countersign user add ruth --password-stdin"
    )]
    Add {
        name: String,
        /// A machine: it can ask, and fills no seat.
        #[arg(long)]
        machine: bool,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Everyone, with the ids and labels of their tokens.
    #[command(after_help = "Example:\n  countersign user list --output json | jq -r '.users[].name'")]
    List,
    /// Removes somebody with all their tokens; what they did stays in the ledger.
    #[command(after_help = "Example:\n  countersign user remove ruth")]
    Remove { name: String },
    /// Erases what is known of somebody, for good: account, name, groups, and the words of their comments. Entries
    /// name them by an opaque id, and every proof holds. The server must be running.
    #[command(after_help = ERASE_EXAMPLES)]
    Erase {
        /// A name, or an id as entries show it.
        who: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Makes a token and prints it as the last line. It cannot be shown again.
    #[command(
        after_help = "Example:\n  export MLFLOW_TRACKING_TOKEN=$(countersign token new ana | tail -n 1)"
    )]
    New {
        /// Whose token.
        name: String,
        /// What it is for.
        #[arg(long, default_value = "token")]
        label: String,
    },
    /// Revokes a token by the id that `user list` shows, or by the token itself.
    #[command(after_help = "Example:\n  countersign token revoke q3x7k2mzpa")]
    Revoke { id: String },
}

const ERASE_EXAMPLES: &str = "\
Examples:
  countersign user erase ruth
  countersign user erase u_3f6c0a9d5e7b1c2d4e8f   somebody whom an identity provider knows

What stays: rationales, reasons and printed names that people wrote into entries of the ledger, and what MLflow says
of runs in evidence that is kept. Take them out of the identity provider as well: who signs in again is known again.";

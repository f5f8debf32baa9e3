//! The command line as a tree of types. What the commands do is in the modules beside this one.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Governance in front of an unmodified MLflow: checks, countersignatures and a tamper-evident ledger.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, global = true, default_value = "countersign.toml", env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  countersign doctor                          is everything in place?
  countersign user add ruth --password-stdin  somebody who can sign in
  countersign token new ana                   for MLFLOW_TRACKING_TOKEN
  countersign serve                           stand in front of MLflow
  countersign ledger verify                   is the chain whole?";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Stands in front of MLflow until it is told to stop (SIGTERM or Ctrl-C); SIGHUP reloads the policy.
    Serve(Serve),
    /// Looks for what would not work: upstream, Host and CORS settings, webhooks, store, plugins, clock.
    Doctor,
    /// People and machines of `[auth] mode = "local"`.
    #[command(subcommand)]
    User(User),
    /// Tokens for MLFLOW_TRACKING_TOKEN and for this command line.
    #[command(subcommand)]
    Token(Token),
    /// The configuration file.
    #[command(subcommand)]
    Config(Config),
    /// The policy file.
    #[command(subcommand)]
    Policy(Policy),
    /// Check and rule plugins.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Promotion requests of a running Countersign.
    Request(Request),
    /// The tamper-evident record.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Executes a recorded check run again and compares the bytes.
    Replay(Replay),
    /// MLflow's webhook that tells us early about changes.
    #[command(subcommand)]
    Webhook(Webhook),
    /// Everything in the store, as JSON Lines.
    #[command(subcommand)]
    Store(Store),
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Overrides `[server] listen`.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Overrides `[server] admin_listen`.
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<String>,
    /// Overrides `[upstream] url`.
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Adds somebody. Without a password they can use tokens only.
    #[command(after_help = "Example:\n  printf '%s' \"$PASSWORD\" | countersign user add ruth --password-stdin")]
    Add {
        name: String,
        /// A machine: it can ask, and fills no seat.
        #[arg(long)]
        machine: bool,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    List,
    Remove { name: String },
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Makes a token and prints it as the last line. It cannot be shown again.
    #[command(after_help = "Example:\n  export MLFLOW_TRACKING_TOKEN=$(countersign token new ana | tail -n 1)")]
    New {
        /// Whose token.
        name: String,
        /// What it is for.
        #[arg(long, default_value = "token")]
        label: String,
    },
    /// Revokes a token by the id that `user list` shows.
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Reads the file and everything that it names.
    Check,
    /// Prints the configuration in force, secrets masked.
    Show,
    /// Prints the JSON Schema of the file.
    Schema,
}

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Reads the policy, loads its plugins and validates their configurations.
    Check {
        /// Another file than `[policy] file`.
        file: Option<PathBuf>,
    },
    /// What would be asked for an action on a version, by the registry's facts of this moment.
    #[command(after_help = "Example:\n  countersign policy explain credit 7 alias=champion")]
    Explain {
        model: String,
        version: String,
        /// `alias=NAME`, `stage=NAME` or `register_into=MODEL`.
        action: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Builds the crate in DIR for wasm32-wasip2 and embeds its manifest.
    Build {
        dir: PathBuf,
        /// Where the component goes.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Embeds into this component instead of building one.
        #[arg(long, value_name = "FILE")]
        wasm: Option<PathBuf>,
    },
    /// Runs the plugin's cases against the component.
    Test {
        file: PathBuf,
        /// Case files; without them, the cases that the component carries.
        cases: Vec<PathBuf>,
    },
    /// What a component is, asks for and imports.
    Inspect { file: PathBuf },
    /// Prints the `[[plugin]]` table for the policy, with the digest.
    Pin { file: PathBuf },
}

#[derive(Debug, Args)]
pub struct Remote {
    /// Where Countersign listens; without it, `[server] public_url`.
    #[arg(long, global = true, env = "COUNTERSIGN_URL")]
    pub url: Option<String>,
    /// Your token.
    #[arg(long, global = true, env = "COUNTERSIGN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

#[derive(Debug, Args)]
pub struct Request {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub command: RequestCommand,
}

#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    List {
        /// Only requests in this state: open, in-review, approved, applied, rejected, withdrawn.
        #[arg(long)]
        state: Option<String>,
    },
    Show { id: String },
    /// Signs in a seat, for exactly what `show` shows.
    #[command(after_help = "Example:\n  countersign request approve 0198… --seat risk --rationale 'meets the bar'")]
    Approve(Vote),
    /// Says no in a seat: final for what was reviewed.
    Reject(Vote),
    Withdraw { id: String },
}

#[derive(Debug, Args)]
pub struct Vote {
    pub id: String,
    /// The seat in which you sign; needed only where you have more than one.
    #[arg(long)]
    pub seat: Option<String>,
    /// Why.
    #[arg(long)]
    pub rationale: String,
    /// The digest that you looked at; without it, the one in force now.
    #[arg(long)]
    pub subject_digest: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Checks every link, the tree and the signature; names the entry that is wrong.
    Verify {
        /// A file from `ledger export`; without it, the ledger of this installation.
        export: Option<PathBuf>,
        /// The verifier key to trust, instead of the one in the export.
        #[arg(long)]
        vkey: Option<String>,
    },
    /// Prints the proof that an entry is in the ledger.
    Prove { index: u64 },
    /// Writes the whole ledger as JSON Lines.
    Export {
        /// Standard output without it.
        #[arg(short, long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Index of a `check-run` ledger entry, or a request's id (all of its check runs).
    pub what: String,
}

#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Creates or repairs our webhook in MLflow.
    Register,
    /// Asks MLflow to send a test event.
    Test,
}

#[derive(Debug, Subcommand)]
pub enum Store {
    Export {
        #[arg(short, long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Into an empty store only.
    Import { file: PathBuf },
    Info,
}

//! The command line as a tree of types. What the commands do is in the modules beside this one.

mod attest;
mod audit;
mod evidence;
mod held;
mod init;
mod insights;
mod policy;
mod requests;
mod retention;
mod user;
mod words;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::attest::Attest;
pub use self::audit::Audit;
pub use self::evidence::Evidence;
pub use self::held::{Held, HeldForm, Ledgers};
pub use self::init::Init;
pub use self::insights::Insights;
pub use self::policy::{Policy, PolicyBacktest, PolicyHistory, PolicyTest};
pub use self::requests::{
    NewWaiver, Reason, Request, RequestCommand, Talk, Vote, Waiver, WaiverCommand, Word,
};
pub use self::retention::{NewHold, Retention, RetentionCommand};
pub use self::user::{Token, User};
pub use self::words::Replayed;
pub use countersign_core::target::Target;
pub use countersign_core::what_if::WhatIf;

/// Governance in front of an unmodified MLflow: checks, countersignatures and a tamper-evident ledger.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        default_value = "countersign.toml",
        env = "COUNTERSIGN_CONFIG",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  countersign init                            a configuration and a policy to begin with
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
    /// Writes a configuration and a policy to begin with.
    Init(Init),
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
    /// Dated exceptions to one requirement of a running Countersign.
    Waiver(Waiver),
    /// How approval flows, counted by a running Countersign.
    Insights(Insights),
    /// Which version held an alias or a stage when, who approved it, and on what evidence.
    Held(Held),
    /// Everything about one model in one document: decisions, evidence, exceptions, and what regulations ask for.
    Audit(Audit),
    /// The tamper-evident record.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Prints a decision as signed in-toto statements.
    Attest(Attest),
    /// Everything that a decision rests on, in one file that anybody can check and execute again.
    #[command(subcommand)]
    Evidence(Evidence),
    /// Executes a recorded check or rule run again and compares the bytes.
    Replay(Replay),
    /// How long evidence is kept, and what is kept longer.
    Retention(Retention),
    /// MLflow's webhook that tells us early about changes.
    #[command(subcommand)]
    Webhook(Webhook),
    /// Everything in the store, as JSON Lines.
    #[command(subcommand)]
    Store(Store),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign serve
  countersign serve --upstream http://mlflow:5000 --listen 0.0.0.0:8080")]
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

impl Serve {
    /// The keys of the configuration that the flags override.
    #[must_use]
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("server.listen", &self.listen),
            ("server.admin_listen", &self.admin_listen),
            ("upstream.url", &self.upstream),
        ];
        flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Reads the file and everything that it names.
    Check,
    /// Prints the configuration in force, secrets masked.
    #[command(after_help = "Example:\n  COUNTERSIGN__LOG__LEVEL=debug countersign config show")]
    Show,
    /// Prints the JSON Schema of the file.
    #[command(after_help = "Example:\n  countersign config schema > countersign.schema.json")]
    Schema,
}

#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Builds the crate in DIR for wasm32-wasip2 and embeds its manifest.
    #[command(after_help = "Example:\n  countersign plugin build plugins/model-card --out model-card.wasm")]
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
    #[command(
        after_help = "Examples:\n  countersign plugin test model-card.wasm\n  countersign plugin test model-card.wasm plugins/model-card/cases/*.json"
    )]
    Test {
        file: PathBuf,
        /// Case files; without them, the cases that the component carries.
        cases: Vec<PathBuf>,
    },
    /// Runs a check once over facts and files of your own and prints its report; fails when the check does.
    #[command(after_help = RUN_EXAMPLES)]
    Run {
        file: PathBuf,
        /// What the registry would say, as JSON in the form of a case's `given`; without it, a version that has nothing.
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
        /// The version's files, all below this directory. They are read where the check reads, and not digested.
        #[arg(long, value_name = "DIR")]
        artifacts: Option<PathBuf>,
        /// The check's configuration; without it, `config` of the facts. (`--config` is the server's file.)
        #[arg(long, value_name = "JSON")]
        check_config: Option<String>,
    },
    /// What a component is, asks for and imports.
    #[command(after_help = "Example:\n  countersign plugin inspect model-card.wasm")]
    Inspect { file: PathBuf },
    /// Prints the `[[plugin]]` table for the policy, with the digest.
    #[command(after_help = "Example:\n  countersign plugin pin model-card.wasm >> policy.toml")]
    Pin { file: PathBuf },
}

const RUN_EXAMPLES: &str = "\
Examples:
  countersign plugin run artifact-safety.wasm --artifacts mlruns/1/models/m-7/artifacts
  countersign plugin run metric-threshold.wasm --facts given.json --check-config '{\"metric\": \"auc\", \"min\": \"0.85\"}'

given.json:
  {\"version\": {\"model\": \"credit\", \"version\": \"7\", \"metrics\": [{\"name\": \"auc\", \"value\": \"0.91\"}]}}";

#[derive(Debug, Args)]
pub struct Remote {
    /// Where Countersign listens; without it, `[server] public_url`.
    #[arg(long, global = true, env = "COUNTERSIGN_URL")]
    pub url: Option<String>,
    /// Your token.
    #[arg(long, global = true, env = "COUNTERSIGN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Checks every link, the tree and the signature; names the entry that is wrong.
    #[command(after_help = "Examples:
  countersign ledger verify                         this installation's
  countersign ledger verify ledger.jsonl            an export, with no server and no store
  countersign ledger verify ledger.jsonl --vkey K   … signed by the key that you trust
  countersign ledger verify ledger.jsonl --against checkpoint.txt
                                                    … and going on from the checkpoint that you kept")]
    Verify {
        /// A file from `ledger export`; without it, the ledger of this installation.
        export: Option<PathBuf>,
        /// The verifier key to trust, instead of the one in the export.
        #[arg(long)]
        vkey: Option<String>,
        /// A file with checkpoints that were signed before, such as that of `[anchor] file`, or their text: what they sign
        /// must be the beginning of the ledger.
        #[arg(long, value_name = "FILE|TEXT")]
        against: Option<String>,
    },
    /// Prints the proof that an entry is in the ledger, or that an earlier ledger is its beginning.
    #[command(after_help = "Examples:
  countersign ledger prove 42 > proof.json
  countersign ledger prove --from 1000 > consistency.json   from that size to the present one")]
    Prove {
        #[arg(required_unless_present = "from", conflicts_with_all = ["from", "to"])]
        index: Option<u64>,
        /// The size of the earlier ledger.
        #[arg(long, value_name = "SIZE")]
        from: Option<u64>,
        /// The size of the later ledger; without it, the present one, with its checkpoint.
        #[arg(long, value_name = "SIZE", requires = "from")]
        to: Option<u64>,
    },
    /// Writes the whole ledger as JSON Lines.
    #[command(after_help = "Example:\n  countersign ledger export --out ledger.jsonl")]
    Export {
        /// Standard output without it.
        #[arg(short, long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Makes the lists anew by which the entries about a model or a request are found. The server must not run.
    #[command(
        after_help = "Example:\n  countersign ledger index     once `ledger verify` or `doctor` says so"
    )]
    Index,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign replay 42         the `check-run` or `rule-run` entry with that index
  countersign replay 0198…      every check run of a promotion request")]
pub struct Replay {
    /// Index of a `check-run` or `rule-run` ledger entry, or a request's id (all of its check runs).
    #[arg(value_name = "INDEX|REQUEST")]
    pub what: Replayed,
}

#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Creates or repairs our webhook in MLflow, with `url` and `secret` of `[webhook]`.
    #[command(after_help = "Example:\n  countersign webhook register && countersign webhook test")]
    Register,
    /// Asks MLflow to send a test event.
    Test,
}

#[derive(Debug, Subcommand)]
pub enum Store {
    /// Writes every key and value; the server must be stopped.
    #[command(after_help = "Example:\n  countersign store export --out store.jsonl")]
    Export {
        /// Standard output without it.
        #[arg(short, long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Fills an empty store from an export.
    #[command(
        after_help = "Example:\n  COUNTERSIGN__STORE__URL=sled:./new countersign store import store.jsonl"
    )]
    Import { file: PathBuf },
    /// How much of what is in it.
    Info,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }
}

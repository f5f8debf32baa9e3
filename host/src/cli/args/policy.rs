//! `policy`: what it says, what it would say, and whether it says what it should.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_core::names::Version;
use countersign_core::target::Target;
use countersign_core::time::Millis;
use countersign_core::what_if::WhatIf;

use super::{Remote, words};
pub(crate) use crate::cli::policy::init::Preset;

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Writes a commented policy with the tiers critical, high, medium and low. It is valid as it stands.
    #[command(after_help = "Example:\n  countersign policy init --preset startup")]
    Init {
        #[arg(long, value_enum, default_value = "bank")]
        preset: Preset,
        /// Where it goes; never over another file.
        #[arg(long, default_value = "policy.toml")]
        file: PathBuf,
    },
    /// Reads the policy, loads its plugins and validates their configurations; names everything that is wrong.
    #[command(
        after_help = "Example:\n  countersign policy check policy.toml && kill -HUP $(pidof countersign)"
    )]
    Check {
        /// Another file than `[policy] file`.
        file: Option<PathBuf>,
    },
    /// Decides the cases that lie next to the policy and says what comes out otherwise. Needs no server and no MLflow.
    #[command(after_help = TEST_EXAMPLES)]
    Test(PolicyTest),
    /// Decides recorded history again by another policy: which decisions would change, which live versions would not comply.
    #[command(after_help = BACKTEST_EXAMPLES)]
    Backtest(PolicyBacktest),
    /// Has a running Countersign read the policy's file again, in your name: somebody in the seat `administrator`.
    #[command(after_help = RELOAD_EXAMPLES)]
    Reload(Remote),
    /// Policies that took effect, newest first: when, and who had each taken up.
    #[command(after_help = "Examples:
  countersign policy history
  countersign policy history --limit 200 --csv > policies.csv
  countersign policy history --output json | jq '.policies[].by.person'")]
    History(PolicyHistory),
    /// What would be asked for an action on a version, by the registry's facts of this moment.
    #[command(
        after_help = "Examples:\n  countersign policy explain credit 7 alias=champion\n  countersign policy explain credit 7 alias=champion --with tag.risk=high --with metric.auc=0.7\n  countersign policy explain credit 7 change=artifacts"
    )]
    Explain {
        model: String,
        #[arg(value_parser = words::version)]
        version: Version,
        /// `alias=NAME`, `stage=NAME`, `register_into=MODEL`, or `change=WHAT` of what the version holds, by its key in the policy.
        action: Target,
        /// The MLflow workspace of the model.
        #[arg(long, default_value = "default")]
        workspace: String,
        /// What if this were so: `tag.NAME=VALUE`, `model_tag.…`, `param.…` or `metric.NAME=NUMBER`. May be repeated.
        #[arg(long, value_name = "FACT=VALUE")]
        with: Vec<WhatIf>,
    },
}

#[derive(Debug, Args)]
pub struct PolicyHistory {
    #[command(flatten)]
    pub remote: Remote,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Only those before this ledger entry: the oldest one of the page before.
    #[arg(long, value_name = "ENTRY")]
    pub before: Option<u64>,
    /// Prints CSV by RFC 4180.
    #[arg(long)]
    pub csv: bool,
}

const RELOAD_EXAMPLES: &str = "\
Examples:
  countersign policy check && countersign policy reload
  countersign policy reload --url https://mlflow.example.com --token cs_…

The ledger names you as who had it taken up. A server that watches the file (`[policy] watch`, as it does by default)
mostly has it before you ask, and then only the file's owner is recorded: set `watch = false` to leave it to people.
Exit code 1: the file cannot be used, and nothing has changed; what is wrong with it is printed.";

#[derive(Debug, Args)]
pub struct PolicyTest {
    /// Another file than `[policy] file`.
    pub file: Option<PathBuf>,
    /// Case files, instead of `policy.tests.toml` and `policy/tests/*.toml` next to `policy.toml`. May be repeated.
    #[arg(long, value_name = "GLOB")]
    pub cases: Vec<String>,
    /// Only cases whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

#[derive(Debug, Args)]
pub struct PolicyBacktest {
    /// The policy that history is held against. It need not be in force, and its plugins need not be there.
    pub file: PathBuf,
    /// Only decisions from then on: a day (UTC) or a time. Live versions are all looked at.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Millis>,
    /// The file of an earlier policy whose text the record does not have. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub was: Vec<PathBuf>,
}

const BACKTEST_EXAMPLES: &str = "\
Examples:
  countersign policy backtest stricter.toml
  countersign policy backtest stricter.toml --since 2026-01-01 --output json | jq '.changed[].because'

Each decision is first made again by the policy of its time, from the facts, check runs, reviews and waivers that the
record names. Where that does not give what was recorded, it says so and concludes nothing. A check that the new policy
asks for and that did not run then, by these bytes and this configuration, leaves the answer unknown. Seats are filled
by the people who are known today.";

const TEST_EXAMPLES: &str = "\
Examples:
  countersign policy test
  countersign policy test policy.toml --cases 'tests/*.toml' --only champion

policy.tests.toml:
  [[case]]
  name = \"a high-risk champion waits for two of risk\"
  action = \"alias=champion\"                          # as in `policy explain`
  facts = { tags = { risk = \"high\" }, metrics = { auc = \"0.91\" } }
  checks = { metric-threshold = \"pass\" }             # one that is not named passes
  reviews = [{ by = \"ruth\", seat = \"risk\" }]
    [case.expect]
    decision = \"hold\"                                # ungoverned, refused, allow, hold, deny
    tier = \"high\"
    needs = [\"1 signature from seat risk\"]

A case may also have: at, requester, creator, run_author, last_writer, snapshot (recorded facts: a file, or the digest that a request names), rules,
waivers, break_glass, open_threads, groups, machines, judged_before; and expect violations, seats, gates, monitored.
`[defaults]` stands below every case. Exit code 1: a case fails. 2: a file cannot be understood.";

//! `policy`: what it says, what it would say, and whether it says what it should.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_core::names::Version;
use countersign_core::target::Target;
use countersign_core::what_if::WhatIf;

use super::words;
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

A case may also have: at, requester, creator, run_author, last_writer, snapshot (a file with recorded facts), rules,
waivers, break_glass, open_threads, groups, machines, judged_before; and expect violations, seats, gates, monitored.
`[defaults]` stands below every case. Exit code 1: a case fails. 2: a file cannot be understood.";

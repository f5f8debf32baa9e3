//! The command line: parsing, and one module per noun. The only place where errors are `anyhow`.

mod account;
pub mod args;
mod attest;
mod audit;
mod background;
mod background_replay;
mod config;
mod context;
mod doctor;
mod evidence;
mod failure;
mod held;
mod identity;
mod init;
mod insights;
mod ledger;
mod machinery;
mod operator;
mod output;
mod place;
mod plugin;
mod policy;
mod progress;
mod remote;
mod replay;
mod request;
mod retention;
mod serve;
mod store;
mod token;
mod user;
mod waiver;
mod webhook;

use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Cli, Command};
use self::context::Context;

/// Runs the command line of this process. Exit codes: 0 done, 1 refused or failed, 2 not understood.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { config, output, command } = Cli::parse();
    // Fails only where a provider is set already, which is then as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&Context::new(config, output), command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(wanted) => init::run(context, &wanted),
        Command::Serve(flags) => serve::run(&context.config_with(&flags.overrides())?),
        Command::Doctor => doctor::run(context),
        Command::User(command) => user::run(context, command),
        Command::Token(command) => token::run(context, command),
        Command::Config(command) => config::run(context, &command),
        Command::Policy(command) => policy::run(context, command),
        Command::Plugin(command) => plugin::run(context, command),
        Command::Request(command) => request::run(context, command),
        Command::Waiver(command) => waiver::run(context, command),
        Command::Insights(command) => insights::run(context, command),
        Command::Audit(command) => audit::run(context, &command),
        Command::Held(command) => held::run(context, &command),
        Command::Ledger(command) => ledger::run(context, command),
        Command::Attest(command) => attest::run(context, command),
        Command::Evidence(command) => evidence::run(context, command),
        Command::Replay(command) => replay::run(context, &command),
        Command::Retention(command) => retention::run(context, command),
        Command::Webhook(command) => webhook::run(context, &command),
        Command::Store(command) => store::run(context, command),
    }
}

//! `countersign config`: the file that says how the server runs, and everything that it names.

use anyhow::{Result, bail};
use countersign_core::policy::Policy;
use serde_json::json;

use super::args::Config as Command;
use super::context::Context;
use super::user;
use crate::config::{AuthMode, Config};

pub(super) fn run(context: &Context, command: &Command) -> Result<()> {
    match command {
        Command::Check => check(context),
        Command::Show => {
            let shown = context.config()?.show();
            let value: serde_json::Value = toml::from_str(&shown)?;
            context.out.tell(&shown, &value)
        }
        Command::Schema => context.out.json(&Config::schema()),
    }
}

fn check(context: &Context) -> Result<()> {
    let config = context.config()?;
    let faults = [policy_fault(&config), users_fault(&config)].into_iter().flatten().collect::<Vec<_>>();
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let file = context.file().display();
    let policy = &config.policy_file;
    context.out.tell(
        &format!("`{file}` and what it names can be used; `countersign doctor` looks further"),
        &json!({"config": context.file(), "policy": policy, "users": config.auth.users_file, "good": true}),
    )
}

fn policy_fault(config: &Config) -> Option<String> {
    let file = config.policy_file.display().to_string();
    match std::fs::read_to_string(&config.policy_file) {
        Ok(text) => Policy::parse(&file, &text).err().map(|error| error.to_string()),
        Err(error) => Some(format!("{file}: the policy cannot be read: {error}: set `file` under [policy]")),
    }
}

fn users_fault(config: &Config) -> Option<String> {
    if !matches!(config.auth.mode, AuthMode::Local) {
        return None;
    }
    user::load(&config.auth.users_file).err().map(|error| format!("{error:#}"))
}

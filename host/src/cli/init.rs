//! `countersign init`: a configuration and a policy to begin with, both valid as they stand.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;

use super::args::Init;
use super::context::Context;
use super::failure::hinted;
use super::policy::init;
use crate::config::Config;

/// Writes all of them, or, where one is there already, none.
pub(super) fn run(context: &Context, wanted: &Init) -> Result<()> {
    Config::load(None, [], &[("upstream.url", wanted.upstream.clone())])?;
    let config = context.file();
    let policy = config.with_file_name("policy.toml");
    let cases = init::cases_of(&policy);
    for file in [config, &policy, &cases] {
        let there = format!("`{}` is there already, so that nothing was written", file.display());
        ensure!(!file.exists(), hinted(there, "begin in an empty folder, or move it away"));
    }
    init::write_new(config, &configuration(&wanted.upstream))?;
    init::write_both(wanted.preset, &policy)?;
    let shown = |path: &Path| path.display().to_string();
    context.out.tell(
        &told(&shown(config), &shown(&policy), &shown(&cases)),
        &json!({"config": shown(config), "policy": shown(&policy), "cases": shown(&cases)}),
    )
}

fn told(config: &str, policy: &str, cases: &str) -> String {
    format!(
        "wrote `{config}`, `{policy}`, and `{cases}` with what the policy must decide. Next:\n  \
         - put your people into the seats of `{policy}`, and in place of its people into `{cases}`\n  \
         - countersign user add NAME --password-stdin    for each of them\n  \
         - countersign policy test && countersign doctor\n  \
         - countersign serve"
    )
}

fn configuration(upstream: &str) -> String {
    let url = toml::Value::from(upstream);
    format!(
        "# How Countersign runs. `countersign config schema` describes every key; what is not here has its default.\n\
         # What is governed stands in the policy.\n\
         \n\
         [server]\n\
         listen = \"127.0.0.1:8080\"            # MLflow's clients and browsers come here\n\
         admin_listen = \"127.0.0.1:9080\"      # /livez, /readyz, /metrics: for operators only\n\
         # public_url = \"https://mlflow.example.com\" # how people reach it, once that is another address\n\
         \n\
         [upstream]\n\
         url = {url}        # MLflow: let nobody reach it but Countersign\n\
         \n\
         [policy]\n\
         file = \"./policy.toml\"\n\
         \n\
         [auth]\n\
         mode = \"local\"                       # or \"oidc\", \"proxy-header\", \"upstream\"\n\
         users_file = \"./users.toml\"          # written by `countersign user add` and `countersign token new`\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Output;
    use crate::cli::policy::init::Preset;

    fn begin(dir: &Path, upstream: &str) -> Result<()> {
        let context = Context::new(dir.join("countersign.toml"), Output::Text);
        run(&context, &Init { upstream: upstream.to_owned(), preset: Preset::Startup })
    }

    #[test]
    fn what_it_writes_is_what_the_server_reads() {
        let dir = tempfile::tempdir().unwrap();
        begin(dir.path(), "http://mlflow:5000/ml").unwrap();
        let config = Config::load(Some(&dir.path().join("countersign.toml")), [], &[]).unwrap();
        assert_eq!(config.upstream.url.to_string(), "http://mlflow:5000/ml");
        let policy = std::fs::read_to_string(&config.policy_file).unwrap();
        countersign_core::policy::Policy::parse("policy.toml", &policy).unwrap();
        assert!(dir.path().join("policy.tests.toml").exists());
    }

    #[test]
    fn nothing_is_written_over_and_nothing_where_the_address_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(begin(dir.path(), "mlflow:5000").unwrap_err().to_string().contains("upstream.url"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::write(dir.path().join("policy.toml"), "mine").unwrap();
        assert!(begin(dir.path(), "http://mlflow:5000").unwrap_err().to_string().contains("policy.toml"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(dir.path().join("policy.toml")).unwrap(), "mine");
    }
}
